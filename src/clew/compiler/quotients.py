"""Quotients and remainders of places, as few divisions as can be."""

from __future__ import annotations

from .block import Block, Reg, number


def divided(b: Block, x: Reg, n: Reg, negative: bool) -> tuple[Reg, Reg]:
    """``x // n`` and ``x % n`` as Python has them; ``negative`` says that ``x`` may be."""
    if x.text.lstrip("-").isdecimal():
        known = divmod(int(x.text), int(n.text))
        return number(known[0], x.type), number(known[1], x.type)
    if not negative:
        floor = b.binary("udiv", x, n)
        return floor, b.sub(x, b.mul(floor, n))
    quotient = b.binary("sdiv", x, n)
    rest = b.sub(x, b.mul(quotient, n))
    below = b.icmp("slt", rest, number(0, x.type))
    return b.select(below, b.sub(quotient, number(1, x.type)), quotient), b.select(below, b.add(rest, n), rest)


def from_first(b: Block, rest: Reg, n: int, lanes: int) -> tuple[Reg, Reg]:
    """Of neighbours, of which the first has the remainder ``rest``: by how much their quotients by ``n`` are above the first's,
    and their remainders. No wide division is needed."""
    places = b.lanes_from(rest, lanes)
    if n >= lanes:
        over = b.icmp("sge", places, number(n, places.type))
        more, less = b.convert("zext", over, "i64"), b.select(over, number(n, places.type), number(0, places.type))
    else:
        few = b.convert("trunc", places, "i32")
        more = b.convert("zext", b.binary("udiv", few, number(n, few.type)), "i64")
        less = b.mul(more, number(n, more.type))
    return more, b.sub(places, less)
