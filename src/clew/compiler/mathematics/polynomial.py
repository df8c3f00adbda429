"""Polynomials in registers: the constant term's coefficient comes first."""

from __future__ import annotations

from collections.abc import Sequence

from clew.compiler.block import Block, Reg, number

LONG = 10  # coefficients from which on the shorter waits pay for the squarings


def polynomial(b: Block, x: Reg, coefficients: Sequence[float]) -> Reg:
    """The sum by the scheme that suits its length; the constant term, the largest, is added last."""
    if len(coefficients) < LONG:
        return horner(b, x, coefficients)
    first, *rest = coefficients
    return b.fma(x, estrin(b, x, rest), number(first, x.type))


def horner(b: Block, x: Reg, coefficients: Sequence[float]) -> Reg:
    """``c0 + x * (c1 + x * (c2 + ...))``: the fewest instructions, each waiting for the one before."""
    *rest, last = coefficients
    total = number(last, x.type)
    for c in reversed(rest):
        total = b.fma(total, x, number(c, x.type))
    return total


def estrin(b: Block, x: Reg, coefficients: Sequence[float]) -> Reg:
    """The same sum by pairs, ``(c0 + c1 x) + (c2 + c3 x) x^2 + ...``: a few squarings more, and a short chain of waits.

    G. Estrin, Organization of computer systems: the fixed plus variable structure computer (1960).
    """
    terms = [number(c, x.type) for c in coefficients]
    while len(terms) > 1:
        pairs = [b.fma(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
        if len(terms) > 1:
            x = b.fmul(x, x)
    return terms[0]
