"""The side of ``torch.compile``: PyTorch's, with the function compiled for its shapes; backward is compiled with it."""

from __future__ import annotations

from typing import Any

import torch

from ..work import Work
from . import torch_steps

# Rows share functions, and each row's shapes are to be compiled for, not generalised over.
torch._dynamo.config.cache_size_limit = 64


def make(function: Any, work: Work) -> Any:
    return torch_steps.make(function, work, lambda f: torch.compile(f, dynamic=False))
