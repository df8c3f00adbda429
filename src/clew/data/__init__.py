"""Data sets, and what training takes of them."""

from .batches import batches as batches
from .digits import digits as digits
from .points import circles as circles
from .points import moons as moons
from .points import spirals as spirals
from .split import split as split
