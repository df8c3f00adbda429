"""One call of a function on fresh leaves, and both directions over the graph it made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from ..array.promotion import value_of
from ..diff.forward import push_forward
from ..diff.reverse import Read, itself, known, pull_back
from ..errors import GradientError, UsageError
from ..ir import INPUT, Array, Label, Site, Value, constant, here, recording, toposort
from ..ops.arithmetic import add
from ..ops.elementwise import filled
from ..ops.rounding import identity
from ..pytree import Tree, flatten, tree_map
from ..tensor import Tensor, transforming, unwrap

Function = Callable[..., Any]


def name_of(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)


def argument_names(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """A name for each leaf of the arguments: the parameter of ``f``, and the path within a container."""
    pairs = [*zip(parameter_names(f, len(args)), args, strict=True), *kwargs.items()]
    return [path for name, x in pairs for path in flatten(x, name)[1].paths]


def parameter_names(f: Function, count: int) -> list[str]:
    """The names of the first ``count`` positional parameters."""
    inner: Any = f
    while inner.__class__ is FunctionType and vars(inner).keys() == {"__wrapped__"}:
        inner = vars(inner)["__wrapped__"]
    if inner.__class__ is FunctionType and not vars(inner) and count <= inner.__code__.co_argcount:  # the code tells
        return list(inner.__code__.co_varnames[:count])
    try:
        signature = inspect.signature(f)
    except ValueError:  # a built-in function that does not tell
        return [f"x{k}" for k in range(count)]
    names: list[str] = []
    for p in signature.parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}{k}" for k in range(count - len(names))]
        elif p.kind is not p.KEYWORD_ONLY:
            names.append(p.name)
    return [*names, *(f"x{k}" for k in range(len(names), count))][:count]


def part_of(
    transform: str, f: Function, argnums: int | Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Function, tuple[Any, ...], list[str]]:
    """``f`` as a function of its arguments ``argnums`` alone, these arguments, and what they are called."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not all(isinstance(k, int) for k in wanted):
        raise GradientError(f"{transform}: argnums counts positional arguments from 0; it is {argnums!r}")
    positions = [k if k >= 0 else k + len(args) for k in wanted]
    if len(set(positions)) < len(positions):
        raise GradientError(f"{transform}: argnums={argnums} names an argument of {name_of(f)} twice")
    for k, asked in zip(positions, wanted, strict=True):
        if not 0 <= k < len(args):
            raise GradientError(f"{transform}: argnums={asked}, but {name_of(f)} was called with {len(args)} arguments")

    def part(*chosen: Any) -> Any:
        full = list(args)
        for k, x in zip(positions, chosen, strict=True):
            full[k] = x
        return f(*full, **kwargs)

    names = parameter_names(f, len(args))
    return part, tuple(args[k] for k in positions), [names[k] for k in positions]


@contextmanager
def transformed() -> Iterator[None]:
    """What is computed inside is recorded, also under ``no_grad``, and may not be taken out of its graph in silence."""
    before, recording.on = recording.on, True
    transforming.depth += 1
    try:
        yield
    finally:
        transforming.depth -= 1
        recording.on = before


