"""Loops and branches that stay graph: each is one node, which holds what it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..array import creation, manipulation
from ..array.indexing import getitem
from ..array.promotion import cast_to, is_scalar, value_of
from ..errors import TypeRuleError, UsageError
from ..gates import free_values
from ..ir import DTYPES, Graph, Site, Type, Value, here, parameter, substitute
from ..loops import Scan, Switch, While
from ..ops.items import items
from ..ops.rounding import cast
from ..pytree import Tree, flatten
from ..tensor import Tensor, unwrap
from .run import argument_names, name_of, transformed

Function = Callable[..., Any]
I64 = DTYPES["i64"]
BOOL = Type(DTYPES["bool"], ())


@dataclass(frozen=True)
class Body:
    """What a loop or a branch runs: a function traced on parameters, and what it uses from outside."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def free(self) -> list[Value]:
        """The tracked values from outside that it uses. What needs no parameter is computed outside, once."""
        return free_values(self.inputs, self.outputs)

    def graph(self, free: Sequence[Value]) -> Graph:
        """Its graph, of the parameters and then of values from outside."""
        stand_ins = {x: parameter(x.name or f"free{k}", x.type) for k, x in enumerate(free)}
        return Graph(self.name, (*self.inputs, *stand_ins.values()), substitute(self.outputs, stand_ins))


def call(f: Function, *arguments: tuple[Sequence[Value], Tree]) -> tuple[tuple[Value, ...], Any]:
    """Parameters like the leaves of the arguments (only their types count), and what ``f`` returns of them."""
    likes = [v for values, _ in arguments for v in values]
    names = argument_names(f, tuple(wrapped(tree, values) for values, tree in arguments), {})
    inputs = tuple(parameter(name, v.type) for name, v in zip(names, likes, strict=True))
    rest = iter(inputs)
    given = [wrapped(tree, [next(rest) for _ in values]) for values, tree in arguments]
    with transformed():
        return inputs, f(*given)


def leaves(tree: Any) -> tuple[list[Value], Tree]:
    found, shape = flatten(tree)
    return [value_of(unwrap(x)) for x in found], shape


def wrapped(tree: Tree, values: Iterable[Value]) -> Any:
    return tree.unflatten(Tensor(v) for v in values)


def scan(
    f: Function, init: Any, xs: Any = None, length: int | None = None, *, reverse: bool = False, unroll: int | bool = 1
) -> tuple[Any, Any]:
    """Run ``carry, y = f(carry, x)`` over the first axis of ``xs``; return the last carry and the stacked ys.

    ``init``, ``xs`` and ``y`` may be nested containers (None too). The carry keeps its structure, shapes and dtypes. Every
    array in ``xs`` has the same size n along its first axis, and so have the stacked ys; without ``xs``, ``length`` is n.
    With ``reverse`` the last x comes first, and y stands where its x does. What ``f`` uses from outside is shared by all
    steps: this is how weights are shared.

    The loop is one node of the graph. Its gradient is a loop the other way (backpropagation through time); forward, it
    saves what that reads of each step and nothing else. ``unroll`` steps are written out in the body of the loop one after
    the other, or all of them, and there is no loop, with ``unroll=True``.

    >>> import clew as cl
    >>> last, partial_sums = cl.scan(lambda total, x: (total + x, total + x), 0.0, cl.asarray([1.0, 2.0, 3.0]))
    >>> last.item(), partial_sums.tolist()
    (6.0, [1.0, 3.0, 6.0])
    >>> cl.grad(lambda x: cl.scan(lambda c, _: (c * x, None), 1.0, length=3)[0])(2.0).item()
    12.0
    """
    rows, rows_tree = leaves(xs)
    count = _length(rows, rows_tree, length)
    steps = count if unroll is True else int(unroll)
    if steps < min(1, count):
        raise UsageError(f"scan: unroll={unroll} is no number of steps to write out\n  at {Site(*here())}")
    if count and (steps > 1 or unroll is True):
        return _unrolled(f, init, (rows, rows_tree), count, reverse, steps)
    row = [parameter("x", v.type.with_shape(v.shape[1:])) for v in rows]

    def step(carry: Sequence[Value], tree: Tree) -> tuple[tuple[Value, ...], Any, Any]:
        inputs, returned = call(f, (carry, tree), (row, rows_tree))
        return inputs, *_pair(f, returned)

    carry, carry_tree, inputs, after, y = _settled("scan", f, init, step)
    ys, ys_tree = leaves(y)
    body = Body(name_of(f), inputs, (*after, *ys))
    free = body.free()
    loop = Scan(body.graph(free), len(carry), len(rows), count, reverse)
    made = items(loop(*carry, *rows, *free)) if carry or ys else ()
    return wrapped(carry_tree, made[: len(carry)]), wrapped(ys_tree, made[len(carry) :])


