"""Functions of functions and graphs: derivatives, gates, checks."""

from .batching import vmap as vmap
from .check import check_gradients as check_gradients
from .checkpoint import checkpoint as checkpoint
from .control import associative_scan as associative_scan
from .control import cond as cond
from .control import fori_loop as fori_loop
from .control import map as map
from .control import scan as scan
from .control import switch as switch
from .control import while_loop as while_loop
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
from .grain import compare_grain as compare_grain
from .matrices import hessian as hessian
from .matrices import jacobian as jacobian
from .rules import check_gate as check_gate
from .trace import trace as trace
