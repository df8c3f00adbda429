"""Values, gradients, tangents and second derivatives in float64 agree with PyTorch's and JAX's to 1e-10.

Values in float32 agree to what its rounding allows, those of integers and booleans exactly.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import clew as cl

from .case import Case
from .cases import CASES, NOT_COMPARED
from .libraries import CLEW, JAX, TORCH, Library

LIMITS = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}  # of the largest element
SMALL = 1e-3  # differences from arrays whose elements are all smaller are measured by this

Arrays = tuple[Any, ...]


def several(x: Any) -> Arrays:
    """What an expression returns, as a tuple of arrays: some return several, in tuples within tuples."""
    return tuple(y for part in x for y in several(part)) if isinstance(x, tuple | list) else () if x is None else (x,)


def floating(x: Any) -> bool:
    return "float" in str(x.dtype)


def differ(what: str, oracle: str, ours: Arrays, theirs: Arrays) -> float:
    """The largest difference, relative to the largest element; an error where it is too large."""
    assert len(ours) == len(theirs), f"{what}: {len(ours)} results, {oracle} has {len(theirs)}"
    worst = 0.0
    for a, e in zip(ours, theirs, strict=True):
        assert a.shape == e.shape, f"{what}: shape {a.shape}, {oracle} has {e.shape}"
        kinds = ["i" if x.dtype.kind == "u" else x.dtype.kind for x in (a, e)]
        assert kinds[0] == kinds[1], f"{what}: {a.dtype}, {oracle} has {e.dtype}"
        if kinds[0] != "f":
            np.testing.assert_array_equal(a, e, err_msg=f"{what}: {oracle} has other elements")
            continue
        assert a.dtype == e.dtype, f"{what}: {a.dtype}, {oracle} has {e.dtype}"
        finite = np.isfinite(e)
        np.testing.assert_array_equal(a[~finite], e[~finite], err_msg=f"{what}: {oracle} has other infinities or NaN")
        scale = max(np.max(np.abs(e[finite]), initial=0.0), SMALL)
        difference = float(np.max(np.abs(a[finite] - e[finite]), initial=0.0) / scale)
        assert difference <= LIMITS[a.dtype], f"{what}: differs from {oracle}'s by {difference:.2g} of the largest element"
        worst = max(worst, difference)
    return worst


class Point:
    """The operands of one comparison: arrays, those that are floats moving along tangents; cotangents follow the results."""

    def __init__(self, case: Case, rng: np.random.Generator, sizes: dict[str, int], kind: str = "") -> None:
        self.case, self.rng = case, rng
        self.arrays = [part.draw(rng, sizes, kind) for part in case.parts]
        self.moving = [k for k, part in enumerate(case.parts) if part.floating]
        self.tangents = [rng.uniform(-1, 1, self.arrays[k].shape) for k in self.moving]

    def of(self, library: Library, dtype: Any = None) -> tuple[Callable[..., Arrays], list[Any]] | None:
        """The case as a function of its floating operands alone, and these."""
        f = self.case.function(library.name, library.names)
        if f is None:
            return None
        given = [library.array(x.astype(dtype) if dtype and x.dtype.kind == "f" else x) for x in self.arrays]

        def function(*moved: Any) -> Arrays:
            full = list(given)
            for k, x in zip(self.moving, moved, strict=True):
                full[k] = x
            return several(f(*full))

        return function, [given[k] for k in self.moving]

    def value(self, library: Library, dtype: Any = None) -> Arrays | None:
        made = self.of(library, dtype)
        return made and tuple(library.numpy(y) for y in made[0](*made[1]))

    def derivatives(self, library: Library, cotangents: list[np.ndarray]) -> dict[str, Arrays]:
        """The gradient for the cotangents, the tangent, and the tangent of that gradient; those that the case checks."""
        made = self.of(library)
        assert made is not None
        function, xs = made
        tangents = tuple(library.array(t) for t in self.tangents)
        seeds = tuple(library.array(c) for c in cotangents)

        def floats(*p: Any) -> Arrays:
            return tuple(y for y in function(*p) if floating(y))

        def gradient(*p: Any) -> Arrays:
            return several(library.transforms.vjp(floats, *p)[1](seeds))

        def calls(*p: Any) -> dict[str, Any]:
            along = library.transforms.jvp
            every = {
                "gradient": lambda: gradient(*p),
                "jvp": lambda: along(floats, p, tangents)[1],
                "second": lambda: along(gradient, p, tangents)[1],
            }
            return {what: every[what]() for what in self.case.checks}

        return {what: tuple(map(library.numpy, several(y))) for what, y in library.compiled(calls)(*xs).items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.clew}[{case.operands}]".replace(" ", ""))
def test_function(case: Case, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    seed = request.config.getoption("seed")
    rng = np.random.default_rng([seed, zlib.crc32(f"{case.clew} {case.operands}".encode())])
    for sizes in case.sizes(rng):
        print(f"--seed={seed}, sizes {sizes}")  # shown when the test fails; the last line is the one that failed
        for kind in ("", *case.also):
            for found in compare(case, Point(case, rng, sizes, kind), doubles=not kind):
                record_property("compared", (case.name, case.clew, *found))


def compare(case: Case, point: Point, doubles: bool) -> Iterator[tuple[str, str, float]]:
    """Every comparison with another library, as its name, what was compared, and the largest difference."""
    value = point.value(CLEW)
    assert value is not None
    cotangents = [np.asarray(point.rng.uniform(-1, 1, y.shape), y.dtype) for y in value if y.dtype.kind == "f"]
    smooth = bool(doubles and point.moving and cotangents and case.checks)
    ours = point.derivatives(CLEW, cotangents) if smooth else {}
    for oracle in (TORCH, JAX):
        expected = point.value(oracle)
        if expected is None:
            continue
        yield oracle.name, "value", differ("value", oracle.name, value, expected)
        if smooth:
            for what, theirs in point.derivatives(oracle, cotangents).items():
                yield oracle.name, what, differ(what, oracle.name, ours[what], theirs)
        if doubles and point.moving:
            low, reference = point.value(CLEW, np.float32), point.value(oracle, np.float32)
            assert low is not None and reference is not None
            yield oracle.name, "value in float32", differ("value in float32", oracle.name, low, reference)


def public(module: ModuleType, prefix: str = "") -> set[str]:
    """The functions and classes that users call, without Python's own and dtypes."""
    names = getattr(module, "__all__", [name for name in vars(module) if name[0] != "_"])
    found = {name: getattr(module, name) for name in names}
    return {
        prefix + name for name, x in found.items() if callable(x) and name not in ("annotations", "lift") and name[0] != "_"
    }


def test_every_function_is_compared_or_says_why() -> None:
    listed = {name for names in NOT_COMPARED.values() for name in names.split()}
    covered = {case.name for case in CASES if case.torch or case.jax}
    functions = public(cl) | public(cl.nn, "nn.") | public(cl.linalg, "linalg.") | public(cl.random, "random.")
    assert functions - covered - listed == set(), "compare it in cases.py, or say there why not"
    assert listed - functions == set()
    assert listed & covered == set()
