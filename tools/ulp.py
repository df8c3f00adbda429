"""How accurate the functions of the compiler's vector mathematics are.

Usage: ``python tools/ulp.py sin,cos f32 --all`` checks every float32; ``python tools/ulp.py all f64 -n 10000000`` checks
numbers of all exponents and as many from the ranges that are hard for a function (``HARD``), or only those between ``--low``
and ``--high``.
The oracle is NumPy in the next wider type, or our own float64 where NumPy lacks the function; ``--oracle flint`` (python-flint)
and ``--oracle mpmath`` have as many digits as are asked for. It prints the largest distance in units in the last place, and
where it lies.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from math import inf, pi
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np

from clew.compiler import mathematics

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.compiler.mathematics import accuracy
from tests.compiler.mathematics.accuracy import Array

NUMPY = {"pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
NUMPY |= {"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}
UNARY = "exp exp2 expm1 log log2 log10 log1p sinh cosh tanh asinh acosh atanh sin cos tan asin acos atan erf".split()
BINARY = ["pow", "atan2"]
CHUNK = 2**14  # small enough for the caches
Range = tuple[float, float]
# Where reductions change their integer or formula, and where results are near 0, overflow or are subnormal
EXPONENTIAL: list[Range] = [(-0.4, 0.4), (0.34, 0.36), (-3, 3), (-745.2, -707), (700, 710)]
LOGARITHM: list[Range] = [(0.99, 1.01), (0.65, 0.75), (1.35, 1.5), (0, 1e-307), (0.5, 2)]
CIRCULAR: list[Range] = [(-0.8, 0.8), (1.5, 1.65), (3.1, 3.2), (-8, 8), (-1e3, 1e3), (2.6e8, 2.8e8), (1e9, 1e22), (0, 1e300)]
HARD: dict[str, list[Any]] = {
    "exp": EXPONENTIAL,
    "exp2": [(-0.6, 0.6), (-3, 3), (-1076, -1020), (1020, 1025)],
    "expm1": [*EXPONENTIAL[:3], (-1e-8, 1e-8), (-40, -0.3), (700, 710)],
    "log": LOGARITHM,
    "log2": LOGARITHM,
    "log10": LOGARITHM,
    "log1p": [(-0.35, 0.5), (-1, -0.9), (-1e-8, 1e-8), (-1, 3), (0, 1e20)],
    "sinh": [(-0.4, 0.4), (0.34, 0.4), (0, 3), (20, 24), (708, 711)],
    "cosh": [(-0.4, 0.4), (1, 6), (20, 24), (708, 711)],
    "tanh": [(-0.4, 0.4), (0.2, 0.25), (0.3, 1.5), (17, 20)],
    "asinh": [(-0.01, 0.01), (0.2, 1.2), (1, 10), (1e15, 1e17), (0, 1e300)],
    "acosh": [(1, 1.0001), (1, 1.1), (1.1, 3), (1e15, 1e17), (1, 1e300)],
    "atanh": [(-0.01, 0.01), (0.2, 0.6), (0.9, 1), (0.999999, 1)],
    "sin": CIRCULAR,
    "cos": CIRCULAR,
    "tan": CIRCULAR,
    "asin": [(-1, 1), (0.45, 0.55), (0.9, 1), (0.999999, 1)],
    "acos": [(-1, 1), (0.45, 0.55), (-0.55, -0.45), (0.9, 1), (-1, -0.9), (0.999999, 1)],
    "atan": [(-3, 3), (0.35, 0.45), (2.3, 2.5), (0.9, 1.1), (0, 1e3), (1e15, 1e17)],
    "erf": [(-0.9, 0.9), (0.85, 1.05), (0.9, 4), (3.5, 6.1)],
    "pow": [((0.3, 40), (-190, 190)), ((0.9, 1.1), (-7000, 7000)), ((0, 1e300), (-1.02, 1.02)), ((0, 1e-307), (0.5, 1.01))],
    "atan2": [((-3, 3), (-3, 3)), ((0.4, 0.42), (0.99, 1.01)), ((-1e-300, 1e-300), (-1, 1)), ((-1, 1), (-1e10, 1e10))],
}


def find(name: str) -> Callable[..., Any]:
    """The function that emits ``name``."""
    for module in iter_modules(mathematics.__path__, mathematics.__name__ + "."):
        found = getattr(import_module(module.name), name, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise SystemExit(f"no function {name!r} in clew.compiler.mathematics")


def by_numpy(name: str, element: str) -> Callable[..., Array]:
    function = getattr(np, NUMPY.get(name, name), None)
    wide = np.float64 if element == "float" else np.longdouble
    if function is None and element == "float":
        return own(name)
    if function is None:
        raise SystemExit(f"NumPy has no {name}: use --oracle flint")
    return lambda *x: function(*[a.astype(wide) for a in x])  # type: ignore[no-any-return]


def own(name: str) -> Callable[..., Array]:
    """Our own function in float64, which has been held against more digits before."""
    run = accuracy.compiled(find(name), "double", accuracy.LANES["double"][-1], 2 if name in BINARY else 1)
    return lambda *x: run(*[a.astype(np.float64) for a in x])


def by_mpmath(name: str, element: str) -> Callable[..., Array]:
    import mpmath

    special = {"exp2": lambda x: mpmath.mpf(2) ** x, "log2": lambda x: mpmath.log(x, 2), "pow": mpmath.power}
    meaning = special.get(name) or getattr(mpmath, name)
    return lambda *x: accuracy.exact(meaning, *x)


def by_flint(name: str, element: str) -> Callable[..., Array]:
    """Arb's enclosures, narrow enough to tell a thousandth of a unit; zeros, infinities and poles are NumPy's."""
    from flint import arb, ctx

    log_2, log_10 = (lambda: arb(2).log()), (lambda: arb(10).log())
    special: dict[str, Callable[..., Any]] = {
        "exp2": lambda x: (x * log_2()).exp(),
        "log2": lambda x: x.log() / log_2(),
        "log10": lambda x: x.log() / log_10(),
        "pow": lambda x, y: (x.log() * y).exp(),
        "atan2": lambda y, x: arb.atan2(y, x),
    }
    meaning = special.get(name) or getattr(arb, name)
    simple = by_numpy(name, "double") if name != "erf" else lambda x: np.where(np.isinf(x), np.sign(x), x).astype(np.longdouble)

    def exactly(x: tuple[float, ...]) -> np.longdouble:
        ctx.prec = 120
        y = meaning(*map(arb, x))
        while y.rel_accuracy_bits() < 90 and y == y:
            ctx.prec *= 2
            y = meaning(*map(arb, x))
        high = float(y)
        if 1e-280 < abs(high) < inf:
            return np.longdouble(high) + np.longdouble(float(y - high))
        fraction, exponent = y.mid().man_exp()
        cut = max(0, int(fraction.bit_length()) - 64)
        return np.ldexp(np.longdouble(int(fraction) >> cut), int(exponent) + cut)

    def run(*x: Array) -> Array:
        with np.errstate(all="ignore"):
            found = simple(*x)
        usual = np.isfinite(found) & (found != 0) if name != "erf" else np.isfinite(x[0]) & (x[0] != 0)
        for a in x:
            usual &= np.isfinite(a) & (a != 0)
        if name == "pow":
            usual &= x[0] > 0
        rows = zip(*[a[usual].tolist() for a in x], strict=True)
        found[usual] = [exactly(row) for row in rows]
        return found

    return run


ORACLES = {"numpy": by_numpy, "mpmath": by_mpmath, "flint": by_flint}


def near_quarters(count: int, seed: int) -> Array:
    """Doubles next to multiples of pi / 2."""
    k = np.floor(2 ** np.random.default_rng(seed).uniform(0, 50, count))
    x: Array = (k.astype(np.longdouble) * (np.longdouble(pi) / 2 + np.longdouble(6.123233995736766e-17))).astype(np.float64)
    return x


def inputs(args: argparse.Namespace, name: str, element: str) -> Iterator[list[Array]]:
    if args.all:
        for start in range(0, 2**32, CHUNK):
            yield [np.arange(start, start + CHUNK, dtype=np.uint32).view(np.float32)]
        return
    operands = 2 if name in BINARY else 1
    ranges: list[Any] = (
        HARD[name] if args.low is None else [((args.low, args.high),) * operands if operands > 1 else (args.low, args.high)]
    )
    for turn in range(-(-args.n // CHUNK)):
        first = operands * turn
        if turn % 2 and args.low is None:
            yield [accuracy.sample(element, CHUNK, first + k) for k in range(operands)]
        elif turn % 8 == 0 and name in ("sin", "cos", "tan") and element == "double":
            yield [near_quarters(CHUNK, turn)]
        else:
            chosen = ranges[turn // 2 % len(ranges)]
            bounds = chosen if operands > 1 else (chosen,)
            with np.errstate(over="ignore"):
                between = [accuracy.spread(element, *bounds[k], CHUNK, first + k) for k in range(operands)]
            yield between


def checked(run: Callable[..., Array], true: Callable[..., Array], x: list[Array]) -> tuple[float, str]:
    """The largest distance of these numbers, if it is above a half, and where it lies."""
    with np.errstate(all="ignore"):
        found, expected = run(*x), true(*x)
        off = found.view(f"u{found.itemsize}") != expected.astype(found.dtype).view(f"u{found.itemsize}")
        off &= (found == found) | (expected == expected)
        if not off.any():  # all rounded to the nearest
            return 0.5, "at most 0.500 ULP"
        x, found, expected = [a[off] for a in x], found[off], expected[off]
        return float(accuracy.ulps(found, expected).max()), accuracy.worst(found, expected, *x)


def report(args: argparse.Namespace, name: str) -> str:
    element = {"f32": "float", "f64": "double"}[args.dtype]
    lanes = args.lanes if args.lanes is not None else accuracy.LANES[element][-1]
    run = accuracy.compiled(find(name), element, lanes, 2 if name in BINARY else 1)
    true = ORACLES[args.oracle](name, element)
    far, count, text = 0.0, 0, "nothing checked"
    with ThreadPoolExecutor(args.threads) as threads:
        chunks = inputs(args, name, element)
        while several := [x for _, x in zip(range(64), chunks, strict=False)]:
            count += sum(len(x[0]) for x in several)
            for largest, where in threads.map(lambda x: checked(run, true, x), several):
                if largest > far:
                    far, text = largest, where
    return f"{name} {args.dtype}, {count} numbers: {text}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", help="functions between commas, or all")
    parser.add_argument("dtype", choices=("f32", "f64"))
    parser.add_argument("--all", action="store_true", help="every float32")
    parser.add_argument("--oracle", choices=ORACLES, default="numpy")
    parser.add_argument("-n", type=int, default=2**22)
    parser.add_argument("--low", type=float)
    parser.add_argument("--high", type=float)
    parser.add_argument("--lanes", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    every = UNARY if args.all else [*UNARY, *BINARY]
    for name in every if args.names == "all" else args.names.split(","):
        print(report(args, name), flush=True)


if __name__ == "__main__":
    main()
