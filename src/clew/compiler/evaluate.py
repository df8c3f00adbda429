"""Expressions in registers: each computed once for all that read it, in the innermost loop that it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from .block import I64, Block, Reg, number, vector
from .conversion import cast, from_memory, memory_type, register_type
from .expression import Buffer, Expr, Point, flat, founds, identity, indices, walk
from .folding import combine, neutral
from .index import Component, Found, Ix, Quotient, Var
from .interleaving import apart
from .quotients import divided, from_first
from .scalar_functions import call, shared
from .short import MOST
from .turns import Spot, Turns

WIDEST = 4  # the widest step between lanes for which all in between is read too
SCATTERED = 1 << 30  # no step: each lane has an address of its own
BACKWARDS = SCATTERED - 1  # neighbours in falling order: the address is the last lane's
UNROLLED = 16  # turns of a reduction within an expression


class Evaluator(Turns):
    """Writes the instructions that compute expressions."""

    def __init__(self, b: Block, lanes: int) -> None:
        super().__init__(b, lanes)
        self.base: dict[Buffer | Point, Reg] = {}
        self.scratch: dict[Buffer, Reg] = {}
        self.rank = 0  # how many axes the turns have, which scratch lacks
        self.wide_scratch = False  # whether scratch has a vector for each element: lanes are turns
        self.aligned = False  # whether the first lane's value is a multiple of the lanes
        self.shared: frozenset[str] = frozenset()  # functions that are called, and not written out

    def prepare(self, exprs: Iterable[Expr]) -> None:
        """Compute what is the same for every value of ``v`` before its loop."""
        for e in walk(exprs, lambda e: self.known(e) is None and e.kind != "reduce"):
            if e.kind in ("const", "reduce") or not all(u in self.env for u in e.vars):
                continue
            if e.kind == "load" and not self._placed(e.attr[0]) and self.known(e.attr[0]) is None:
                continue
            if all(self.known(x) is not None or x.kind == "const" for x in e.args) and self.known(e) is None:
                if any(True for c in indices(e) for _ in founds(c)):
                    continue
                self.value(e)

    def known(self, key: Any) -> Reg | None:
        for scope in reversed(self.scopes):
            found: Reg | None = scope.get(key)
            if found is not None:
                return found
        return None

    def value(self, root: Expr) -> Reg:
        """The register of an expression; its operands first, without recursion."""
        found = self.known(root)
        if found is None:
            for e in walk([root], lambda e: self.known(e) is None and e.kind != "reduce"):
                if self.known(e) is None:
                    self.scopes[-1][e] = found = self._computed(e)
        assert found is not None  # the root comes last
        return found

    def fact(self, e: Expr) -> bool | None:
        """Whether a condition holds, where that is known."""
        if e.kind != "call" or not self.facts:
            return self.facts.get(e)
        found = [self.fact(x) for x in e.args]
        if e.attr == "logical_and":
            return False if False in found else True if all(found) else None
        return None

    def _computed(self, e: Expr) -> Reg:
        b = self.b
        fact = self.fact(e)
        if fact is not None:
            return number(fact, "i1")
        if e.kind == "const":
            return number(e.attr.item() if e.dtype.kind != "V" else float(e.attr), register_type(e.dtype))
        if e.kind == "load":
            return self._load(e)
        if e.kind == "reduce":
            return self.reduce(e)
        if e.kind == "number":
            x = self._index(e.attr)
            return cast(b, x, np.dtype(np.int64), e.dtype)
        if e.kind == "inside":
            ix, low, high = e.attr
            x = self._index(ix - low)
            return b.icmp("ult", x, number(high - low, x.type))
        if e.kind == "select" and (fact := self.fact(e.args[0])) is not None:
            chosen = self.known(e.args[1 if fact else 2])
            assert chosen is not None
            return chosen
        args = [self.known(x) for x in e.args]
        wide = max(x.lanes for x in args if x is not None)
        regs = [self.spread(x, wide) for x in args if x is not None]
        if e.kind == "select":
            return b.select(*regs)
        if e.kind == "cast":
            return cast(b, regs[0], e.args[0].dtype, e.dtype)
        return (shared if e.attr in self.shared else call)(b, e.attr, e.args[0].dtype, *regs)

    def spread(self, x: Reg, lanes: int) -> Reg:
        return x if x.lanes == lanes else self.b.splat(x, lanes)

    def _all(self) -> Reg:
        return number(True, vector("i1", self.lanes))

    def _load(self, e: Expr) -> Reg:
        b = self.b
        buffer, index = e.attr
        dtype = buffer.value.dtype
        own = self.known(buffer)
        if own is not None and (identity(index, buffer.value.shape) == len(index) or not self._placed(buffer)):
            return own
        size, type = dtype.itemsize, memory_type(dtype)
        fact = self.fact(e.args[0]) if e.args else True
        if fact is False:
            return number(0, register_type(dtype))
        if fact and self.mask is None and (found := self._of_rows(buffer, index)) is not None:
            return from_memory(b, found, dtype)
        address, step = self._address(buffer, index)
        mask = self.known(e.args[0]) if fact is None else None
        if step is None:
            if mask is not None:
                if mask.lanes:
                    mask = b.put(f"call i1 @llvm.vector.reduce.or.v{mask.lanes}i1({mask})", "i1")
                    b.module.declare(f"declare i1 @llvm.vector.reduce.or.v{self.lanes}i1(<{self.lanes} x i1>)")
                address = b.select(mask, address, self._nowhere())
            return from_memory(b, b.load(address, type, size), dtype)
        if mask is not None:
            mask = self.spread(mask, self.lanes)
            mask = mask if self.mask is None else b.bits_and(mask, self.mask)
        else:
            mask = self.mask
        return from_memory(b, self._lanes_from(address, step, type, mask, size), dtype)

    def _of_rows(self, buffer: Buffer, index: tuple[Component, ...]) -> Reg | None:
        """Elements a few apart: of rows as long as that step, all of which are read and taken apart once for all that lies in
        them. None where the lanes are not so, or the array is not made of such rows."""
        b, lanes, dtype = self.b, self.lanes, buffer.value.dtype
        if buffer in self.scratch or isinstance(position := flat(buffer, index), int):
            return None
        step = self._step(position)
        if step is None or not 1 < step <= MOST or buffer.memory.value.type.size % step:
            return None
        constant, terms = position.constant, []
        for atom, c in position.terms:
            bound = self.env.get(atom) if isinstance(atom, Var) and atom != self.vector else None
            if isinstance(bound, int):
                constant += bound * c
            else:
                terms.append((atom, c))
        rest = Ix(constant // step * step, tuple(terms))
        if any(c % step for _, c in rest.terms):
            return None
        keys = [("apart", buffer, rest, k) for k in range(step)]
        if self.known(keys[0]) is None:
            type = memory_type(dtype)
            first = b.gep(self.base[buffer.memory], self._index(rest, first=True), type)
            places = [b.gep(first, number(k * lanes, I64), type) if k else first for k in range(step)]
            vectors = [b.load(x, vector(type, lanes), dtype.itemsize) for x in places]
            self.shelf.update(zip(keys, apart(b, vectors), strict=True))
        return self.known(keys[constant % step])

    def _lanes_from(self, address: Reg, step: int, type: str, mask: Reg | None, size: int) -> Reg:
        """A vector from memory; see ``_address`` for the step. What the mask excludes is not read."""
        b, lanes = self.b, self.lanes
        if step == SCATTERED:
            return b.gather(address, mask or self._all(), Reg("zeroinitializer", vector(type, lanes)), size)
        if step == BACKWARDS:
            order = range(lanes)[::-1]
            found = self._lanes_from(address, 1, type, None if mask is None else b.shuffle(mask, mask, order), size)
            return b.shuffle(found, found, order)
        if step == 1:
            wide = vector(type, lanes)
            return (
                b.load(address, wide, size)
                if mask is None
                else b.masked_load(address, mask, Reg("zeroinitializer", wide), size)
            )
        if step > 1:  # neighbours that are read and dropped again cost less than addresses of each
            wide = vector(type, lanes * step)
            spread = [k // step if k % step == 0 else lanes for k in range(lanes * step)]
            some = mask or self._all()
            wanted = b.shuffle(some, Reg("zeroinitializer", some.type), spread)
            found = b.masked_load(address, wanted, Reg("zeroinitializer", wide), size)
            return b.shuffle(found, found, [k * step for k in range(lanes)])
        few = vector(type, lanes // -step)
        if mask is None:
            found = b.load(address, few, size)
        else:
            parts = [b.shuffle(mask, mask, [k * -step + j for k in range(lanes // -step)]) for j in range(-step)]
            wanted = parts[0]
            for part in parts[1:]:
                wanted = b.bits_or(wanted, part)
            found = b.masked_load(address, wanted, Reg("zeroinitializer", few), size)
        return b.shuffle(found, found, [k // -step for k in range(lanes)])

    def _placed(self, buffer: Buffer) -> bool:
        """Whether it has memory; a member that has none is one number in each turn."""
        return buffer.memory in self.base or buffer in self.scratch

    def _nowhere(self) -> Reg:
        """An address that may be read, for what is not to be read."""
        found = self.scopes[0].get("nowhere")
        if found is None:
            found = self.scopes[0]["nowhere"] = self.b.slot("<16 x i64>")
        return found

    def folded(self, e: Expr, found: Reg) -> Reg:
        """A fold's result with its initial value."""
        function, initial = e.attr[0], e.args[1]
        if initial.kind == "const" and np.array_equal(initial.attr, np.asarray(neutral(function, e.dtype)).astype(e.dtype)):
            return found
        first = self.value(initial)
        return combine(self.b, function, e.dtype, self.spread(first, found.lanes), found)

    def reduce(self, e: Expr) -> Reg:
        """A reduction of each element: loops of its own, or written out where they are short."""
        b = self.b
        function, loops = e.attr
        wide = self.lanes if self.vector is not None and self.vector in e.vars else 0
        type = vector(register_type(e.dtype), wide)
        for x in walk(e.args, lambda x: x.kind != "reduce"):  # those within it that are the same in each turn
            if x.kind == "reduce" and not x.vars & set(loops):
                self.value(x)
        if prod(v.size for v in loops) <= UNROLLED:
            total: Reg | None = None
            for turn in np.ndindex(*(v.size for v in loops)):
                with self.scope(again=True):
                    self.env.update(zip(loops, map(int, turn), strict=True))
                    term = self.spread(self.value(e.args[0]), wide)
                    total = term if total is None else combine(b, function, e.dtype, total, term)
            for v in loops:
                del self.env[v]
            assert total is not None
        else:
            around, self.folds = self.folds, {e: number(neutral(function, e.dtype), type)}

            def body() -> None:
                term = self.spread(self.value(e.args[0]), wide)
                self.folds[e] = combine(b, function, e.dtype, self.folds[e], term)

            self.loops(loops, e.args, body)
            total, self.folds = self.folds[e], around
        return self.folded(e, total)

    def write(self, buffer: Buffer, index: tuple[Component, ...], x: Reg) -> None:
        b = self.b
        address, step = self._address(buffer, index)
        size = buffer.value.dtype.itemsize
        if step is None:
            b.store(x, address, size) if not x.lanes else b.store(b.put(f"extractelement {x}, i64 0", x.element), address, size)
            return
        x = self.spread(x, self.lanes)
        if step == 1:
            b.store(x, address, size) if self.mask is None else b.masked_store(x, address, self.mask, size)
            return
        if step != SCATTERED:
            address = self._scattered(*self._place(buffer, index), memory_type(buffer.value.dtype))
        b.scatter(x, address, self.mask or self._all(), size)

    def loops(self, vars: Sequence[Var], exprs: Sequence[Expr], body: Callable[[], None]) -> None:
        """Loops over ``vars``; what does not depend on one of them is computed before it."""
        if not vars:
            body()
            return
        v = vars[0]
        self.prepare(exprs)
        with self.looping(number(0, I64), number(v.size, I64)) as i, self.scope():
            self.env[v] = i
            self.loops(vars[1:], exprs, body)
        del self.env[v]

    # Addresses

    def _address(self, buffer: Buffer, index: tuple[Component, ...]) -> tuple[Reg, int | None]:
        """Where an element is, of the first lane, and the step from lane to lane: None where all lanes have the same one;
        ``-n`` where ``n`` lanes in turn do; ``BACKWARDS``; ``SCATTERED``, and an address for each lane, where there is no
        such rule."""
        b = self.b
        type = memory_type(buffer.value.dtype)
        base, position = self._place(buffer, index)
        if buffer in self.scratch and self.wide_scratch:
            row = self._index(position)
            start = b.mul(row, number(self.lanes, row.type))
            if not row.lanes:
                return b.gep(base, start, type), 1
            places = b.add(start, b.lanes_from(number(0, I64), self.lanes))
            return b.put(f"getelementptr {type}, ptr {base.text}, {places}", vector("ptr", self.lanes)), SCATTERED
        v = self.vector
        if v is None or isinstance(position, int) or v not in position.vars:
            return b.gep(base, self._index(position), type), None
        step = self._step(position)
        if step == -1:
            return b.gep(base, self._index(position + (1 - self.lanes), first=True), type), BACKWARDS
        if step is None and self.aligned:
            step = self._repeated(position, v)
        elif step is not None and not 0 <= step <= WIDEST:
            step = None
        if step is not None:
            return b.gep(base, self._index(position, first=True), type), step or None
        return self._scattered(base, position, type), SCATTERED

    def _step(self, position: Component) -> int | None:
        """From lane to lane; None where there is no such, or not always the same."""
        if self.vector is None or isinstance(position, int):
            return None
        return position.along(self.vector, self.lanes) if self.aligned else position.coefficient(self.vector)

    def first(self, buffer: Buffer, index: tuple[Component, ...], step: int) -> Reg | None:
        """The address of the first lane, if the others follow at this step."""
        if buffer in self.scratch and self.wide_scratch:
            return None
        base, position = self._place(buffer, index)
        if self._step(position) != step:
            return None
        return self.b.gep(base, self._index(position, first=True), memory_type(buffer.value.dtype))

    def _place(self, buffer: Buffer, index: tuple[Component, ...]) -> tuple[Reg, Component]:
        """Where a buffer begins, and an element's place from there: in scratch, of a turn's own."""
        if buffer not in self.scratch:
            position = flat(buffer, index)
            point = self.base.get(Point(buffer.memory, position)) if isinstance(position, int) else None
            return (point, 0) if point is not None else (self.base[buffer.memory], position)
        position = 0
        for c, n in zip(index[self.rank :], buffer.value.shape[self.rank :], strict=True):
            position = position * n + c
        return self.scratch[buffer], position

    def _scattered(self, base: Reg, position: Component, type: str) -> Reg:
        """An address for each lane. A position that was found may be the same for all: there may be but one to choose from."""
        places = self.spread(self._index(position), self.lanes)
        return self.b.put(f"getelementptr {type}, ptr {base.text}, {places}", vector("ptr", self.lanes))

    def _repeated(self, position: Ix, v: Var) -> int | None:
        """``-n`` where the lanes' variable appears as ``v // n`` alone, and ``n`` divides the lanes."""
        inside = [(atom, c) for atom, c in position.terms if v in atom.vars]
        if len(inside) != 1:
            return None
        atom, c = inside[0]
        whole = isinstance(atom, Quotient) and c == 1 and atom.of == Ix(0, ((v, 1),)) and self.lanes % atom.by == 0
        return -atom.by if whole and isinstance(atom, Quotient) and atom.by < self.lanes else None

    def _index(self, ix: Component, first: bool = False) -> Reg:
        """An index as a register: a vector where it depends on the lanes, unless only the ``first`` lane's is wanted."""
        if isinstance(ix, int):
            return number(ix, I64)
        key = (ix, first)
        found = self.known(key)
        if found is None:
            found = self.scopes[-1][key] = self._summed(ix, first)
        return found

    def _summed(self, ix: Ix, first: bool) -> Reg:
        constant: int = ix.constant
        terms: list[tuple[Any, int]] = []
        for atom, c in ix.terms:
            bound = self.env.get(atom) if isinstance(atom, Var) and (first or atom != self.vector) else None
            if isinstance(bound, Spot):
                terms.append((bound.start, c))
                constant += c * bound.steps
            elif isinstance(bound, int):
                constant += c * bound
            else:
                terms.append((atom, c))
        if not terms:
            return number(constant, I64)
        total = self.added(tuple(terms), first)
        return self.b.add(total, number(constant, total.type)) if constant else total

    def added(self, terms: tuple[tuple[Any, int], ...], first: bool) -> Reg:
        """The sum of what varies, of registers or other atoms."""
        b = self.b
        total: Reg | None = None
        for atom, c in terms:
            x = atom if isinstance(atom, Reg) else self._atom(atom, first)
            x = x if c == 1 else b.mul(x, number(c, x.type))
            if total is not None and total.lanes != x.lanes:
                wide = max(total.lanes, x.lanes)
                total, x = self.spread(total, wide), self.spread(x, wide)
            total = x if total is None else b.add(total, x)
        assert total is not None
        return total

    def _atom(self, atom: Any, first: bool) -> Reg:
        b = self.b
        if isinstance(atom, Var):
            bound = self.env[atom]
            if isinstance(bound, Spot):
                bound = b.add(bound.start, number(bound.steps, I64)) if bound.steps else bound.start
            base = number(bound, I64) if isinstance(bound, int) else bound
            if atom != self.vector or first:
                return base
            key = ("lanes", atom)
            found = self.known(key)
            if found is None:
                found = self.scopes[-1][key] = b.lanes_from(base, self.lanes)
            return found
        if isinstance(atom, Found):
            x = cast(b, self.value(atom.expr), atom.expr.dtype, np.dtype(np.int64))
            low, high = number(0, x.type), number(max(atom.size - 1, 0), x.type)
            x = b.select(b.icmp("slt", x, low), low, x)
            return b.select(b.icmp("sgt", x, high), high, x)
        shift = atom.by & (atom.by - 1) == 0  # no division at all
        adjacent = not first and not shift and self.vector is not None and atom.of.coefficient(self.vector) == 1
        x = self._index(atom.of, first or adjacent)
        floor, rest = divided(b, x, number(atom.by, x.type), atom.of.range[0] < 0)
        whole = isinstance(atom, Quotient)
        if adjacent:
            more, less = from_first(b, rest, atom.by, self.lanes)
            return b.add(self.spread(floor, self.lanes), more) if whole else less
        return floor if whole else rest
