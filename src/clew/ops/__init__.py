"""The primitives, one class each, and the scalar language that they are lowered in."""

from . import repair as repair
