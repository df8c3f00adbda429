"""Values, gradients, tangents and second derivatives in float64 agree with PyTorch's and JAX's to 1e-10; others to their own."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import clew as cl

from .cases import CASES, EVERY, NOT_COMPARED, SAME
from .case import Case

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make oracle installs it")
jax = pytest.importorskip("jax", reason="JAX is not installed; make oracle installs it")
