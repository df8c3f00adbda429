"""Native forms of the ops that have no element of their own: they compute whole arrays from whole arrays."""

from __future__ import annotations

from collections.abc import Mapping

from ...ir import Op
from ...ops.indexing import ScatterAdd
from .cumulative import ALONG
from .native import Native as Native
from .scattering import Scatter
from .sorting import SORTING

NATIVE: Mapping[type[Op], Native] = {ScatterAdd: Scatter(), **ALONG, **SORTING}
