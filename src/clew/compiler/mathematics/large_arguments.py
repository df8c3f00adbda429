"""Angles of any size, reduced exactly: what the trigonometric functions do with large arguments.

M. Payne and R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18 (1983), 19-24: of the product
``x / pi`` only the digits matter that are not multiples of 2, so that of ``1 / pi`` only a window of digits takes part,
which begins where ``x`` says.
"""

from __future__ import annotations

from functools import cache

from ..block import Block, Reg, like, number

DIGITS = 1168  # of 1 / pi: the largest exponent, 971, and a window, and a little
WINDOW = 192  # one digit before the point; of those after it 137 are right, of which cancellation takes at most 62
TABLE = 21  # words
PI = (3.141592653589793, 1.2246467991473532e-16)
LEAST = -64  # the smallest exponent that the table serves
FOUND = "{ double, double, i64 }"


@cache
def inverse_pi(digits: int) -> int:
    """``2**digits / pi``, by John Machin's formula: ``pi / 4 = 4 atan(1/5) - atan(1/239)``."""
    one = 1 << (digits + 64)

    def atan_of_inverse(n: int) -> int:
        total, term, k = 0, one // n, 1
        while term:
            total += term // k if k % 4 == 1 else -(term // k)
            term, k = term // (n * n), k + 2
        return total

    return (one << digits) // (4 * (4 * atan_of_inverse(5) - atan_of_inverse(239)))


def turns(b: Block, x: Reg, doubled: bool, half: bool) -> list[Reg]:
    """``f * pi`` in two parts, and the lowest bit of ``k`` as sign bit, of ``|x| / pi - 1/2 = k + f`` with ``|f| <= 1/2``.

    The 1/2 is subtracted only if asked for, and ``x`` is doubled if asked for. NaN where ``x`` is not finite. Of numbers
    below ``2**-10`` the result has no meaning. Lanes are computed one by one, by functions of the module.
    """
    kinds = [x.type, x.type, like(x.type, "i32" if x.element == "float" else "i64")]
    struct = f"{{ {', '.join(kinds)} }}"
    name = f"clew.turns.{x.element}.{x.lanes}"
    operands = [Reg("%x", x.type), Reg("%doubled", "i64"), Reg("%half", "i64")]

    def write(inner: Block) -> None:
        inner.do(f"ret {_packed(inner, struct, _lanes(inner, kinds, *operands))}")

    b.module.function(name, struct, operands, write, "internal")
    found = b.call(name, struct, x, number(doubled, "i64"), number(1 << 62 if half else 0, "i64"))
    return _unpacked(b, found, kinds)


def _lanes(b: Block, kinds: list[str], x: Reg, doubled: Reg, half: Reg) -> list[Reg]:
    if not x.lanes:
        return _one(b, x, doubled, half)
    with b.loop(number(0, "i64"), number(x.lanes, "i64"), carried=[number(0, kind) for kind in kinds]) as loop:
        one = b.put(f"extractelement {x}, {loop.i}", x.element)
        found = _one(b, one, doubled, half)
        loop.next = [b.put(f"insertelement {v}, {y}, {loop.i}", v.type) for v, y in zip(loop.carried, found, strict=True)]
    return loop.results


def _one(b: Block, x: Reg, doubled: Reg, half: Reg) -> list[Reg]:
    """One number by the function for doubles."""
    operands = [Reg("%x", "double"), doubled, half]
    b.module.function("clew.turns", FOUND, operands, lambda inner: _reduce(inner, *operands), "internal")
    wide = b.convert("fpext", x, "double") if x.element == "float" else x
    found = b.call("clew.turns", FOUND, wide, doubled, half)
    high, low, flip = _unpacked(b, found, ["double", "double", "i64"])
    if x.element == "double":
        return [high, low, flip]
    near = b.convert("fptrunc", high, "float")
    rest = b.convert("fptrunc", b.fadd(b.fsub(high, b.convert("fpext", near, "double")), low), "float")
    return [near, rest, b.convert("trunc", b.lshr(flip, number(32, "i64")), "i32")]


def _packed(b: Block, struct: str, values: list[Reg]) -> Reg:
    whole = Reg("poison", struct)
    for k, value in enumerate(values):
        whole = b.put(f"insertvalue {whole}, {value}, {k}", struct)
    return whole


