"""What a compiled function does, and how near it comes to what the machine can do."""

from .calibration import Limits, limits
from .origin import Effect
from .report import Explanation, explain
from .rows import Row

__all__ = ["Effect", "Explanation", "Limits", "Row", "explain", "limits"]
