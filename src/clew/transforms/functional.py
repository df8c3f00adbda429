"""Derivatives of functions: grad, value_and_grad, vjp, jvp, hvp, and gradients of nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..array.promotion import value_of
from ..diff.forward import push_forward
from ..diff.reverse import Read, itself, known, pull_back
from ..errors import GradientError
from ..ir import INPUT, Array, Label, Site, Value, constant, here, recording, toposort
from ..ops.arithmetic import add
from ..ops.elementwise import filled
from ..ops.rounding import identity
from ..pytree import Tree, flatten
from ..tensor import Tensor, transforming, unwrap

Function = Callable[..., Any]


def grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns the gradient of the scalar ``f`` with respect to its arguments ``argnums``.

    Arguments may be nested containers (dicts, lists, tuples, dataclasses) of arrays; the gradient has their structure,
    and the dtypes of its leaves. An argument that does not move the result has gradient zero.

    >>> import clew as cl
    >>> cl.grad(lambda x: x**3)(2.0).item()
    12.0
    >>> cl.grad(cl.grad(lambda x: x**3))(2.0).item()
    12.0
    """
    both = value_and_grad(f, argnums)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns ``(value, gradient)`` of the scalar ``f``; see ``grad``."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        positions = [k if k >= 0 else k + len(args) for k in wanted]
        for k, asked in zip(positions, wanted, strict=True):
            if not 0 <= k < len(args):
                raise GradientError(f"grad: argnums={asked}, but {name_of(f)} was called with {len(args)} arguments")

        def part(*chosen: Any) -> Any:
            full = list(args)
            for k, x in zip(positions, chosen, strict=True):
                full[k] = x
            return f(*full, **kwargs)

        run = _Run("grad", part, tuple(args[k] for k in positions), name_of(f))
        output = run.scalar()
        gradients = run.pull([filled(1, output.type)])
        return run.result, gradients[0] if isinstance(argnums, int) else gradients

    return value_and_gradient


def vjp(f: Function, *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """``f(*primals)``, and the function that takes a gradient of that result to gradients of the primals.

    >>> import clew as cl
    >>> y, pullback = cl.vjp(lambda x: x * x, 3.0)
    >>> pullback(1.0)[0].item()
    6.0
    """
    run = _Run("vjp", f, primals, name_of(f))

    def pullback(gradient: Any) -> tuple[Any, ...]:
        return run.pull(run.like_outputs("vjp: the gradient", gradient))

    return run.result, pullback


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """``f(*primals)``, and how it moves when the primals move along the tangents.

    >>> import clew as cl
    >>> y, dy = cl.jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> dy.item()
    6.0
    """
    run = _Run("jvp", f, tuple(primals), name_of(f))
    return run.result, run.push(tuple(tangents))


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of the scalar ``f`` at the primals, times the tangents (forward over reverse; no matrix is made)."""
    everything = tuple(range(len(primals)))
    gradient = jvp(grad(f, everything), primals, tangents)[1]
    return gradient[0] if len(primals) == 1 else gradient


def gradients(output: Tensor, nodes: Sequence[Tensor], gradient: Any = None) -> tuple[Tensor, ...]:
    """The gradients of ``output`` with respect to any nodes of its graph. They are graph: differentiable again.

    A node that does not move the output has gradient zero.
    """
    v = output.value
    if gradient is None and v.shape:
        raise GradientError(f"gradients: the output is {v.type}; reduce it to a scalar, or give its gradient")
    seed = filled(1, v.type) if gradient is None else value_of(unwrap(gradient), v.dtype)
    wanted = [node.value for node in nodes]
    for node in wanted:
        if not node.type.differentiable:
            raise GradientError(f"gradients: a node of {node.type} has no gradient; it is not floating-point")
    found = pull_back({v: seed}, itself, set(wanted))
    return tuple(Tensor(found.get(node) or filled(0, node.type)) for node in wanted)


def name_of(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)


class _Run:
    """One call of a function on fresh leaves, and both directions over the graph it made."""

    def __init__(self, transform: str, f: Function, primals: tuple[Any, ...], name: str) -> None:
        self.transform, self.name = transform, name
        arguments, self.tree = flatten(primals)
        self.leaves = [self.leaf(x, path) for x, path in zip(arguments, self.tree.paths, strict=True)]
        before, recording.on = recording.on, True
        transforming.depth += 1
        try:
            returned = f(*self.tree.unflatten(Tensor(v) for v in self.leaves))
        finally:
            transforming.depth -= 1
            recording.on = before
        results, self.result_tree = flatten(returned)
        self.outputs = [value_of(unwrap(x)) for x in results]
        # Rules run on arrays, and record nothing, unless somebody else can differentiate what comes out.
        free = before and any(
            v.data is None or (v.op is INPUT and v not in self.leaves) for v in toposort((*self.outputs, *self.leaves))
        )
        self.read = itself if free else known
        self.result = self.result_tree.unflatten(self.wrap(v) for v in self.outputs)

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
    leaves, given = flatten(tree)
    if given.structure != shape.structure:
        raise GradientError(f"{what} must have leaves at {list(shape.paths)}, it has them at {list(given.paths)}")
    values = []
    for x, path, model in zip(leaves, shape.paths, models, strict=True):
        v = value_of(unwrap(x), model.dtype)
        if v.shape != model.shape:
            raise GradientError(f"{what} at {path or 'the only leaf'} has shape {v.shape}, it must be that of {model.type}")
        values.append(v)
    return values
