"""Functions of functions and graphs: derivatives, gates, checks. What is not needed at once is imported when it is asked for
in ``clew`` itself."""

from .batching import vmap as vmap
from .functional import grad as grad
from .functional import gradients as gradients
from .functional import hvp as hvp
from .functional import jvp as jvp
from .functional import linearize as linearize
from .functional import stop_gradient as stop_gradient
from .functional import value_and_grad as value_and_grad
from .functional import vjp as vjp
from .gate import collapse as collapse
from .gate import expand as expand
from .gate import gate as gate
from .trace import trace as trace
