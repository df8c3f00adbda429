"""Stretches of a graph that are run slice by slice: attention without its scores, a classifier without its logits."""

from .band import Band, Body
from .choosing import banded
from .running import banding

__all__ = ["Band", "Body", "banded", "banding"]
