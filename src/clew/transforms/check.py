"""Analytic derivatives against numeric ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..array.promotion import value_of
from ..errors import GradientError, GradientMismatch, UsageError
from ..ir import FLOATS, INPUT, Array, Dtype, Type, Value, toposort
from ..pytree import flatten
from ..tensor import Tensor, unwrap
from .differences import ACCURACY, WIDE, Accuracy, dot, suspicious
from .functional import jvp, vjp
from .report import Report, Row
from .run import argument_names, name_of

Function = Callable[..., Any]

EVERY = 32  # elements: in larger arguments random directions are tried
COLUMNS = ("derivative", "argument", "compared", "difference", "where", "analytic", "numeric")


@dataclass(frozen=True, eq=False)
class Direction:
    """Where argument ``k`` is moved: one element, or all at random."""

    k: int
    label: str
    step: Array
    unit: float = 1.0  # how long the step is


@dataclass(frozen=True)
class Comparison:
    """Both derivatives along a direction, and the function's values that the numeric one is made of."""

    direction: Direction
    analytic: float
    numeric: float
    difference: float
    tolerance: float
    samples: tuple[float, ...]  # at -2, -1, 0, 1, 2 steps
    eps: float

    @property
    def fails(self) -> bool:
        return not self.difference <= self.tolerance  # NaN fails


def check_gradients(
    f: Function,
    *args: Any,
    order: int = 2,
    modes: Sequence[str] = ("reverse", "forward"),
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    directions: int = 4,
    seed: int = 0,
) -> Report:
    """Check the derivatives of ``f`` at the arguments against central differences; raise ``GradientMismatch`` if they differ.

    Every float array in the arguments (nested containers too) is moved: each element of a small one, ``directions``
    random directions of a large one. Python floats count as float64. Where ``f`` returns arrays, a random combination of
    their elements is differentiated. Order 2 checks the gradient of ``<w, gradient>`` in the same way, and so on.

    Two numbers agree if they differ by at most ``rtol`` times the larger plus ``atol`` times the size of ``f`` (or 1). The
    default tolerances, and the step ``eps``, are those that the dtype allows: check in float64 where you can.

    >>> import clew as cl
    >>> print(cl.check_gradients(lambda x: x * x, 3.0, order=1))
    check_gradients of <lambda>: passed
    derivative         argument   compared  difference  where  analytic  numeric
    -----------------  --------  ---------  ----------  -----  --------  -------
    gradient, reverse  x: f64[]  1 element     ...                6        6
    gradient, forward  x: f64[]  1 element     ...                6        6
    """
    if not modes or not set(modes) <= {"reverse", "forward"}:
        raise UsageError(f"check_gradients: modes are 'reverse' and 'forward', not {tuple(modes)!r}")
    leaves, tree = flatten(args)
    arrays = [_array(x) for x in leaves]
    chosen = [k for k, a in enumerate(arrays) if a is not None and a.dtype in FLOATS]
    if not chosen:
        raise GradientError(f"check_gradients: {name_of(f)} was given no floating-point argument to differentiate by")

    def part(*xs: Any) -> tuple[Any, ...]:
        full = [x if a is None else a for x, a in zip(leaves, arrays, strict=True)]
        for k, x in zip(chosen, xs, strict=True):
            full[k] = x
        return _floats(f(*tree.unflatten(full)))

    names = argument_names(f, args, {})
    point = [arrays[k] for k in chosen]
    given = (eps, rtol, atol)
    rows: list[Row] = []
    function: Function = part
    for n in range(1, order + 1):
        level = _Level(function, point, [names[k] for k in chosen], given, np.random.default_rng((seed, n)))
        what = {1: "gradient", 2: "second"}.get(n, f"order {n}")
        for mode in modes:
            rows += level.check(name_of(f), f"{what}, {mode}", mode, directions)
        function = level.gradient
    return Report(f"check_gradients of {name_of(f)}: passed", COLUMNS, tuple(rows))


def _array(x: Any) -> Array | None:
    """The data of an array, a tensor or a Python float; None of anything else."""
    if isinstance(x, float):
        return WIDE.type(x)
    if isinstance(x, Tensor | np.ndarray | np.generic):
        return value_of(unwrap(x)).data
    return None


def _floats(returned: Any) -> tuple[Any, ...]:
    values = [x if isinstance(x, Tensor) else Tensor(value_of(unwrap(x))) for x in flatten(returned)[0]]
    return tuple(x for x in values if x.dtype in FLOATS)


