"""The three libraries behind one interface: names for expressions, arrays in and out, derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import clew

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make oracle installs it")
jax = pytest.importorskip("jax", reason="JAX is not installed; make oracle installs it")
jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)
jnp, lax = jax.numpy, jax.lax


@dataclass(frozen=True)
class Library:
    """``transforms`` has ``vjp`` and ``jvp``, which all three call alike."""

    name: str
    names: dict[str, Any]
    transforms: Any
    array: Callable[[Any], Any]
    numpy: Callable[[Any], np.ndarray]
    compiled: Callable[..., Any] = lambda f: f


def conv_transpose(x: Any, k: Any, stride: int, pad: int, more: int, dilation: int, groups: int) -> Any:
    """JAX's convolution of the stretched input with the kernel turned round, its channels exchanged within each group."""
    inputs, outputs, *window = k.shape
    kernel = k.reshape(groups, inputs // groups, outputs, *window).swapaxes(1, 2).reshape(groups * outputs, -1, *window)
    ends = [(dilation * (w - 1) - pad, dilation * (w - 1) - pad + more) for w in window]
    n = len(window)
    return lax.conv_general_dilated(
        x, jnp.flip(kernel, range(2, n + 2)), (1,) * n, ends, (stride,) * n, (dilation,) * n, feature_group_count=groups
    )


def pooled(x: Any, start: float, join: Any, window: int, stride: int, pad: int, dilation: int) -> Any:
    n = x.ndim - 2
    sizes, strides, dilations = ((1, 1, *(k,) * n) for k in (window, stride, dilation))
    return lax.reduce_window(x, start, join, sizes, strides, ((0, 0),) * 2 + ((pad, pad),) * n, None, dilations)


def max_pool(x: Any, window: int, stride: int, pad: int, dilation: int) -> Any:
    return pooled(x, -jnp.inf, lax.max, window, stride, pad, dilation)


def avg_pool(x: Any, window: int, stride: int, pad: int, whole: bool) -> Any:
    total = pooled(x, 0.0, lax.add, window, stride, pad, 1)
    return total / (window ** (x.ndim - 2) if whole else pooled(jnp.ones_like(x), 0.0, lax.add, window, stride, pad, 1))


CLEW = Library(
    "clew",
    {name: getattr(clew, name) for name in clew.__all__},
    clew,
    clew.asarray,
    lambda x: x.numpy() if isinstance(x, clew.Tensor) else np.asarray(x),
)
TORCH = Library(
    "torch",
    {**vars(torch), "F": torch.nn.functional},
    torch.func,
    lambda x: torch.from_numpy(np.array(x)),
    lambda x: x.numpy(force=True) if isinstance(x, torch.Tensor) else np.asarray(x),
)
JAX = Library(
    "jax",
    {
        **vars(jnp),
        "jax": jax,
        "lax": lax,
        "nn": jax.nn,
        "conv_transpose": conv_transpose,
        "max_pool": max_pool,
        "avg_pool": avg_pool,
    },
    jax,
    jnp.asarray,
    np.asarray,
    jax.jit,  # quicker than op by op, since every shape is new
)
