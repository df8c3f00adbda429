"""Seeing why: where a NaN comes from, why no gradient arrives, what is kept, where two computations part."""

from .divergence import diverge as diverge
from .faults import Fault as Fault
from .gradient_flow import why_no_gradient as why_no_gradient
from .kept import what_is_kept as what_is_kept
from .nonfinite import find_nonfinite as find_nonfinite
from .watching import watch as watch
