"""Functions of functions and graphs: derivatives, gates, checks."""

from .functional import grad as grad
from .functional import gradients as gradients
from .functional import hvp as hvp
from .functional import jvp as jvp
from .functional import value_and_grad as value_and_grad
from .functional import vjp as vjp
from .gate import gate as gate
from .trace import trace as trace
