"""Angles of any size, reduced exactly: what the trigonometric functions do with large arguments.

M. Payne and R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18 (1983), 19-24: of the product
``x / pi`` only the digits matter that are not multiples of 2, so that of ``1 / pi`` only a window of digits takes part,
which begins where ``x`` says.
"""

from __future__ import annotations

from functools import cache

from ..block import Block, Reg, like, number

DIGITS = 1168  # of 1 / pi: the largest exponent, 971, and a window, and a little
WINDOW = 192  # one digit before the point; leaves 137 after the point right, of which cancellation takes at most 62
TABLE = DIGITS + 128
PI = (3.141592653589793, 1.2246467991473532e-16)
LEAST = -64  # the smallest exponent that the table serves


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


def turns(b: Block, x: Reg, doubled: bool, half: bool) -> tuple[Reg, Reg, Reg]:
    """``f * pi`` in two parts, and the lowest bit of ``k`` as sign bit, of ``|x| / pi - 1/2 = k + f`` with ``|f| <= 1/2``.

    The 1/2 is subtracted only if asked for, and ``x`` is doubled if asked for. NaN where ``x`` is not finite. In numbers
    below ``2**-10`` the result has no meaning. All lanes are computed one by one, by a function of the module.
    """
    integer = like(x.type, "i32" if x.element == "float" else "i64")
    struct = f"{{ {x.type}, {x.type}, {integer} }}"
    name = f"clew.turns.{x.element}.{x.lanes}.{doubled:d}{half:d}"
    b.module.function(name, struct, [Reg("%x", x.type)], lambda inner: _each(inner, struct, integer, doubled, half), "internal")
    result = b.call(name, struct, x)
    high, low, flip = (b.put(f"extractvalue {result}, {k}", kind) for k, kind in enumerate((x.type, x.type, integer)))
    return high, low, flip


def _each(b: Block, struct: str, integer: str, doubled: bool, half: bool) -> None:
    """The body of ``turns``: lane by lane."""
    kind = struct[2 : struct.index(", ")]
    x = Reg("%x", kind)
    results = [Reg("poison", kind), Reg("poison", kind), Reg("poison", integer)]
    for lane in range(x.lanes or 1):
        one = b.put(f"extractelement {x}, i64 {lane}", x.element) if x.lanes else x
        found = _one(b, one, doubled, half)
        if not x.lanes:
            results = found
            continue
        results = [b.put(f"insertelement {v}, {y}, i64 {lane}", v.type) for v, y in zip(results, found, strict=True)]
    whole = Reg("poison", struct)
    for k, y in enumerate(results):
        whole = b.put(f"insertvalue {whole}, {y}, {k}", struct)
    b.do(f"ret {whole}")


def _one(b: Block, x: Reg, doubled: bool, half: bool) -> list[Reg]:
    """One lane by the function for doubles."""
    struct = "{ double, double, i64 }"
    name = "clew.turns"
    operands = [Reg("%x", "double"), Reg("%doubled", "i64"), Reg("%half", f"i{WINDOW}")]
    b.module.function(name, struct, operands, lambda inner: _reduce(inner, *operands), "internal")
    wide = b.convert("fpext", x, "double") if x.element == "float" else x
    half_turn = number(1 << (WINDOW - 2) if half else 0, f"i{WINDOW}")
    result = b.call(name, struct, wide, number(doubled, "i64"), half_turn)
    high, low, flip = (b.put(f"extractvalue {result}, {k}", kind) for k, kind in enumerate(("double", "double", "i64")))
    if x.element == "double":
        return [high, low, flip]
    near = b.convert("fptrunc", high, "float")
    rest = b.convert("fptrunc", b.fadd(b.fsub(high, b.convert("fpext", near, "double")), low), "float")
    return [near, rest, b.convert("trunc", b.lshr(flip, number(32, "i64")), "i32")]


def _reduce(b: Block, x: Reg, doubled: Reg, half: Reg) -> None:
    """``|x| = m * 2**e``; the window's first digit has the value 1 in the product, and all above are multiples of 2."""
    bits = b.bits_and(b.bitcast(x, "i64"), number((1 << 63) - 1, "i64"))
    e = b.add(b.sub(b.lshr(bits, number(52, "i64")), number(1075, "i64")), doubled)
    e = b.select(b.icmp("slt", e, number(LEAST, "i64")), number(LEAST, "i64"), e)
    m = b.bits_or(b.bits_and(bits, number((1 << 52) - 1, "i64")), number(1 << 52, "i64"))
    product = b.mul(b.convert("zext", m, f"i{WINDOW}"), _window(b, e))
    product = b.sub(product, half)
    top = b.lshr(b.bits_xor(product, b.shl(product, number(1, product.type))), number(WINDOW - 1, product.type))
    flip = b.shl(b.convert("trunc", top, "i64"), number(63, "i64"))
    high, low = _times_pi(b, b.shl(product, number(1, product.type)))
    finite = b.icmp("ult", bits, number(0x7FF << 52, "i64"))
    high = b.select(finite, high, number(float("nan"), "double"))
    whole = Reg("poison", "{ double, double, i64 }")
    for k, y in enumerate((high, low, flip)):
        whole = b.put(f"insertvalue {whole}, {y}, {k}", whole.type)
    b.do(f"ret {whole}")


def _window(b: Block, e: Reg) -> Reg:
    """The digits of ``1 / pi`` from number ``e`` on."""
    table = "@clew.inverse_pi"
    b.module.declare(f"{table} = internal constant i{TABLE} {inverse_pi(DIGITS)}, align 16")
    last = b.sub(number(DIGITS - WINDOW + 1, "i64"), e)
    place = b.gep(Reg(table, "ptr"), b.lshr(last, number(3, "i64")), "i8")
    loaded = b.load(place, "i256", 1)
    shift = b.convert("zext", b.bits_and(last, number(7, "i64")), "i256")
    return b.convert("trunc", b.lshr(loaded, shift), f"i{WINDOW}")


def _times_pi(b: Block, f: Reg) -> tuple[Reg, Reg]:
    """A signed fraction of ``2**WINDOW``, times pi, as two doubles."""
    negative = b.icmp("slt", f, number(0, f.type))
    size = b.select(negative, b.sub(number(0, f.type), f), f)
    count = f"llvm.ctlz.{f.type}"
    b.module.declare(f"declare {f.type} @{count}({f.type}, i1)")
    zeros = b.put(f"call {f.type} @{count}({size}, i1 false)", f.type)
    digits = b.shl(size, zeros)
    high = b.convert("uitofp", b.convert("trunc", b.lshr(digits, number(WINDOW - 53, f.type)), "i64"), "double")
    next_bits = b.convert("trunc", b.lshr(digits, number(WINDOW - 106, f.type)), "i64")
    low = b.convert("uitofp", b.bits_and(next_bits, number((1 << 53) - 1, "i64")), "double")
    low = b.fmul(low, number(2.0**-53, "double"))
    exponent = b.sub(number(1023 - 53, "i64"), b.convert("trunc", zeros, "i64"))
    scale = b.bitcast(b.shl(exponent, number(52, "i64")), "double")
    scale = b.select(negative, b.fneg(scale), scale)
    first, second = (number(c, "double") for c in PI)
    p = b.fmul(high, first)
    rest = b.fma(high, second, b.fma(low, first, b.fma(high, first, b.fneg(p))))
    total = b.fadd(p, rest)
    return b.fmul(total, scale), b.fmul(b.fsub(rest, b.fsub(total, p)), scale)