def _length(rows: list[Value], tree: Tree, length: int | None) -> int:
    """How many steps there are."""
    shown = ", ".join(f"xs{path}: {v.type}" for v, path in zip(rows, tree.paths, strict=True))
    if not all(v.shape for v in rows):
        raise TypeRuleError(f"scan: every array in xs needs a first axis to go along; they are ({shown})\n  at {Site(*here())}")
    sizes = {v.shape[0] for v in rows} | ({int(length)} if length is not None else set())
    if not sizes:
        raise UsageError(f"scan: without xs, length says how many steps there are\n  at {Site(*here())}")
    if len(sizes) > 1:
        given = "" if length is None else f", and length={length}"
        raise TypeRuleError(f"scan: the first axes must be equal; xs are ({shown}){given}\n  at {Site(*here())}")
    return sizes.pop()


def _pair(f: Function, returned: Any) -> tuple[Any, Any]:
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise UsageError(
            f"scan: {name_of(f)} must return a pair (carry, y), it returned {returned!r:.60}\n  at {Site(*here())}"
        )
    return returned


def _settled(
    loop: str, f: Function, init: Any, step: Callable[[Sequence[Value], Tree], tuple[tuple[Value, ...], Any, Any]]
) -> tuple[list[Value], Tree, tuple[Value, ...], list[Value], Any]:
    """The first carry and its tree, and a step traced on it: its inputs, the next carry, and what else it returns.

    Python numbers are weak: one that starts a carry takes the dtype that a step gives it.
    """
    found, tree = flatten(init)
    carry = [value_of(unwrap(x)) for x in found]
    inputs, returned, rest = step(carry, tree)
    after, after_tree = leaves(returned)
    if after_tree.structure == tree.structure:
        triples = zip(found, carry, after, strict=True)
        dtypes = [now.dtype if is_scalar(x) and now.shape == v.shape else v.dtype for x, v, now in triples]
        if dtypes != [v.dtype for v in carry]:
            carry = [cast_to(v, dtype) for v, dtype in zip(carry, dtypes, strict=True)]
            inputs, returned, rest = step(carry, tree)
            after, after_tree = leaves(returned)
    _check_carry(loop, f, carry, tree, after, after_tree)
    return carry, tree, inputs, after, rest


def _check_carry(loop: str, f: Function, carry: list[Value], tree: Tree, after: list[Value], after_tree: Tree) -> None:
    """Refuse a step that returns another carry than it was given."""
    where = f"\n  at {Site(*here())}"
    if after_tree.structure != tree.structure:
        paths = [", ".join(p or "itself" for p in t.paths) or "none" for t in (tree, after_tree)]
        raise UsageError(
            f"{loop}: the carry must keep its structure; {name_of(f)} was given one with the leaves ({paths[0]}) and returned "
            f"one with ({paths[1]}){where}"
        )
    for v, now, path in zip(carry, after, tree.paths, strict=True):
        if now.type is not v.type:
            mend = f"start with {now.type}, or cast what is returned" if now.shape == v.shape else "a carry keeps its shape"
            raise TypeRuleError(
                f"{loop}: {name_of(f)} was given the carry{path} as {v.type} and returned {now.type}; {mend}{where}"
            )


