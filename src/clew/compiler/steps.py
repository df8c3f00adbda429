"""The steps of a routine that are kernels of loops or products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod

from ..ir import Dtype, Graph, Value
from .block import I64, Block, Module, Reg, number
from .conversion import from_memory, memory_type, to_memory
from .costs import cost
from .emit import BEGIN, CONTEXT, END, Loops, parameter
from .expression import Buffer, Place, Point, Space, walk
from .folding import combine
from .group import Group, Grouping
from .kernel import Kernel, likeness
from .layout import Layout, parts
from .products import Product, flops
from .prologue import kernel as operand
from .schedule import schedule
from .tail import finishing, function, packing
from .whole import NATIVE

PARALLEL = 40_000  # cycles from which on a call is shared among threads


@dataclass
class Addresses:
    """Where things are: in a table, at some place, or in memory, at some offset. Each is written where it is asked for, since a
    function of many steps could not keep them all in registers."""

    b: Block
    entries: Mapping[Place, tuple[Reg, int]]
    arena: Reg
    offsets: Mapping[Place, int]
    in_place: Mapping[Buffer, Buffer]  # what is where something else is

    def __contains__(self, place: object) -> bool:
        return place in self.entries or place in self.offsets or place in self.in_place

    def __getitem__(self, place: Place) -> Reg:
        place = self.in_place.get(place, place) if isinstance(place, Buffer) else place
        if isinstance(place, Point):
            return self.b.gep(self[place.buffer], number(place.position * place.nbytes, I64), "i8")
        if place in self.entries:
            return entry(self.b, *self.entries[place])
        return self.b.gep(self.arena, number(self.offsets[place], I64), "i8")


def entry(b: Block, base: Reg, k: int) -> Reg:
    """An address of a table."""
    return b.load(b.gep(base, number(k, I64), "ptr"), "ptr", 8)


@dataclass
class Frame:
    """A routine's function while it is written."""

    b: Block
    view: Reg  # the pool's, which says whether to stop
    env: Reg  # the compiled function's own table: see ``Compiled``
    addresses: Addresses

    def leave_if(self, flag: Reg) -> None:
        """Return the i32 ``flag`` unless it is 0."""
        b, n = self.b, self.b.fresh()
        failed = b.icmp("ne", flag, number(0, "i32"))
        b.do(f"br i1 {failed.text}, label %leave{n}, label %stay{n}")
        b.begin(f"leave{n}")
        b.do(f"ret {flag}")
        b.begin(f"stay{n}")

    def leave_if_stopped(self) -> None:
        self.leave_if(self.b.put(f"load atomic i32, ptr {self.view.text} monotonic, align 4", "i32"))


@dataclass
class Call:
    """A native function of tasks, what its context holds, and about how many cycles all of them take."""

    name: str
    context: list[Place]
    tasks: int
    cycles: float

    def write(self, frame: Frame, *before: Reg) -> None:
        """``before`` are addresses that come first in the context."""
        if not self.tasks:
            return
        b = frame.b
        addresses = [*before, *(frame.addresses[key] for key in self.context)]
        context = b.slot("ptr", len(addresses))
        for k, address in enumerate(addresses):
            b.store(address, b.gep(context, number(k, I64), "ptr"), 8)
        if self.cycles > PARALLEL and self.tasks > 1:
            b.module.declare("declare void @clew_parallel(ptr, ptr, ptr, i64)")
            b.do(f"call void @clew_parallel({frame.view}, ptr @{self.name}, {context}, i64 {self.tasks})")
        else:
            b.do(f"call void @{self.name}({context}, i64 0, i64 {self.tasks})")


@dataclass
class Step:
    """What happens at once: calls of native functions. ``values`` are those of the graph that it computes."""

    values: list[Value]
    reads: list[Buffer]
    writes: list[Buffer]
    calls: list[Call] = field(default_factory=list)
    kernel: Kernel | None = None
    made: Product | None = None
    computed: Mapping[str, Kernel] = field(default_factory=dict)  # what computes operands of the product
    totals: list[tuple[Buffer, Space, str, Dtype]] = field(default_factory=list)  # partial results to be combined

    @property
    def spaces(self) -> list[Space]:
        return list(dict.fromkeys(x for call in self.calls for x in call.context if isinstance(x, Space)))

    @property
    def tree(self) -> str:
        """Its loops as text: what computes a product's operands, and what it computes."""
        kernels = [*self.computed.values(), *([self.kernel] if self.kernel is not None else [])]
        return "\n".join(map(str, kernels))

    @property
    def cycles(self) -> float:
        return sum(call.cycles for call in self.calls)

    def write(self, frame: Frame) -> None:
        for call in self.calls:
            call.write(frame)
        if self.totals:
            combine_totals(frame.b, self, frame.addresses)


def kept(grouping: Grouping, graph: Graph) -> set[Value]:
    """The roots that need memory: results, and what other groups read that are computed themselves. Of an expression less may
    be left than of its value, and then what it does not read is not computed."""
    found = {v for v in graph.outputs if v in grouping.roots}
    for group in reversed(grouping.groups):
        if not found.isdisjoint(group.members):
            found |= {x for v in group.members for x in grouping.needs[v] if grouping.of[x] is not group}
    return found


