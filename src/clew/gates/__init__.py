"""Granularity: a named subgraph as one gate, with derivatives of its own or those of its parts."""

from .checkpoint import Checkpoint as Checkpoint
from .gate import Gate as Gate
from .grain import collapse as collapse
from .grain import expand as expand
from .tracing import composite as composite
from .tracing import free_values as free_values
from .tracing import make_gate as make_gate
