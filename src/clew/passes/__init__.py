"""Graph-to-graph rewrites: plain functions ``Graph -> Graph`` with names worth printing, in one visible list.

Dead values need no pass: a graph is what its outputs reach.
"""

from collections.abc import Callable

from ..ir import Graph
from .fold import fold as fold
from .share import share as share
from .simplify import simplify as simplify

PASSES: tuple[Callable[[Graph], Graph], ...] = (fold, simplify, share)


def optimise(graph: Graph) -> Graph:
    """The graph after every pass."""
    for rewrite in PASSES:
        graph = rewrite(graph)
    return graph
