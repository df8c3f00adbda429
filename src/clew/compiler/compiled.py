"""A graph as one native function, called from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._uncollected import uncollected
from ..ir import Array, Graph
from .calling import Calling
from .fingerprint import fingerprint
from .native import Part, host, recalled, remember
from .needs import Needs
from .sources import sources
from .threads import pool

if TYPE_CHECKING:
    from .outside import Outside
    from .routine import Routine
    from .writing import Written

LARGE = 1 << 14  # elements from which on kernels probably are shared among threads


def _offset() -> int:
    """Where NumPy's array objects hold the address of their data."""
    probe = np.empty(1)
    words = (ctypes.c_size_t * 8).from_address(id(probe))
    return 8 * list(words).index(probe.ctypes.data)


DATA = _offset()


class Compiled:
    """``compiled(inputs)`` returns the graph's outputs as new arrays.

    ``updates`` says which outputs take the place of which inputs: those are written into the input's array (contiguous,
    writable, of the graph's type), after everything that reads it, and returned as that array.
    """

    takes_floats = True  # an input of type f64[] may be a Python float

    def __init__(self, graph: Graph, updates: Mapping[int, int] | None = None) -> None:
        self.source = graph
        self.updates = dict(updates or {})
        self._pool = pool()
        self._outside: Outside | None = None  # where ops run outside of native code
        self._calling = self._made()
        self.library, self.call = self._calling.library, self._calling.call

    def _made(self) -> Calling:
        """The code and what else a call needs: from the cache, if the same graph was compiled before."""
        same = fingerprint(self.source, self.updates)
        key = None if same is None else sources("call", same, str(DATA))
        found = recalled(key, self._pool.symbols)
        if found is not None:
            return Calling(self.source, self.updates, Needs.unpacked(found[1]), found[0], None)
        calling = self._compiled()
        if self._outside is None:  # ops are objects of this process
            remember(key, calling.library, calling.needs.packed())
            del self.written  # calls need none of it; who asks is given it anew
        return calling

    def _compiled(self) -> Calling:
        from .parts import Parts  # here, not above: what is loaded need not be compiled
        from .steps import PARALLEL

        shares = any(v.type.size >= LARGE for v in self.source.values)
        with Parts(host(), first=self._pool.ready if shares else None) as parts:
            self.written = self._write(parts.add)
            shared = self.written.shared
            self._outside = shared.outside if shared.outside.steps else None
            library = parts.library(shared.module.rest(), self._pool.symbols)
        needs = Needs(self.routine.size, shared.constants, short=self.routine.cycles <= PARALLEL)
        return Calling(self.source, self.updates, needs, library, self._outside)

    def _write(self, sink: Callable[[Part], object] | None = None) -> Written:
        """The module, before LLVM; ``sink`` is given its parts."""
        from .writing import Written  # here, not above: what is loaded need not be written

        with uncollected():
            return Written(self.source, self.updates, DATA, sink)

    # How it was written: made when first asked for, if code from the cache is all that was needed

    @cached_property
    def written(self) -> Written:
        """The module, before LLVM."""
        return self._write()

    @property
    def routine(self) -> Routine:
        """The steps of a call."""
        return self.written.routine

    @property
    def graph(self) -> Graph:
        """The graph after all passes."""
        return self.routine.graph

    @property
    def text(self) -> str:
        """The module in LLVM's language."""
        return self.written.text

    # Running

    def __call__(self, inputs: Sequence[Array], made: list[Any] | None = None) -> list[Any]:
        """The outputs; in the list ``made``, which is empty before, for who wants to ask whether it is ``done``."""
        found: list[Any] = self.call(inputs, made)
        return found

    def done(self, inputs: Sequence[Array], made: list[Any]) -> bool:
        """Whether a call that raised has updated its inputs before: a signal's handler may raise when native code has returned.
        If so, ``made`` is complete."""
        return self._calling.done(made)