def _unrolled(f: Function, init: Any, xs: tuple[list[Value], Tree], count: int, reverse: bool, steps: int) -> tuple[Any, Any]:
    """``steps`` steps written out in each step of a scan, and those that are left over written out after it."""
    rows, tree = xs
    whole = count // steps if steps else 0
    looped = whole * steps if whole > 1 else 0

    def written(carry: Any, chunk: Any, size: int) -> tuple[Any, Any]:
        parts, shape = leaves(chunk)
        ys: list[Any] = [None] * size
        for k in reversed(range(size)) if reverse else range(size):
            carry, ys[k] = _pair(f, f(carry, wrapped(shape, [getitem(v, k) for v in parts])))
        columns = [leaves(y)[0] for y in ys]
        shape = leaves(ys[0])[1] if ys else shape
        return carry, wrapped(shape, [manipulation.stack(list(column)) for column in zip(*columns, strict=True)])

    def chunk(low: int, high: int, *shape: int) -> Any:
        parts = [getitem(v, slice(low, high)) for v in rows]
        return wrapped(tree, [manipulation.reshape(v, (*shape, *v.shape[1:])) for v in parts])

    def loop(carry: Any) -> tuple[Any, Any]:
        low = count - looped if reverse else 0
        carry, ys = scan(
            lambda c, x: written(c, x, steps), carry, chunk(low, low + looped, whole, steps), whole, reverse=reverse
        )
        parts, shape = leaves(ys)
        return carry, wrapped(shape, [manipulation.reshape(y, (looped, *y.shape[2:])) for y in parts])

    def rest(carry: Any) -> tuple[Any, Any]:
        low = 0 if reverse else looped
        return written(carry, chunk(low, low + count - looped, count - looped), count - looped)

    if not looped:
        return rest(init)
    carry, ys = loop(init)
    if looped == count:
        return carry, ys
    carry, more = rest(carry)
    (first, shape), (second, _) = leaves(ys), leaves(more)
    pairs = zip(second, first, strict=True) if reverse else zip(first, second, strict=True)
    return carry, wrapped(shape, [manipulation.concat(list(pair)) for pair in pairs])


def map(f: Function, xs: Any) -> Any:
    """``f`` of each row of ``xs`` along its first axis, one after the other; the results stacked.

    Like ``vmap(f)(xs)``, in less memory and more time.

    >>> import clew as cl
    >>> cl.map(lambda x: x * x, cl.asarray([1.0, 2.0, 3.0])).tolist()
    [1.0, 4.0, 9.0]
    """
    return scan(_mapped(f), None, xs)[1]


def _mapped(f: Function) -> Function:
    def step(_: None, x: Any) -> tuple[None, Any]:
        return None, f(x)

    step.__name__ = name_of(f)
    return step


def fori_loop(lower: Any, upper: Any, body: Function, init: Any) -> Any:
    """``state = body(i, state)`` for i from ``lower`` to ``upper`` - 1, from ``init`` on; the last state.

    The state keeps its structure, shapes and dtypes. Known bounds make a ``scan``, bounds that are only known when running
    a ``while_loop``. i is an int64.

    >>> import clew as cl
    >>> cl.fori_loop(1, 5, lambda i, product: product * i, 1.0).item()
    24.0
    """
    low, high = (value_of(unwrap(bound)) for bound in (lower, upper))
    for bound, v in (("lower", low), ("upper", high)):
        if v.shape or v.dtype.kind not in "iu":
            raise TypeRuleError(f"fori_loop: {bound} must be an integer, it is {v.type}\n  at {Site(*here())}")
    if low.op is None and high.op is None:
        numbers = creation.arange(int(low.data), max(int(low.data), int(high.data)), dtype=I64)
        return scan(_renamed(body, lambda state, i: (body(i, state), None)), init, Tensor(numbers))[0]

    def step(state: Any) -> Any:
        i, rest = state
        return i + 1, body(i, rest)

    first, last = Tensor(cast_to(low, I64)), Tensor(cast_to(high, I64))
    return while_loop(lambda state: state[0] < last, _renamed(body, step), (first, init))[1]


def _renamed(body: Function, step: Function) -> Function:
    step.__name__ = name_of(body)
    return step