class _Level:
    """A function of arrays to arrays, and the scalar ``<w, function>`` whose derivative is compared at a point."""

    def __init__(
        self,
        function: Function,
        point: list[Array],
        names: list[str],
        given: tuple[float | None, float | None, float | None],
        rng: np.random.Generator,
    ) -> None:
        self.function, self.point, self.names, self.given, self.rng = function, point, names, given, rng
        outputs = self.outputs(point)
        # A scalar function is checked as it is; the elements of arrays are told apart by their weights.
        self.scalar = len(outputs) == 1 and not outputs[0].shape
        self.weights = [
            np.asarray(np.ones(()) if self.scalar else rng.uniform(0.5, 1.5, y.shape)).astype(y.dtype)[()] for y in outputs
        ]

    def outputs(self, xs: Sequence[Array]) -> list[Array]:
        return [y.value.data for y in self.function(*[Tensor(value_of(x)) for x in xs])]

    def value(self, xs: Sequence[Array]) -> float:
        return sum(dot(w, y) for w, y in zip(self.weights, self.outputs(xs), strict=True))

    def gradient(self, *xs: Any) -> tuple[Any, ...]:
        """The gradient of ``<w, function>``, itself a function to check."""
        pullback: Callable[..., tuple[Any, ...]] = vjp(self.function, *xs)[1]
        return pullback(tuple(self.weights))

    def analytic(self, mode: str, point: list[Array]) -> Callable[[Direction], float]:
        if mode == "reverse":
            gradients = [g.value.data for g in self.gradient(*point)]
            return lambda d: dot(gradients[d.k], d.step)

        def forward(d: Direction) -> float:
            still = [np.zeros_like(x)[()] for x in point]
            still[d.k] = d.step.astype(point[d.k].dtype)[()]
            return sum(dot(w, t.value.data) for w, t in zip(self.weights, jvp(self.function, point, still)[1], strict=True))

        return forward

    def check(self, title: str, what: str, mode: str, directions: int) -> Iterator[Row]:
        derivative = self.analytic(mode, self.point)
        for k, x in enumerate(self.point):
            found = [self.compare(derivative, d, self.point) for d in self.directions(k, directions)]
            for c in found:
                if c.fails:
                    raise GradientMismatch(self.explain(title, what, mode, derivative, c))
            every = x.size <= EVERY
            compared = f"{x.size} element{'s' * (x.size != 1)}" if every else f"{len(found)} directions"
            argument = f"{self.names[k]}: {Type(x.dtype, x.shape)}"
            worst = max(found, key=lambda c: c.difference, default=None)
            if worst is None:
                yield Row(what, argument, compared, 0.0, "", 0.0, 0.0)
            else:
                where = worst.direction.label
                yield Row(what, argument, compared, worst.difference, where, worst.analytic, worst.numeric)

    def directions(self, k: int, count: int) -> Iterator[Direction]:
        x = self.point[k]
        if x.size <= EVERY:
            yield from (self.along(k, i) for i in product(*map(range, x.shape)))
        else:
            for n in range(count):
                step = self.rng.uniform(-1, 1, x.shape) * np.maximum(1, np.abs(x.astype(WIDE)))
                yield Direction(k, f"direction {n}", step)

    def along(self, k: int, index: tuple[int, ...]) -> Direction:
        x = self.point[k]
        unit = max(1.0, abs(float(x[index])))
        step = np.zeros(x.shape)
        step[index] = unit
        return Direction(k, f"[{', '.join(map(str, index))}]" if index else "", step, unit)

    def accuracy(self, dtype: Dtype) -> Accuracy:
        default = ACCURACY[dtype.itemsize]
        eps, rtol, atol = self.given
        return Accuracy(eps or default.eps, default.rtol if rtol is None else rtol, default.atol if atol is None else atol)

    def compare(self, derivative: Callable[[Direction], float], d: Direction, point: list[Array]) -> Comparison:
        x = point[d.k]
        accuracy = self.accuracy(x.dtype)
        samples = tuple(self.value(self.moved(point, d, n * accuracy.eps)) for n in (-2, -1, 0, 1, 2))
        once, twice = samples[3] - samples[1], samples[4] - samples[0]
        numeric = (8 * once - twice) / (12 * accuracy.eps) / d.unit
        analytic = derivative(d) / d.unit
        tolerance = accuracy.tolerance(analytic, numeric, abs(samples[2]))
        return Comparison(d, analytic, numeric, abs(analytic - numeric), tolerance, samples, accuracy.eps * d.unit)

    def moved(self, point: list[Array], d: Direction, step: float) -> list[Array]:
        x = point[d.k]
        return [*point[: d.k], (x.astype(WIDE) + step * d.step).astype(x.dtype)[()], *point[d.k + 1 :]]

    # Explaining

    def explain(self, title: str, what: str, mode: str, derivative: Callable[[Direction], float], c: Comparison) -> str:
        c = self.located(derivative, c)
        x, d = self.point[c.direction.k], c.direction
        element = f", element {d.label}" if d.label else ""
        combined = "" if self.scalar else "\n  (of a random combination of the results' elements)"
        return (
            f"check_gradients: {title}: {what} mode: the analytic derivative is not the numeric one\n"
            f"  argument {self.names[d.k]}: {Type(x.dtype, x.shape)}{element}: analytic {c.analytic:.6g}, "
            f"numeric {c.numeric:.6g} (difference {c.difference:.2g}, tolerance {c.tolerance:.2g}){combined}\n"
            f"  guess: {self.guess(mode, c)}"
        )

    def located(self, derivative: Callable[[Direction], float], c: Comparison) -> Comparison:
        """The worst single element of a direction, by halving."""
        k, x = c.direction.k, self.point[c.direction.k]
        if x.size <= EVERY:
            return c
        places = np.arange(x.size)
        while len(places) > 1:
            halves = np.array_split(places, 2)
            parts = []
            for half in halves:
                step = np.zeros(x.size)
                step[half] = c.direction.step.ravel()[half]
                parts.append(self.compare(derivative, Direction(k, "", step.reshape(x.shape)), self.point))
            second_is_worse = not parts[1].difference <= parts[0].difference
            places = halves[second_is_worse]
        index = tuple(map(int, np.unravel_index(places[0], x.shape)))
        element = self.compare(derivative, self.along(k, index), self.point)
        return element if element.fails else c

    def guess(self, mode: str, c: Comparison) -> str:
        if not np.isfinite([*c.samples, c.analytic]).all():
            return "not finite: the function or its derivative is infinite or NaN here or one step away"
        left, right = c.samples[2] - c.samples[1], c.samples[3] - c.samples[2]
        wider = (c.samples[4] - c.samples[2]) - (c.samples[2] - c.samples[0])
        once, twice = c.samples[3] - c.samples[1], c.samples[4] - c.samples[0]
        sides = f"{left / c.eps:.6g} from the left, {right / c.eps:.6g} from the right"
        values = self.values()
        noise = self.noise(values, c.direction)
        kink = abs(right - left) > 0.4 * abs(wider)  # it is a quarter where the function is smooth
        jump = abs(twice) < 1.5 * abs(once)  # twice where it is smooth
        if (kink and abs(right - left) > c.tolerance * c.eps + noise) or (jump and abs(once) > c.tolerance * c.eps + noise):
            return f"a kink or a jump is near, where no derivative exists: the slope is {sides}; move the point away from it"
        dtype = self.point[c.direction.k].dtype
        if dtype != WIDE and self.agrees_in_double(mode, c):
            return f"too low precision: in float64 the two agree; check with float64 arguments (this one is {dtype})"
        if noise > 0.1 * c.difference * c.eps:
            return "too low precision: large numbers on the way hide the change over a step; rescale the function"
        suspect = suspicious(values, mode, self.rng)
        named = f"; {suspect}" if suspect else ""
        return f"a wrong rule: differences from both sides agree with each other ({sides}) and not with it{named}"

    def agrees_in_double(self, mode: str, c: Comparison) -> bool:
        point = [x.astype(WIDE)[()] for x in self.point]
        try:
            return self.compare(self.analytic(mode, point), c.direction, point).difference <= c.tolerance
        except Exception:  # whatever: the function may not take float64
            return False

    def values(self) -> list[Value]:
        """Every value on the way."""
        leaves = [Tensor(Value(INPUT, (), Type(x.dtype, x.shape), x)) for x in self.point]
        return toposort(y.value for y in self.function(*leaves))

    def noise(self, values: Iterable[Value], d: Direction) -> float:
        """How far rounding may move the function: the last bits of the largest number on the way."""
        sizes = [float(np.max(np.abs(v.data.astype(WIDE)), initial=0)) for v in values if v.dtype in FLOATS]
        eps = float(np.finfo(WIDE).eps) if self.point[d.k].dtype == WIDE else float(np.finfo(np.float32).eps)
        return 8 * eps * max([size for size in sizes if np.isfinite(size)], default=0.0)
