"""LLVM's text, instruction by instruction: what every part of the compiler writes with.

A ``Reg`` is a value with its LLVM type; a ``Block`` collects the lines of a function and knows how each instruction is
spelt. All instructions work lane by lane on vectors too: a type is ``float`` or ``<16 x float>``, and the text is the same.
No decision is taken here.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .native import Part

I64 = "i64"


class Reg(NamedTuple):
    """A register or constant as it is written, and its LLVM type."""

    text: str
    type: str

    def __str__(self) -> str:
        return f"{self.type} {self.text}"

    @property
    def lanes(self) -> int:
        """How many numbers it holds; 0 for a scalar."""
        return lanes(self.type)

    @property
    def element(self) -> str:
        """The type of one of its numbers."""
        return element(self.type)


@cache
def lanes(type: str) -> int:
    return int(type[1 : type.index(" ")]) if type[0] == "<" else 0


@cache
def element(type: str) -> str:
    return type[type.index("x ") + 2 : -1] if type[0] == "<" else type


def vector(element: str, lanes: int) -> str:
    """The type of ``lanes`` numbers; of one number where ``lanes`` is 0."""
    return f"<{lanes} x {element}>" if lanes else element


def like(type: str, element: str) -> str:
    """``type`` with other numbers: as many lanes."""
    return vector(element, lanes(type))


BITS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "half": 16, "bfloat": 16, "float": 32, "double": 64, "ptr": 64}

WIDEST = 512  # bits of vectors whose every instruction may have a mask


def number(value: float | int | bool, type: str) -> Reg:
    """A constant, in all lanes; a float is rounded to the type."""
    return _whole(value, type) if value.__class__ is int else _number(value, type)


def _number(value: float | int | bool, type: str) -> Reg:
    kind = element(type)
    if kind in ("float", "double", "half", "bfloat"):
        if kind == "float" and value == value:
            value = _single(value)
        text = f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
        if kind in ("half", "bfloat"):
            raise ValueError("write half precision as float and convert it")
    else:
        text = str(int(value))
    return Reg(f"splat ({kind} {text})" if lanes(type) else text, type)


_whole = lru_cache(maxsize=4096)(_number)  # most constants are steps and sizes, and come again and again


def _single(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return value * float("inf")


class Loop:
    """A running loop: its counter ``i``, the values it ``carried`` into this turn; ``next`` is set to those of the next."""

    def __init__(self, i: Reg, carried: list[Reg]) -> None:
        self.i = i
        self.carried = carried
        self.next: list[Reg] = list(carried)
        self.results: list[Reg] = []  # after the loop: what the last turn left


class Block:
    """The body of a function while it is written. ``declare`` and ``define`` serve the whole module (``Module``)."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.head: list[str] = []  # memory on the stack, taken where the function begins
        self.lines: list[str] = []
        self.label = "entry"
        self._count = 0

    # Naming

    def fresh(self) -> int:
        self._count += 1
        return self._count

    def put(self, instruction: str, type: str) -> Reg:
        """A new register of ``type``, made by the instruction."""
        self._count += 1
        name = f"%v{self._count}"
        self.lines.append(f"  {name} = {instruction}")
        return Reg(name, type)

    def do(self, instruction: str) -> None:
        """An instruction without a result."""
        self.lines.append(f"  {instruction}")

    # Arithmetic: operands of one type

    def _two(self, name: str, a: Reg, b: Reg) -> Reg:
        return self.put(f"{name} {a.type} {a.text}, {b.text}", a.type)

    def fadd(self, a: Reg, b: Reg) -> Reg:
        return self._two("fadd", a, b)

    def fsub(self, a: Reg, b: Reg) -> Reg:
        return self._two("fsub", a, b)

    def fmul(self, a: Reg, b: Reg) -> Reg:
        return self._two("fmul", a, b)

    def fdiv(self, a: Reg, b: Reg) -> Reg:
        return self._two("fdiv", a, b)

    def fneg(self, a: Reg) -> Reg:
        return self.put(f"fneg {a}", a.type)

    def fma(self, a: Reg, b: Reg, c: Reg) -> Reg:
        """``a * b + c``, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def add(self, a: Reg, b: Reg) -> Reg:
        return self._two("add", a, b)

    def sub(self, a: Reg, b: Reg) -> Reg:
        return self._two("sub", a, b)

    def mul(self, a: Reg, b: Reg) -> Reg:
        return self._two("mul", a, b)

    def bits_and(self, a: Reg, b: Reg) -> Reg:
        return self._two("and", a, b)

    def bits_or(self, a: Reg, b: Reg) -> Reg:
        return self._two("or", a, b)

    def bits_xor(self, a: Reg, b: Reg) -> Reg:
        return self._two("xor", a, b)

    def shl(self, a: Reg, b: Reg) -> Reg:
        return self._two("shl", a, b)

    def lshr(self, a: Reg, b: Reg) -> Reg:
        return self._two("lshr", a, b)

    def ashr(self, a: Reg, b: Reg) -> Reg:
        return self._two("ashr", a, b)

    def binary(self, name: str, a: Reg, b: Reg) -> Reg:
        """Any other instruction of two operands by its LLVM name (``sdiv``, ``urem``, ``frem`` ...)."""
        return self._two(name, a, b)

    # Comparison and choice

    def icmp(self, predicate: str, a: Reg, b: Reg) -> Reg:
        """``predicate`` as LLVM spells it: eq, ne, slt, sle, ult ..."""
        return self.put(f"icmp {predicate} {a.type} {a.text}, {b.text}", like(a.type, "i1"))

    def fcmp(self, predicate: str, a: Reg, b: Reg) -> Reg:
        """``predicate`` as LLVM spells it: oeq, olt, ole, une, uno, ord ..."""
        return self.put(f"fcmp {predicate} {a.type} {a.text}, {b.text}", like(a.type, "i1"))

    def select(self, condition: Reg, yes: Reg, no: Reg) -> Reg:
        return self.put(f"select {condition}, {yes}, {no}", yes.type)

    # Conversion

    def convert(self, name: str, x: Reg, element: str) -> Reg:
        """``name`` is LLVM's: bitcast, fptosi, sitofp, uitofp, fptoui, fpext, fptrunc, trunc, sext, zext; lanes stay."""
        type = like(x.type, element)
        return self.put(f"{name} {x} to {type}", type)

    def bitcast(self, x: Reg, element: str) -> Reg:
        return self.convert("bitcast", x, element)

    def splat(self, x: Reg, lanes: int) -> Reg:
        """A scalar in every lane."""
        if x.text.startswith(("%", "@")):
            type = vector(x.type, lanes)
            one = self.put(f"insertelement {type} poison, {x}, i64 0", type)
            return self.put(f"shufflevector {one}, {type} poison, <{lanes} x i32> zeroinitializer", type)
        return Reg(f"splat ({x})", vector(x.type, lanes))

    def shuffle(self, x: Reg, y: Reg, lanes: Sequence[int]) -> Reg:
        """A vector of these lanes of ``x`` and, counted on, ``y``."""
        chosen = ", ".join(f"i32 {k}" for k in lanes)
        return self.put(f"shufflevector {x}, {y}, <{len(lanes)} x i32> <{chosen}>", vector(x.element, len(lanes)))

    # Calls

    def intrinsic(self, name: str, *operands: Reg) -> Reg:
        """``llvm.name`` of operands of one type, which is the result's: fma, sqrt, fabs, floor, ceil, trunc, rint, copysign,
        minimum, maximum ... (not those that take a flag)."""
        type = operands[0].type
        call, declaration = _intrinsic(name, type, len(operands))
        self.module.declare(declaration)
        return self.put(f"{call}({', '.join([f'{x.type} {x.text}' for x in operands])})", type)

    def call(self, function: str, type: str, *operands: Reg) -> Reg:
        """A function of the module by name; ``type`` is its result's."""
        return self.put(f"call {type} @{function}({', '.join(map(str, operands))})", type)

    # Memory

    def gep(self, base: Reg, index: Reg, element: str) -> Reg:
        """The address ``index`` elements on."""
        return self.put(f"getelementptr {element}, ptr {base.text}, {index}", "ptr")

    def load(self, address: Reg, type: str, align: int) -> Reg:
        return self.put(f"load {type}, ptr {address.text}, align {align}", type)

    def store(self, x: Reg, address: Reg, align: int) -> None:
        self.do(f"store {x}, ptr {address.text}, align {align}")

    def masked_load(self, address: Reg, mask: Reg, other: Reg, align: int) -> Reg:
        """Contiguous elements of ``other``'s type; lanes where the mask is 0 are not read and take ``other``'s."""
        type = other.type
        name = f"llvm.masked.load.{mangle(type)}.p0"
        self.module.declare(f"declare {type} @{name}(ptr, {mask.type}, {type})")
        return self.put(f"call {type} @{name}(ptr align {align} {address.text}, {mask}, {other})", type)

    def masked_store(self, x: Reg, address: Reg, mask: Reg, align: int) -> None:
        """The lanes where the mask is 1. One that is known to be alone is stored by itself: of narrowed lanes, LLVM 22 for x86
        would then store the wide one, and what lies behind would be overwritten (llvm-project#179489)."""
        if (lane := alone(mask)) is not None:
            one = self.put(f"extractelement {x}, i64 {lane}", x.element)
            self.store(one, self.gep(address, number(lane, I64), x.element) if lane else address, align)
            return
        name = f"llvm.masked.store.{mangle(x.type)}.p0"
        self.module.declare(f"declare void @{name}({x.type}, ptr, {mask.type})")
        self.do(f"call void @{name}({x}, ptr align {align} {address.text}, {mask})")

    def gather(self, addresses: Reg, mask: Reg, other: Reg, align: int) -> Reg:
        """An element from each address; lanes where the mask is 0 are not read and take ``other``'s."""
        type = other.type
        name = f"llvm.masked.gather.{mangle(type)}.{mangle(addresses.type)}"
        self.module.declare(f"declare {type} @{name}({addresses.type}, {mask.type}, {type})")
        return self.put(f"call {type} @{name}({addresses.type} align {align} {addresses.text}, {mask}, {other})", type)

    def scatter(self, x: Reg, addresses: Reg, mask: Reg, align: int) -> None:
        """An element to each address; of lanes that share one, the last counts."""
        name = f"llvm.masked.scatter.{mangle(x.type)}.{mangle(addresses.type)}"
        self.module.declare(f"declare void @{name}({x.type}, {addresses.type}, {mask.type})")
        self.do(f"call void @{name}({x}, {addresses.type} align {align} {addresses.text}, {mask})")

    def slot(self, type: str, count: int = 1) -> Reg:
        """Memory on the stack for ``count`` of a type, for as long as the function runs."""
        self._count += 1
        name = f"%slot{self._count}"
        self.head.append(f"  {name} = alloca {type}, i64 {count}, align 64")
        return Reg(name, "ptr")

    def lanes_from(self, start: Reg, lanes: int) -> Reg:
        """``start, start + 1, ...``: a vector of integers."""
        steps = ", ".join(f"{start.type} {k}" for k in range(lanes))
        return self.add(self.splat(start, lanes), Reg(f"<{steps}>", vector(start.type, lanes)))

    # Control

    def begin(self, label: str) -> None:
        """What follows stands under a new label."""
        self.lines.append(f"{label}:")
        self.label = label

    @contextmanager
    def loop(self, start: Reg, stop: Reg, step: int = 1, carried: Sequence[Reg] = (), empty: bool = False) -> Iterator[Loop]:
        """``for i in range(start, stop, step)``, at least one turn unless it may be ``empty``.

        >>> from clew.compiler.block import Block, Module, number
        >>> b = Block(Module())
        >>> with b.loop(number(0, "i64"), number(8, "i64"), carried=[number(0, "i64")]) as loop:
        ...     loop.next = [b.add(loop.carried[0], loop.i)]
        >>> total = loop.results[0]
        """
        n = self.fresh()
        before = self.label
        if empty:
            some = self.icmp("slt", start, stop)
            self.do(f"br i1 {some.text}, label %loop{n}, label %done{n}")
        else:
            self.do(f"br label %loop{n}")
        self.begin(f"loop{n}")
        place = len(self.lines)
        self.lines.append("")
        i = Reg(f"%i{n}", start.type)
        loop = Loop(i, [Reg(f"%c{n}_{k}", x.type) for k, x in enumerate(carried)])
        yield loop
        after = self.put(f"add nsw {i}, {step}", i.type)
        more = self.icmp("slt", after, stop)
        end = self.label
        phis = [f"  {i.text} = phi {i.type} [ {start.text}, %{before} ], [ {after.text}, %{end} ]"]
        for c, first, later in zip(loop.carried, carried, loop.next, strict=True):
            phis.append(f"  {c.text} = phi {c.type} [ {first.text}, %{before} ], [ {later.text}, %{end} ]")
        self.lines[place] = "\n".join(phis)
        self.do(f"br i1 {more.text}, label %loop{n}, label %done{n}")
        self.begin(f"done{n}")
        if empty:
            loop.results = [
                self.put(f"phi {x.type} [ {x.text}, %{before} ], [ {y.text}, %{end} ]", x.type)
                for x, y in zip(carried, loop.next, strict=True)
            ]
        else:
            loop.results = list(loop.next)

    @contextmanager
    def when(self, condition: Reg) -> Iterator[None]:
        """What stands inside runs only where the scalar condition holds."""
        n = self.fresh()
        self.do(f"br i1 {condition.text}, label %then{n}, label %after{n}")
        self.begin(f"then{n}")
        yield
        self.do(f"br label %after{n}")
        self.begin(f"after{n}")

    def some(self, mask: Reg) -> Reg:
        """Whether any lane holds."""
        if not mask.lanes:
            return mask
        bits = self.put(f"bitcast {mask} to i{mask.lanes}", f"i{mask.lanes}")
        return self.icmp("ne", bits, number(0, bits.type))

    def rarely(self, mask: Reg, values: Sequence[Reg], write: Callable[[], Sequence[Reg]]) -> list[Reg]:
        """The values; but if any lane of the mask holds, what ``write`` writes in their place, in all lanes."""
        n = self.fresh()
        before = self.label
        self.module.declare('!0 = !{!"branch_weights", i32 1, i32 1000}')  # registers are spilled on the rare way alone
        self.do(f"br i1 {self.some(mask).text}, label %rare{n}, label %usual{n}, !prof !0")
        self.begin(f"rare{n}")
        others = write()
        end = self.label
        self.do(f"br label %usual{n}")
        self.begin(f"usual{n}")
        return [
            self.put(f"phi {x.type} [ {x.text}, %{before} ], [ {y.text}, %{end} ]", x.type)
            for x, y in zip(values, others, strict=True)
        ]


