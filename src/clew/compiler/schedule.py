"""From a group of values to a kernel: the order of its nests, and where each result lives."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..ir import Value
from .expression import Expr, identity, walk
from .group import Group, Grouping
from .index import Var
from .kernel import Fold, Kernel, Nest, Store


def schedule(name: str, group: Group, grouping: Grouping, kept: Collection[Value]) -> Kernel:
    """The kernel of a group. ``kept`` are the values that others read, or that are results."""
    domain = tuple(Var(k, n) for k, n in enumerate(group.domain))
    return Kernel(name, domain, _Schedule(group, grouping, kept, domain).nests(), list(group.members))


class _Schedule:
    """Nests are numbered: each item goes into the first one in which all that it reads is there."""

    def __init__(self, group: Group, grouping: Grouping, kept: Collection[Value], domain: tuple[Var, ...]) -> None:
        self.grouping = grouping
        self.kept = kept
        self.members = group.members
        self.given = group.members[0] if group.kind == "product" else None  # computed by others, element by element
        self.domain = frozenset(v for v in domain if v.size > 1)
        self.rank = len(domain)
        self.found: dict[tuple[int, tuple[Var, ...]], Nest] = {}
        self.folds: dict[Expr, int] = {}  # of each fold: the number from which on its result is there
        self.homes: dict[Expr, Nest] = {}  # and where it is computed
        self.stores: dict[Value, tuple[int, tuple[Var, ...]]] = {}  # of each member: its nest

    def nests(self) -> list[Nest]:
        for v in self.members:
            root = self.grouping.recorder.own(v) if v is self.given else self.grouping.expression(v)
            if self.rank and self.grouping.across(v):
                self._fold(root)
                self.homes[root].items.append(Fold(root, self.grouping.buffers[v]))  # two members may be the same sum
                continue
            vars = tuple(Var(k, n) for k, n in enumerate(v.shape))
            inner = tuple(u for u in vars[self.rank :] if u.size > 1)
            number = 0 if v is self.given else self._ready([root], inner)
            self.stores[v] = number, inner
            place = "memory" if v in self.kept else "register"
            if v is self.given and place == "register":
                continue
            self._nest(number, inner).items.append(Store(self.grouping.buffers[v], root, vars, place))
        nests = [self.found[key] for key in sorted(self.found, key=lambda key: (key[0], bool(key[1])))]
        self._use_scratch(nests)
        return nests

    def _nest(self, number: int, vars: tuple[Var, ...]) -> Nest:
        return self.found.setdefault((number, vars), Nest(vars))

    def _ready(self, roots: Iterable[Expr], inner: tuple[Var, ...]) -> int:
        """The number of the first nest, of loops ``inner``, in which the roots can be computed."""
        number = 0
        for e in walk(roots, lambda e: not self._is_fold(e)):
            if self._is_fold(e):
                number = max(number, self._fold(e))
            elif e.kind == "load" and e.attr[0].value in self.stores:
                made, vars = self.stores[e.attr[0].value]
                same = identity(e.attr[1], e.attr[0].value.shape) == len(e.attr[1])
                number = max(number, made if same and vars in (inner, ()) else made + 1)
        return number

    def _is_fold(self, e: Expr) -> bool:
        """A reduction of which a turn needs one; others are computed inside of the loops that they depend on."""
        return e.kind == "reduce" and e.vars <= self.domain

    def _fold(self, e: Expr) -> int:
        if e not in self.folds:
            loops = tuple(u for u in e.attr[1] if u not in self.domain)
            number = self._ready(e.args, loops)
            self.homes[e] = self._nest(number, loops)
            if len(loops) == len(e.attr[1]):  # those over the domain are added for each member that they are
                self.homes[e].items.append(Fold(e))
            self.folds[e] = number + 1
        return self.folds[e]

    def _use_scratch(self, nests: list[Nest]) -> None:
        """What a later nest reads, or another element than that just computed, is kept for a turn."""
        made = {item.buffer: (nest, item) for nest in nests for item in nest.items if isinstance(item, Store)}
        for nest in nests:
            for e in walk(x.expr for x in nest.items):
                if e.kind != "load" or e.attr[0] not in made:
                    continue
                home, store = made[e.attr[0]]
                apart = home is not nest or identity(e.attr[1], e.attr[0].value.shape) != len(e.attr[1])
                if store.place == "register" and home.vars and apart:
                    store.place = "scratch"