class Run:
    """One call of a function on fresh leaves, and both directions over the graph it made.

    ``names`` are what the arguments are called in errors. With ``has_aux`` the function returns ``(result, aux)``, and only
    the result is differentiated.
    """

    def __init__(
        self,
        transform: str,
        f: Function,
        primals: tuple[Any, ...],
        name: str,
        *,
        names: Sequence[str] = (),
        has_aux: bool = False,
    ) -> None:
        self.transform, self.name = transform, name
        arguments, self.tree = flatten(primals)
        paths = (
            [p for what, x in zip(names, primals, strict=True) for p in flatten(x, what)[1].paths] if names else self.tree.paths
        )
        self.leaves = [self.leaf(x, path) for x, path in zip(arguments, paths, strict=True)]
        before = recording.on
        with transformed():
            returned = f(*self.tree.unflatten(Tensor(v) for v in self.leaves))
        if has_aux:
            if not isinstance(returned, tuple) or len(returned) != 2:
                got = f"{returned!r:.60}"
                raise UsageError(
                    f"{transform}: with has_aux, {name} must return (result, aux), not {got}\n  at {Site(*here())}"
                )
            returned, self.aux = returned
        results, self.result_tree = flatten(returned)
        self.outputs = [value_of(unwrap(x)) for x in results]
        # Rules run on arrays, and record nothing, unless somebody else can differentiate what comes out.
        free = any(
            v.data is None or (before and v.op is INPUT and v not in self.leaves)
            for v in toposort((*self.outputs, *self.leaves))
        )
        self.read = itself if free else known
        self.result = self.result_tree.unflatten(self.wrap(v) for v in self.outputs)
        if has_aux:
            self.aux = tree_map(lambda x: self.wrap(x.value) if isinstance(x, Tensor) else x, self.aux)

    def leaf(self, x: Any, path: str) -> Value:
        v = value_of(unwrap(x))
        if not v.type.differentiable:
            if isinstance(x, int) and not isinstance(x, bool):
                v = value_of(float(x))
            else:
                raise GradientError(
                    f"{self.transform}: argument {path} of {self.name} is {v.type}, and only floating-point numbers have "
                    f"gradients; cast it (x.astype(cl.float32)), or leave it out of argnums\n  at {Site(*here())}"
                )
        if v.op is None:
            return Value(INPUT, (), v.type, v.data)
        return Value(identity, (v,), v.type, v.data, Label(v.name) if v.name else None, here())

    def wrap(self, x: Value | Array) -> Tensor:
        """A result for the caller: still graph if somebody can go on with it, else its plain value."""
        if x.__class__ is not Value:
            return Tensor(constant(x))
        return Tensor(x if self.read is itself or x.op is None else Value(None, (), x.type, x.data))

    def scalar(self) -> Value:
        if len(self.outputs) != 1 or self.outputs[0].shape or not self.outputs[0].type.differentiable:
            got = ", ".join(str(v.type) for v in self.outputs) or "nothing"
            raise GradientError(
                f"{self.transform}: {self.name} must return one floating-point scalar, it returned {got}; reduce it "
                f"(cl.sum, cl.mean), or use cl.vjp or cl.jacobian\n  at {Site(*here())}"
            )
        return self.outputs[0]

    def reading(self, given: Iterable[Value]) -> Read:
        """How to read values when these gradients or tangents come in: as graph if they can be differentiated."""
        return itself if any(v.op is not None or v.data is None for v in given) else self.read

    def pull(self, seeds: list[Value]) -> tuple[Any, ...]:
        read = self.reading(seeds)
        total: dict[Value, Any] = {}
        for output, seed in zip(self.outputs, seeds, strict=True):
            if output.type.differentiable:
                total[output] = add(total[output], read(seed)) if output in total else read(seed)
        found = pull_back(total, read, set(self.leaves))
        return self.tree.unflatten(self._gradient(found.get(v), v) for v in self.leaves)  # type: ignore[no-any-return]

    def _gradient(self, g: Any, v: Value) -> Tensor:
        return Tensor(filled(0, v.type)) if g is None else Tensor(g if g.__class__ is Value else constant(g))

    def like_outputs(self, what: str, tree: Any) -> list[Value]:
        return matching(what, tree, self.result_tree, self.outputs)

    def push(self, tangents: tuple[Any, ...]) -> Any:
        moves = dict(zip(self.leaves, matching("jvp: the tangents", tangents, self.tree, self.leaves), strict=True))
        read = self.reading(moves.values())
        found = push_forward({v: read(t) for v, t in moves.items()}, self.outputs, read)
        return self.result_tree.unflatten(self._gradient(found.get(v), v) for v in self.outputs)


def matching(what: str, tree: Any, shape: Tree, models: list[Value]) -> list[Value]:
    """The leaves of ``tree`` as values of the models' types, or an error that names the leaf that does not fit."""
    leaves = shape.leaves_like(tree)
    if leaves is None:
        raise GradientError(f"{what} must have leaves at {list(shape.paths)}, it has them at {list(flatten(tree)[1].paths)}")
    values = []
    for x, path, model in zip(leaves, shape.paths, models, strict=True):
        v = value_of(unwrap(x), model.dtype)
        if v.shape != model.shape:
            raise GradientError(f"{what} at {path or 'the only leaf'} has shape {v.shape}, it must be that of {model.type}")
        values.append(v)
    return values