def alone(mask: Reg) -> int | None:
    """The lane that a constant mask has, if it is one only."""
    if not mask.text.startswith("<"):
        return None
    chosen = [k for k, lane in enumerate(mask.text[1:-1].split(", ")) if lane != "i1 0"]
    return chosen[0] if len(chosen) == 1 else None


@cache
def _intrinsic(name: str, type: str, operands: int) -> tuple[str, str]:
    """How it is called, and declared."""
    called = f"{type} @llvm.{name}.{mangle(type)}"
    return f"call {called}", f"declare {called}({', '.join([type] * operands)})"


@cache
def mangle(type: str) -> str:
    """A type as intrinsics' names spell it: ``v16f32``."""
    names = {"float": "f32", "double": "f64", "half": "f16", "bfloat": "bf16", "ptr": "p0"}
    kind = element(type)
    return (f"v{lanes(type)}" if lanes(type) else "") + names.get(kind, kind)


FIRST, PART = 150, 500  # lines from which on kernels make a part, the first or another: LLVM takes 3 ms for a part of none
CALLING = 2000  # the same of functions that hardly compute
SYMBOL = re.compile(r"[@!][\w.]+")


class Module:
    """A module while it is written: declarations and functions, each once.

    ``sink``, if there is one, is given the same in parts, while others are still written. ``rest`` has the last ones.
    """

    def __init__(self, sink: Callable[[Part], object] | None = None) -> None:
        self.declarations: dict[str, str] = {}  # by the symbol that they declare
        self.functions: dict[str, str] = {}
        self.bodies: dict[str, str] = {}
        self.keys: dict[Hashable, str] = {}
        self.uses: Counter[str] = Counter()  # how often kernels have needed which long function
        self._sink = sink
        self._known: dict[str, str] = {}  # the functions, as other parts declare them
        self._new: list[str] = []  # functions of no part yet
        self._calling: list[str] = []  # and those that hardly compute
        self._long = FIRST  # the first part is short, so that somebody begins with it

    def declare(self, line: str) -> None:
        if line not in self.declarations:
            self.declarations[line] = SYMBOL.search(line)[0]  # type: ignore[index]

    def function(
        self,
        name: str,
        result: str,
        parameters: Sequence[Reg],
        write: Callable[[Block], Any],
        mark: str = "",
        calls: bool = False,
    ) -> str:
        """Define a function once: ``write`` writes its body, and returns with ``ret``. ``mark`` is its linkage; ``calls`` says
        that it calls others, which compute, and hardly computes itself."""
        if name not in self.functions:
            self.functions[name] = ""  # it may call itself
            self._known[f"@{name}"] = f"declare hidden {result} @{name}({', '.join(x.type for x in parameters)})"
            block = Block(self)
            write(block)
            head = f"define {mark + ' ' if mark else ''}{result} @{name}({', '.join(map(str, parameters))}) #0 {{\nentry:\n"
            self.functions[name] = head + "\n".join([*block.head, *block.lines]) + "\n}\n"
            (self._calling if calls else self._new).append(name)
        return name

    def rest(self) -> list[Part]:
        """What is in no part yet."""
        found = [Part(self._apart(x), calls) for x, calls in ((self._new, False), (self._calling, True)) if x]
        self._new, self._calling = [], []
        return found

    def _apart(self, names: Sequence[str]) -> str:
        """Some functions as a module of their own."""
        functions = "".join(self.functions[x] for x in names).replace("define internal ", "define hidden ")
        used = set(SYMBOL.findall(functions))
        lines = [line for line, symbol in self.declarations.items() if symbol in used]
        lines += [self._known[x] for x in sorted(used & self._known.keys()) if x[1:] not in names]
        return _text(lines, [functions])

    def shared(
        self, key: Hashable, result: str, parameters: Sequence[Reg], write: Callable[[Block], Any], calls: bool = False
    ) -> str:
        """A function for this key, or of the same body, which may be there already; its name."""
        if key in self.keys:
            return self.keys[key]
        block = Block(self)
        write(block)
        body = "\n".join([result, *map(str, parameters), *block.head, *block.lines])
        if body not in self.bodies:
            self.bodies[body] = f"k{len(self.bodies)}"

            def again(b: Block) -> None:
                b.head, b.lines = block.head, block.lines

            self.function(self.bodies[body], result, parameters, again, "internal", calls)
            names, most = (self._calling, CALLING) if calls else (self._new, self._long)
            if self._sink and sum(self.functions[x].count("\n") for x in names) >= most:
                self._sink(Part(self._apart(names), calls))
                names.clear()
                self._long = self._long if calls else PART
        self.keys[key] = self.bodies[body]
        return self.keys[key]

    @property
    def text(self) -> str:
        return _text(self.declarations, self.functions.values())


def _text(declarations: Iterable[str], functions: Iterable[str]) -> str:
    return "\n".join([*declarations, "", *functions, 'attributes #0 = { nounwind "prefer-vector-width"="512" }', ""])