def _unpacked(b: Block, whole: Reg, kinds: list[str]) -> list[Reg]:
    return [b.put(f"extractvalue {whole}, {k}", kind) for k, kind in enumerate(kinds)]


def _reduce(b: Block, x: Reg, doubled: Reg, half: Reg) -> None:
    """``|x| = m * 2**e``; the window's first digit has the value 1 in the product, and all above are multiples of 2."""
    bits = b.bits_and(b.bitcast(x, "i64"), number((1 << 63) - 1, "i64"))
    e = b.add(b.sub(b.lshr(bits, number(52, "i64")), number(1075, "i64")), doubled)
    e = b.select(b.icmp("slt", e, number(LEAST, "i64")), number(LEAST, "i64"), e)
    m = b.bits_or(b.bits_and(bits, number((1 << 52) - 1, "i64")), number(1 << 52, "i64"))
    top, middle, bottom = _product(b, m, _window(b, e))
    top = b.sub(top, half)
    one = number(1, "i64")
    fraction = [b.intrinsic("fshl", top, middle, one), b.intrinsic("fshl", middle, bottom, one), b.shl(bottom, one)]
    flip = b.bits_and(b.bits_xor(top, fraction[0]), number(-1 << 63, "i64"))  # what is above 1/2 is rounded up
    high, low = _times_pi(b, fraction)
    finite = b.icmp("ult", bits, number(0x7FF << 52, "i64"))
    high = b.select(finite, high, number(float("nan"), "double"))
    b.do(f"ret {_packed(b, FOUND, [high, low, flip])}")


def _window(b: Block, e: Reg) -> list[Reg]:
    """The digits of ``1 / pi`` from number ``e`` on: three words, the last digits first."""
    digits = inverse_pi(DIGITS)
    words = ", ".join(f"i64 {digits >> (64 * k) & (1 << 64) - 1}" for k in range(TABLE))
    table = Reg("@clew.inverse_pi", "ptr")
    b.module.declare(f"{table.text} = internal constant [{TABLE} x i64] [{words}], align 8")
    last = b.sub(number(DIGITS - WINDOW + 1, "i64"), e)
    place = b.gep(table, b.lshr(last, number(6, "i64")), "i64")
    loaded = [b.load(b.gep(place, number(k, "i64"), "i64"), "i64", 8) for k in range(4)]
    return [b.intrinsic("fshr", loaded[k + 1], loaded[k], last) for k in range(3)]  # takes the shift modulo 64


def _product(b: Block, m: Reg, window: list[Reg]) -> list[Reg]:
    """The product's lowest three words, the first digits first."""
    factor, carry, words = b.convert("zext", m, "i128"), number(0, "i128"), []
    for word in window:
        partial = b.add(b.mul(factor, b.convert("zext", word, "i128")), carry)
        words.append(b.convert("trunc", partial, "i64"))
        carry = b.lshr(partial, number(64, "i128"))
    return words[::-1]


def _times_pi(b: Block, words: list[Reg]) -> tuple[Reg, Reg]:
    """A signed fraction of ``2**WINDOW`` in three words, times pi, as two doubles."""
    negative = b.ashr(words[0], number(63, "i64"))
    words = [b.bits_xor(word, negative) for word in words]
    b.module.declare("declare i64 @llvm.ctlz.i64(i64, i1)")
    zeros = b.put(f"call i64 @llvm.ctlz.i64({words[0]}, i1 false)", "i64")  # below 64, by the limit of cancellation
    first, second = b.intrinsic("fshl", words[0], words[1], zeros), b.intrinsic("fshl", words[1], words[2], zeros)
    eleven = number(11, "i64")
    high = b.convert("uitofp", b.lshr(first, eleven), "double")
    low = b.convert("uitofp", b.lshr(b.intrinsic("fshl", first, second, number(53, "i64")), eleven), "double")
    low = b.fmul(low, number(2.0**-53, "double"))
    exponent = b.shl(b.sub(number(1023 - 53, "i64"), zeros), number(52, "i64"))
    scale = b.bitcast(b.bits_or(exponent, b.shl(negative, number(63, "i64"))), "double")
    pi, pi_low = (number(c, "double") for c in PI)
    p = b.fmul(high, pi)
    rest = b.fma(high, pi_low, b.fma(low, pi, b.fma(high, pi, b.fneg(p))))
    total = b.fadd(p, rest)
    return b.fmul(total, scale), b.fmul(b.fsub(rest, b.fsub(total, p)), scale)