def loops_step(n: int, module: Module, group: Group, grouping: Grouping, wanted: set[Value], bits: int) -> Step:
    kernel = schedule(f"k{n}", group, grouping, wanted)
    layout = Layout(kernel, bits)
    partial = [Space(n, f"total{k}", layout.tasks * x.expr.dtype.itemsize) for k, x in enumerate(layout.totals)]

    def write(b: Block) -> None:
        Loops(b, layout, grouping.recorder.own).function()

    name = module.shared(("loops", likeness(kernel)), "void", (CONTEXT, BEGIN, END), write)
    cycles = sum(kernel.turns * prod(v.size for v in nest.vars) * sum(map(cost, walk(parts(nest)))) for nest in kernel.nests)
    step = Step(list(group.members), kernel.read, kernel.written, kernel=kernel)
    step.calls.append(Call(name, [*layout.parameters, *partial], layout.tasks, cycles / layout.width))
    for x, space in zip(layout.totals, partial, strict=True):
        assert x.total is not None
        step.totals.append((x.total, space, x.expr.attr[0], x.expr.dtype))
    return step


def product_step(n: int, module: Module, group: Group, grouping: Grouping, wanted: set[Value], bits: int) -> Step:
    v = group.members[0]
    made = grouping.products[v]
    kernel = schedule(f"k{n}", group, grouping, wanted)
    computed = {name: operand(base := made.views[name].base, grouping.expression(base)) for name in made.cuts}
    own = grouping.buffers[v]
    fused = len(group.members) > 1
    size = made.problem.element_bits // 8
    read = [x for x in kernel.read if x is not own]
    sources = [x for each in computed.values() for x in each.read]
    lie = {name: grouping.buffers[x.base] for name, x in made.views.items() if name not in made.cuts}
    given = [*lie.values(), *sources]
    following: list[Place] = [*(x for x in kernel.given if x is not own), *kernel.written] if fused else []
    none: Place = [*given, *following, own][0]
    scratch: Place = Space(n, "panels", made.plan.scratch * size) if made.plan.scratch else none
    first = {name: Point(x, made.views[name].offset) if made.views[name].offset else x for name, x in lie.items()}
    context: list[Place] = [first.get("a", none), first.get("b", none), none if fused else own, scratch, *following, *sources]
    reads = list(dict.fromkeys([*given, *read]))
    step = Step(list(group.members), reads, kernel.written, kernel=kernel, made=made, computed=computed)
    lanes = made.plan.lanes
    if made.plan.packing:
        pack = partial(packing, made=made)
        name = module.shared(("packing", made.likeness), "void", (CONTEXT, BEGIN, END), pack, calls=True)
        step.calls.append(Call(name, context, made.plan.packing, made.plan.scratch / 4))

    def write(b: Block) -> None:
        function(b, made, kernel, v, grouping.recorder.own, following, computed)

    like = likeness(kernel) if fused else None, *(likeness(each, {}) for each in computed.values())
    name = module.shared(("product", made.likeness, like), "void", (CONTEXT, BEGIN, END), write, calls=made.plan.apart)
    step.calls.append(Call(name, context, made.plan.tasks, flops(made) / (3 * lanes)))
    if made.plan.finishing:

        def finish(b: Block) -> None:
            finishing(b, made, kernel, v, grouping.recorder.own, following)

        name = module.shared(("finishing", made.likeness, like), "void", (CONTEXT, BEGIN, END), finish)
        step.calls.append(Call(name, context, made.plan.finishing, made.plan.scratch / lanes))
    return step


def combine_totals(b: Block, step: Step, address: Addresses) -> None:
    """The partial results of a step's folds, in order."""
    for buffer, space, function_name, dtype in step.totals:
        type, partial = memory_type(dtype), address[space]
        first = from_memory(b, b.load(partial, type, dtype.itemsize), dtype)
        count = space.nbytes // dtype.itemsize
        total = first
        if count > 1:
            with b.loop(number(1, I64), number(count, I64), carried=[first]) as loop:
                x = from_memory(b, b.load(b.gep(partial, loop.i, type), type, dtype.itemsize), dtype)
                loop.next = [combine(b, function_name, dtype, loop.carried[0], x)]
            total = loop.results[0]
        b.store(to_memory(b, total, dtype), address[buffer], dtype.itemsize)


def whole_step(n: int, module: Module, v: Value, buffers: Mapping[Value, Buffer], bits: int) -> Step | None:
    """The step of an op without a pull form that has native code of its own; None of any other."""
    native = NATIVE.get(type(v.op)) if v.op is not None else None
    if native is None or not native.suits(v):
        return None
    operands = [buffers[x] for x in v.operands]
    scratch = Space(n, "scratch", max(1, native.scratch(v)))

    def write(b: Block) -> None:
        *given, result, memory = (parameter(b, k) for k in range(len(operands) + 2))
        native.write(b, v, given, result, memory, BEGIN, END, bits)
        b.do("ret void")

    key = ("whole", v.op, v.type, *(x.type for x in v.operands))
    name = module.shared(key, "void", (CONTEXT, BEGIN, END), write)
    call = Call(name, [*operands, buffers[v], scratch], native.tasks(v), native.cycles(v))
    return Step([v], list(dict.fromkeys(operands)), [buffers[v]], [call])
