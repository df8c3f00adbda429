"""Which nodes are drawn as one: those of a scope, and, where there is no end of them, the middle."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..ir import Value

LIMIT = 200  # more nodes than that are not looked at one by one


@dataclass(frozen=True)
class Fold:
    """How far to fold. Scopes ``depth`` levels down are closed, and those and the gates that ``names`` lists."""

    depth: int | None = None  # None: no scope is closed for its depth
    gates: bool = True  # gates are closed unless opened
    names: frozenset[str] | None = None  # if given, these are closed, and nothing else
    limit: int | None = LIMIT

    def closes_scope(self, name: str) -> bool:
        if self.names is not None:
            return name in self.names
        return self.depth is not None and name.count(".") >= self.depth

    def closes_gate(self, name: str) -> bool:
        return self.gates if self.names is None else name in self.names


def folding(fold: str | Collection[str], ops: Sequence[Value], others: int) -> Fold:
    """What ``fold`` means for a graph of these ops and so many inputs."""
    if fold == "all":
        return Fold(depth=0)
    if fold == "none":
        return Fold(gates=False, limit=None)
    if fold == "auto":
        return Fold(depth=_depth(ops, others))
    names = {fold} if isinstance(fold, str) else set(fold)
    there = _names(ops)
    for name in sorted(names - there):
        known = ", ".join(sorted(there)) or "none"
        raise UsageError(f'draw(fold={fold!r}): there is no scope or gate "{name}"; there are: {known}; or say auto, all, none')
    return Fold(names=frozenset(names))


def _names(ops: Sequence[Value]) -> set[str]:
    scopes = {name for v in ops for name in prefixes(scope_of(v))}
    return scopes | {v.op.name for v in ops if v.op is not None and v.op.graphs}


def _depth(ops: Sequence[Value], others: int) -> int | None:
    """The deepest level at which folding scopes leaves few enough nodes; None if nothing needs to be folded."""
    if len(ops) + others <= LIMIT:
        return None
    scopes = Counter([scope_of(v) for v in ops])
    deepest = max(name.count(".") + 1 if name else 0 for name in scopes)
    for depth in range(deepest - 1, 0, -1):
        closed = {".".join(name.split(".")[: depth + 1]) for name in scopes if name.count(".") >= depth}
        apart = sum(count for name, count in scopes.items() if not name or name.count(".") < depth)
        if len(closed) + apart + others <= LIMIT:
            return depth
    return 0


def scope_of(v: Value) -> str:
    return v.place[2] if v.place is not None else ""


def prefixes(scope: str) -> list[str]:
    """``net.layer1`` is in ``net`` and in ``net.layer1``."""
    parts = scope.split(".") if scope else []
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def clusters(ops: Sequence[Value], key: Mapping[Value, str]) -> list[tuple[str, list[Value]]]:
    """The ops in an order in which those of a key stand together, as runs: ("", [op]) or (key, ops).

    Runs come one after the other in a topological order, so that drawing each as one node makes no circle. A scope that
    is left and entered again has several runs. Scopes that wait for nothing outside go first, which keeps runs long.
    """
    members = set(ops)
    users: dict[Value, list[Value]] = {v: [] for v in ops}
    waiting: dict[Value, int] = {}
    outside: Counter[str] = Counter()  # edges into a scope from ops that have not run
    for v in ops:
        operands = [x for x in v.operands if x in members]
        waiting[v] = len(operands)
        for x in operands:
            users[x].append(v)
            if key[x] != key[v]:
                outside[key[v]] += 1
    ready: dict[str, deque[Value]] = {}
    for v in ops:
        if not waiting[v]:
            ready.setdefault(key[v], deque()).append(v)
    runs: list[tuple[str, list[Value]]] = []
    while ready:
        name = "" if "" in ready else next((k for k in ready if not outside[k]), next(iter(ready)))
        queue, run = ready[name], []
        while queue:
            v = queue.popleft()
            run.append(v)
            for user in users[v]:
                waiting[user] -= 1
                if key[user] != name:
                    outside[key[user]] -= 1
                if not waiting[user]:
                    ready.setdefault(key[user], deque()).append(user)
        del ready[name]
        runs += [(name, run)] if name else [("", [v]) for v in run]
    return runs


def without_middle(runs: list[tuple[str, list[Value]]], limit: int) -> list[tuple[str, list[Value]]]:
    """At most ``limit`` runs: what lies between the first and the last half of them becomes one, named ``…``."""
    if len(runs) <= limit:
        return runs
    half = limit // 2
    return [*runs[:half], ("…", [v for _, run in runs[half:-half] for v in run]), *runs[-half:]]