def while_loop(condition: Function, body: Function, init: Any) -> Any:
    """``state = body(state)`` while ``condition(state)``, from ``init`` on; the last state.

    The state keeps its structure, shapes and dtypes; the condition is one boolean. The loop is one node of the graph and
    takes as many steps as it takes: what its gradient reads of each step is recorded as it runs. In a batch (``vmap``) the
    examples that have finished wait, unchanged, for the last one.

    >>> import clew as cl
    >>> cl.while_loop(lambda x: x < 100, lambda x: x * x, 3.0).item()
    6561.0
    >>> cl.grad(lambda x: cl.while_loop(lambda y: y < 100, lambda y: y * y, x))(3.0).item()
    17496.0
    """
    if not flatten(init)[0]:
        raise UsageError(f"while_loop: the state holds no array that could change the condition\n  at {Site(*here())}")

    def once(state: Sequence[Value], tree: Tree) -> tuple[tuple[Value, ...], Any, Any]:
        return *call(body, (state, tree)), None

    state, tree, inputs, after, _ = _settled("while_loop", body, init, once)
    step = Body(name_of(body), inputs, tuple(after))
    asked, answer = call(condition, (state, tree))
    question = Body(name_of(condition), asked, (_one_boolean("while_loop", name_of(condition), answer),))
    free = list(dict.fromkeys([*step.free(), *question.free()]))
    made = items(While(step.graph(free), question.graph(free), len(state))(*state, *free))
    return wrapped(tree, made)


def _one_boolean(operation: str, what: str, answer: Any) -> Value:
    found, _ = leaves(answer)
    if len(found) != 1 or found[0].type is not BOOL:
        got = ", ".join(str(v.type) for v in found) or "nothing"
        raise TypeRuleError(
            f"{operation}: {what} must be one boolean, it is {got}; compare, or use cl.any or cl.all\n  at {Site(*here())}"
        )
    return found[0]


def cond(predicate: Any, true: Function, false: Function, *operands: Any) -> Any:
    """``true(*operands)`` if the predicate, one boolean, holds, else ``false(*operands)``.

    Only the one that is chosen runs, also on the way back. Both return the same structure, shapes and dtypes. In a batch
    (``vmap``) whose examples choose for themselves both run. ``cl.where`` chooses element by element.

    >>> import clew as cl
    >>> cl.cond(cl.asarray(2.0) > 0, lambda x: x * x, lambda x: -x, 3.0).item()
    9.0
    """
    chosen = _one_boolean("cond", "the predicate", predicate)
    return _branch("cond", cast(chosen, I64), (false, true), operands)


