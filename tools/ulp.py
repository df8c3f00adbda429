"""How accurate a function of the compiler's vector mathematics is.

Usage: ``python tools/ulp.py exp f32 --all`` checks every float32 against NumPy's float64 (where NumPy has the function) or
mpmath; ``python tools/ulp.py exp f64 -n 1000000 [--low a --high b]`` checks random numbers against long double, or with
``--exact`` against mpmath. It prints the largest distance in units in the last place and where it lies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np

from clew.compiler import mathematics

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.compiler.mathematics import accuracy

NUMPY = {"pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
NUMPY |= {"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}
CHUNK = 2**14  # small enough for the caches


def find(name: str) -> Callable[..., Any]:
    """The function that emits ``name``."""
    for module in iter_modules(mathematics.__path__, mathematics.__name__ + "."):
        found = getattr(import_module(module.name), name, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise SystemExit(f"no function {name!r} in clew.compiler.mathematics")


def reference(name: str, exact: bool) -> Callable[..., Any]:
    function = getattr(np, NUMPY.get(name, name), None)
    if exact or function is None:
        import mpmath

        special = {"exp2": lambda x: mpmath.mpf(2) ** x, "log2": lambda x: mpmath.log(x, 2), "pow": mpmath.power}
        meaning = special.get(name) or getattr(mpmath, name)
        return lambda *x: accuracy.exact(meaning, *x)
    return function  # type: ignore[no-any-return]


def inputs(args: argparse.Namespace, element: str, operands: int) -> Iterator[list[Any]]:
    if args.all:
        for start in range(0, 2**32, CHUNK):
            yield [np.arange(start, start + CHUNK, dtype=np.uint32).view(np.float32)]
        return
    for seed in range(-(-args.n // CHUNK)):
        count = min(args.n, CHUNK)
        if args.low is not None:
            yield [accuracy.spread(element, args.low, args.high, count, operands * seed + k) for k in range(operands)]
        else:
            yield [accuracy.sample(element, count, operands * seed + k) for k in range(operands)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("dtype", choices=("f32", "f64"))
    parser.add_argument("--all", action="store_true", help="every float32")
    parser.add_argument("--exact", action="store_true", help="against mpmath")
    parser.add_argument("-n", type=int, default=2**22)
    parser.add_argument("--low", type=float)
    parser.add_argument("--high", type=float)
    parser.add_argument("--lanes", type=int)
    args = parser.parse_args()
    element, wide = {"f32": ("float", np.float64), "f64": ("double", np.longdouble)}[args.dtype]
    operands = 2 if args.name in ("pow", "atan2") else 1
    lanes = args.lanes if args.lanes is not None else accuracy.LANES[element][-1]
    run = accuracy.compiled(find(args.name), element, lanes, operands)
    true = reference(args.name, args.exact)
    far, report = 0.5, "at most 0.500 ULP"
    for x in inputs(args, element, operands):
        with np.errstate(all="ignore"):
            found, expected = run(*x), true(*[a.astype(wide) for a in x])
            off = found.view(f"u{found.itemsize}") != expected.astype(found.dtype).view(f"u{found.itemsize}")
            off &= (found == found) | (expected == expected)
        if not off.any():  # all rounded to the nearest
            continue
        x, found, expected = [a[off] for a in x], found[off], expected[off]
        largest = float(accuracy.ulps(found, expected).max())
        if largest > far:
            far, report = largest, accuracy.worst(found, expected, *x)
    print(f"{args.name} {args.dtype}: {report}")


if __name__ == "__main__":
    main()
