"""``jit``: a Python function, with the state that it reads and changes, as one native call."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import partial, update_wrapper
from importlib import import_module
from time import perf_counter
from typing import Any

from .._uncollected import uncollected
from ..errors import SignatureWarning, UsageError
from ..ir import Site, Value, here, quiet, recording, tracing
from ..tensor import transforming
from ..view import GraphView, view
from .compilation.arguments import describe, refuse_unhashable, replaced, shown
from .compilation.bound import Bound
from .compilation.build import build
from .compilation.entry import Entry
from .compilation.signature import Signature, Signatures, reason
from .compilation.switch import Switch, compiles
from .run import name_of, parameter_names

Function = Callable[..., Any]
MANY = 8  # signatures, after which a new one is warned of
MOST = 64  # entries of one signature that differ in what they closed over


class Jit:
    """A function that is compiled for each signature when it is first called with it."""

    def __init__(self, f: Function) -> None:
        update_wrapper(self, f, updated=())
        self.function = f
        self.name = name_of(f)
        self._called = getattr(f, "forward", f)  # of a module, what names its arguments
        self._entries: dict[Any, list[Entry]] = {}
        self._usual: Entry | None = None  # whose arguments are recognised at once
        self._signatures: Signatures = Signatures()
        self._lock = threading.RLock()
        self._options: dict[str, Any] = {}  # for what builds its entries
        self._fetching: dict[Any, Jit] = {}  # the same function, which also returns chosen nodes

    def __get__(self, holder: Any, owner: type | None = None) -> Any:
        return self if holder is None else Bound(self, holder)

    def __reduce__(self) -> str:
        return str(vars(self)["__qualname__"])  # pickled by its name, and copied as itself, as functions are

    def __repr__(self) -> str:
        return f"<jit of {self.name}: {len(self._signatures)} signatures>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing.trace is not None or transforming.depth or not Switch.on:
            return self._aside(args, kwargs)
        usual = self._usual
        if usual is not None and len(args) == usual.count and not kwargs:
            leaves = usual.like(*args)  # type: ignore[misc]
            if leaves is not None and (usual.free or usual.holds()) and not (usual.tracks and recording.on):
                inputs = usual.inputs(leaves) if usual.gathers else leaves
                return usual.wrap(usual.call(inputs))
        key: list[Any] = []
        leaves = []
        tracked: dict[int, Value] = {}
        for x in args:
            describe(x, key, leaves, tracked)
        if kwargs:
            _describe_keywords(kwargs, key, leaves, tracked)
        try:
            for entry in self._entries.get(tuple(key), ()):
                if entry.free or entry.holds():
                    if entry.count is None:
                        entry.again(args, kwargs)
                    break
            else:
                entry = self._compile(tuple(key), args, kwargs)
        except TypeError:
            refuse_unhashable(self.name, dict(self._leaves(args, kwargs)))
            raise
        if (tracked or entry.tracks) and entry.pure and recording.on:
            return entry.recorded(leaves, tracked)[0]
        if entry.like is not None:
            self._usual = entry
        return entry.wrap(entry.call(entry.inputs(leaves)))

    def _aside(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call that is part of something else, is not to be compiled, or is watched, here or in another thread."""
        if tracing.trace is not None or transforming.depth or not compiles():
            return self.function(*args, **kwargs)
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        entry, leaves, tracked = self._of(args, kwargs)
        if quiet.call is not None:
            return quiet.call(entry, leaves, tracked, partial(self.function, *args, **kwargs))
        return entry.called(leaves, tracked)[0]

    def _compile(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Entry:
        """The entry of these arguments: one that is there, or a new one."""
        with self._lock:
            entries = self._entries.get(key, [])
            changes = []
            for entry in entries:
                if entry.holds():
                    return entry
                changes.append(
                    entry.guards.changed() or "which gradients are there, or what an optimiser remembers, is not what it was"
                )
            shown_arguments = {path: shown(x) for path, x in self._leaves(args, kwargs)}
            why = reason(shown_arguments, self._signatures, changes[:1])
            named = list(zip(parameter_names(self._called, len(args)), args, strict=True))
            start = perf_counter()
            with uncollected():
                entry = build(self.function, self.name, named, dict(sorted(kwargs.items())), **self._options)
            entry.took = {"tracing": perf_counter() - start - sum(entry.took.values()), **entry.took}
            self._entries[key] = [entry, *entries][:MOST]
            self._signatures.append(Signature(len(self._signatures) + 1, shown_arguments, why))
            if len(self._signatures) > MANY:
                self._warn(why)
            return entry

    def _warn(self, why: str) -> None:
        site = Site(*here())
        warnings.warn_explicit(
            f"{self.name} has been compiled for {len(self._signatures)} signatures, now because {why}. Numbers that differ "
            f"from call to call are better passed as arrays or floats, and sizes better kept the same; "
            f"{self.name}.signatures() lists them\n  at {site}",
            SignatureWarning,
            site.code.co_filename,
            site.line,
        )

    def _leaves(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        """The leaves of the arguments, and what each is called."""
        found: list[tuple[str, Any]] = []

        def note(leaf: Any, path: str) -> Any:
            found.append((path, leaf))
            return leaf

        for path, x in (*zip(parameter_names(self._called, len(args)), args, strict=True), *kwargs.items()):
            replaced(x, path, note)
        return found

    # What it is compiled to

    def _of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Entry, list[Any], dict[int, Value]]:
        key: list[Any] = []
        leaves: list[Any] = []
        tracked: dict[int, Value] = {}
        for x in args:
            describe(x, key, leaves, tracked)
        _describe_keywords(kwargs, key, leaves, tracked)
        try:
            return self._compile(tuple(key), args, kwargs), leaves, tracked
        except TypeError:
            refuse_unhashable(self.name, dict(self._leaves(args, kwargs)))
            raise

    def signatures(self) -> Signatures:
        """What it was compiled for so far, and why each time."""
        return self._signatures

    def compiled(self, *args: Any, **kwargs: Any) -> Any:
        """What calls with such arguments run; nothing is run."""
        return self._of(args, kwargs)[0].compiled

    def graph(self, *args: Any, **kwargs: Any) -> GraphView:
        """The graph that a call with these arguments computes, with its values. State stays as it is."""
        entry, leaves, _ = self._of(args, kwargs)
        return view(entry.graph, dict(zip(entry.graph.inputs, entry.peek(leaves), strict=True)))

    def fetch(self, *args: Any, values: Any = (), gradients: Any = (), of: Any = None, **kwargs: Any) -> Any:
        """Call it, and return ``(result, values, gradients)``: also values of chosen nodes, and gradients with respect to them.

        Nodes are chosen by the names that ``graph(*args)`` shows, or as ``graph[name]``; ``"gate/node"`` is one inside of a
        gate. Gradients are those of what ``backward()`` is called on inside, else of the result, or of the node ``of``.
        Values of variables are those before the call. State changes as in any call. The first time for a choice of nodes it
        is compiled: only these nodes are written to memory, all else stays fused.

        >>> import clew as cl
        >>> f = cl.jit(lambda x: cl.sum(cl.relu(x * 2).named("h")))
        >>> found = f.fetch(cl.asarray([-1.0, 3.0]), values="h", gradients=["h", "x"])
        >>> found.values["h"].tolist(), found.gradients["x"].tolist()
        ([0.0, 6.0], [0.0, 2.0])
        """
        if tracing.trace is not None or transforming.depth:
            raise UsageError(
                f"fetch from {self.name} inside another function that is compiled or differentiated: what it fetches would not "
                f"be known yet; fetch from the outer one\n  at {Site(*here())}"
            )
        wish = import_module("clew.transforms.compilation.fetch").Wish.made(values, gradients, of)
        native = compiles()
        with self._lock:
            if (wish, native) not in self._fetching:
                fetching = self._fetching[wish, native] = Jit(self.function)
                fetching._options = {"wish": wish, "native": native}
        return self._fetching[wish, native]._call(args, kwargs)

    def explain(self, *args: Any, level: int = 0, **kwargs: Any) -> Any:
        """What a call with these arguments runs, measured: print it for a table of kernels. State stays as it is.

        A row tells which gates a kernel computes, where they were written, its loops, its operations and bytes, its time, and
        the share of the machine's limit. ``level=1`` adds the loop trees, 2 LLVM's language, 3 the assembly.
        """
        entry, leaves, _ = self._of(args, kwargs)
        explain: Any = import_module("clew.compiler.explain").explain
        return explain(entry.compiled, entry.peek(leaves), level, entry.took)


def _describe_keywords(kwargs: dict[str, Any], key: list[Any], leaves: list[Any], tracked: dict[int, Value]) -> None:
    for name in sorted(kwargs):
        key.append(name)
        describe(kwargs[name], key, leaves, tracked)


def jit(f: Function) -> Jit:
    """Compile ``f``: the first call with arguments of new types traces it once, on symbols; each call runs native code.

    Arguments and results may be nested containers. Tensors, arrays and Python floats are inputs, floats as weak as they are
    eagerly; any other argument (integers, strings, booleans, None, functions) belongs to the signature, and a new one compiles
    anew: pass an integer that changes from call to call as an array. ``f.signatures()`` lists what was compiled, and why;
    after the eighth a warning tells. ``f.explain(*args)`` prints what a call runs: a table of kernels, measured.

    Variables that ``f`` reads are inputs too, and those that it assigns to are updated by the call, so a whole training step,
    ``backward()`` and ``optimiser.step()`` included, is one call. Random numbers are those of eager mode. What else ``f`` reads
    of Python, such as globals, is looked at before every call, and another value compiles anew. Nothing else of Python happens
    in a call: printing shows symbols, once, and warns.

    Gradients that an optimiser used inside are not kept; others are in ``.grad`` afterwards. The result of a function that
    changes no state is one node of the eager graph, and gradients pass through it; others return plain values. Within a
    transformation (``grad``, ``vmap``) or another compiled function, ``f`` itself runs. An exception leaves all as it was.

    >>> import clew as cl
    >>> w = cl.variable(1.0, name="w")
    >>> optimiser = cl.optim.SGD([w], lr=0.25)
    >>> @cl.jit
    ... def step(x):
    ...     loss = (w * x - 6) ** 2
    ...     loss.backward()
    ...     optimiser.step()
    ...     return loss
    >>> step(2.0).item(), w.item(), step(2.0).item()
    (16.0, 5.0, 16.0)
    >>> print(step.signatures())
    1: x: float
       the first call
    """
    return Jit(f)