def switch(index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    """``branches[index](*operands)``; an index outside is moved to the nearest branch.

    Only the one that is chosen runs, also on the way back. All return the same structure, shapes and dtypes.

    >>> import clew as cl
    >>> cl.switch(1, [cl.sin, cl.cos, cl.tan], 0.0).item()
    1.0
    """
    v = value_of(unwrap(index))
    if v.shape or v.dtype.kind not in "iu":
        raise TypeRuleError(f"switch: the index must be an integer, it is {v.type}\n  at {Site(*here())}")
    if not branches:
        raise UsageError(f"switch: there are no branches to choose from\n  at {Site(*here())}")
    return _branch("switch", cast_to(v, I64), tuple(branches), operands)


def _branch(operation: str, index: Value, functions: tuple[Function, ...], operands: tuple[Any, ...]) -> Any:
    given, _ = leaves(operands)
    parts = [leaves(x) for x in operands]
    bodies: list[Body] = []
    shapes: list[Tree] = []
    for f in functions:
        inputs, returned = call(f, *parts)
        outputs, shape = leaves(returned)
        bodies.append(Body(name_of(f), inputs, tuple(outputs)))
        shapes.append(shape)
    _alike(operation, bodies, shapes)
    free = list(dict.fromkeys(x for body in bodies for x in body.free()))
    if not bodies[0].outputs:
        return wrapped(shapes[0], ())
    return wrapped(shapes[0], items(Switch(tuple(body.graph(free) for body in bodies))(index, *given, *free)))


def _alike(operation: str, bodies: list[Body], shapes: list[Tree]) -> None:
    """Refuse branches that return different things."""
    first = bodies[0]
    for body, shape in zip(bodies[1:], shapes[1:], strict=True):
        types = [
            [f"{path or 'result'}: {v.type}" for v, path in zip(b.outputs, s.paths, strict=True)]
            for b, s in ((first, shapes[0]), (body, shape))
        ]
        if shape.structure != shapes[0].structure or types[0] != types[1]:
            raise TypeRuleError(
                f"{operation}: the branches must return the same structure and types; {first.name} returns "
                f"({', '.join(types[0])}), {body.name} returns ({', '.join(types[1])})\n  at {Site(*here())}"
            )


def associative_scan(f: Function, xs: Any, *, axis: int = 0, reverse: bool = False) -> Any:
    """All partial results of an associative ``f`` along an axis: x0, f(x0, x1), f(f(x0, x1), x2) ...

    ``f(a, b)`` combines two containers of arrays like ``xs``, row by row along the axis; f(f(a, b), c) must equal
    f(a, f(b, c)). It is called on about 2 log2(n) slices instead of n rows (Blelloch, "Prefix sums and their
    applications", 1990). With ``reverse``, partial results go from the last row to the first.

    >>> import clew as cl
    >>> cl.associative_scan(cl.maximum, cl.asarray([1.0, 3.0, 2.0, 4.0])).tolist()
    [1.0, 3.0, 3.0, 4.0]
    """
    rows, tree = leaves(xs)
    if not rows:
        return xs
    sizes = {manipulation.moveaxis(v, axis, 0).shape[0] for v in rows}
    if len(sizes) != 1:
        shown = ", ".join(f"{path or 'xs'}: {v.type}" for v, path in zip(rows, tree.paths, strict=True))
        raise TypeRuleError(f"associative_scan: xs differ along axis {axis}: ({shown})\n  at {Site(*here())}")
    columns = [manipulation.moveaxis(v, axis, 0) for v in rows]
    columns = [manipulation.flip(v, axis=0) for v in columns] if reverse else columns

    def combined(a: list[Value], b: list[Value]) -> list[Value]:
        moved = [[manipulation.moveaxis(v, 0, axis) for v in part] for part in (a, b)]
        made, shape = leaves(f(wrapped(tree, moved[0]), wrapped(tree, moved[1])))
        if shape.structure != tree.structure:
            raise UsageError(f"associative_scan: {name_of(f)} must return a container like xs\n  at {Site(*here())}")
        return [manipulation.moveaxis(v, axis, 0) for v in made]

    made = _prefixes(combined, columns, sizes.pop())
    made = [manipulation.flip(v, axis=0) for v in made] if reverse else made
    return wrapped(tree, [manipulation.moveaxis(v, 0, axis) for v in made])


def _prefixes(f: Callable[[list[Value], list[Value]], list[Value]], rows: list[Value], n: int) -> list[Value]:
    """Partial results of pairs give those at odd places; one more step each gives those between."""
    if n < 2:
        return rows
    even, odd = ([getitem(v, slice(start, n - n % 2, 2)) for v in rows] for start in (0, 1))
    halves = _prefixes(f, f(even, odd), n // 2)
    later = [getitem(v, slice(2, None, 2)) for v in rows]
    count = (n - 1) // 2
    between = f([getitem(v, slice(0, count)) for v in halves], later) if count else later
    first = [getitem(v, slice(0, 1)) for v in rows]
    evens = [manipulation.concat([a, b]) for a, b in zip(first, between, strict=True)] if count else first
    return [_interleaved(a, b, n) for a, b in zip(evens, halves, strict=True)]


def _interleaved(even: Value, odd: Value, n: int) -> Value:
    """Rows of one and the other in turn; ``even`` may have one more."""
    half = odd.shape[0]
    pairs = manipulation.stack([getitem(even, slice(0, half)), odd], axis=1)
    flat = manipulation.reshape(pairs, (2 * half, *odd.shape[1:]))
    return manipulation.concat([flat, getitem(even, slice(half, None))]) if n % 2 else flat
