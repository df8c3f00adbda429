"""What the backward pass keeps alive, and what would free it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..diff.stored import stored
from ..errors import GradientError
from ..ir import INPUT, Graph, Site, Tuple, Value, graph_of, parameter, rebuilt
from ..loops.loop import Results
from ..tensor import Tensor
from ..transforms.report import table
from .compiled import Side
from .describe import name, size

SHOWN = 20


@dataclass(frozen=True)
class Kept:
    """One value that the way back reads: why (the rules that read it), and the checkpoint that would free it."""

    value: Value | None
    title: str
    nbytes: int
    why: str
    freed_by: str


@dataclass(frozen=True)
class KeptReport:
    """Every value that the backward pass keeps alive, the largest first. Print it.

    ``recorded`` counts the bytes of ``holder``, which holds them among others.
    """

    kept: tuple[Kept, ...]
    recorded: int
    holder: str = "the recorded graph"

    @property
    def nbytes(self) -> int:
        """The bytes of all of them."""
        return sum(k.nbytes for k in self.kept)

    def __str__(self) -> str:
        rows = [(k.title, size(k.nbytes), k.why, k.freed_by) for k in self.kept[:SHOWN]]
        more = f"\nand {len(self.kept) - SHOWN} more" if len(self.kept) > SHOWN else ""
        count = f"{len(self.kept)} value{'s' if len(self.kept) != 1 else ''}"
        head = f"the way back reads {size(self.nbytes)} in {count}; {self.holder} holds {size(self.recorded)}"
        return f"{head}\n{table(('value', 'size', 'read by', 'freed by a checkpoint of'), rows)}{more}"


def what_is_kept(loss: Tensor | Callable[..., Any], *args: Any) -> KeptReport:
    """What the backward pass from ``loss`` keeps alive: every value that its rules read, with its bytes, and why.

    Parameters and constants are there anyway and do not count. ``freed_by`` is the function, or the module, that made the
    value: within a ``checkpoint`` of it, it would be computed again instead. A recorded eager graph also holds what no rule
    reads, until the graph is dropped: ``recorded`` counts all of it. Loops are counted with what they save.

    In place of the loss a compiled step can be given, and its arguments: then it is what the kernels of its way forward write
    to memory, and those of its way back read. State stays as it is.

    >>> import clew as cl
    >>> w = cl.variable([[1.0, 2.0], [3.0, 4.0]], name="w")
    >>> print(cl.what_is_kept(cl.sum(cl.tanh(w @ w))))
    the way back reads 16 bytes in 1 value; the recorded graph holds 36 bytes
    value              size  read by  freed by a checkpoint of
    -------------  --------  -------  ------------------------
    tanh f32[2,2]  16 bytes  tanh     <module>
    """
    if not isinstance(loss, Tensor):
        return _in_memory(loss, args)
    if loss.value.op is None:
        raise GradientError("what_is_kept: nothing tracked leads to this tensor, so nothing is kept for it")
    eager = graph_of("loss", (loss.value,))
    stand_ins = {x: parameter(x.name or "x", x.type) for x in eager.inputs}
    symbolic = rebuilt(eager.outputs, stand_ins)
    original = {new: old for old, new in symbolic.items()}
    graph = Graph("loss", tuple(stand_ins.values()), (symbolic[loss.value],))
    found: list[Kept] = []
    for v, readers in stored(graph).items():
        old = original.get(v, v)
        if old.op is not None and old.op is not INPUT:
            why = ", ".join(dict.fromkeys(name(original.get(y, y)) for y in readers))
            found.append(Kept(old, f"{name(old)} {old.type}", old.type.nbytes, why, _owner(old)))
    for v in eager.values:
        if isinstance(v.data, Results) and v.data.saved is not None and v.data.saved.nbytes:
            saved = ", ".join(name(x) for x in v.data.saved.rule.kept)
            found.append(Kept(v, f"what {name(v)} saves: {saved}", v.data.saved.nbytes, f"{name(v)}'s way back", "its step"))
    found.sort(key=lambda k: -k.nbytes)
    recorded = [v for v in eager.values if v.op is not None and v.op is not INPUT]
    saved_bytes = sum(v.data.saved.nbytes for v in recorded if isinstance(v.data, Results) and v.data.saved is not None)
    held = sum(v.type.nbytes for v in recorded if not isinstance(v.type, Tuple))
    return KeptReport(tuple(found), held + saved_bytes)


def _in_memory(f: Callable[..., Any], args: tuple[Any, ...]) -> KeptReport:
    """What the memory of a compiled step holds for its way back."""
    fetch: Any = import_module("clew.transforms.compilation.fetch")
    entry = Side(f, args, fetch.Wish(losses=True)).entry
    held, total = import_module("clew.compiler.explain.across").across(entry.graph, entry.updates, range(len(entry.types)))
    found = []
    for x in held:
        called = x.words.names[-1] if x.words.names else "+".join(x.words.gates)
        why = ", ".join(dict.fromkeys("+".join(reader.gates) for reader in x.readers))
        found.append(Kept(None, f"{called} {x.type}", x.type.nbytes, why, _maker(x.place and Site(*x.place))))
    found.sort(key=lambda k: -k.nbytes)
    return KeptReport(tuple(found), total, "the memory of the compiled function")


def _owner(v: Value) -> str:
    return _maker(v.site)


def _maker(site: Site | None) -> str:
    """The module, or else the function of the user, that made a value."""
    if site is None:
        return "what made it"
    return site.scope or site.code.co_name
