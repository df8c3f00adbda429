"""Windows that slide over the spatial axes of an array: convolution and pooling, over any number of axes.

Arrays are ``(examples, channels, *sizes)`` in the layout ``"channels_first"``, and ``(examples, *sizes, channels)`` in the
layout ``"channels_last"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import UsageError
from ..ir import Shape, Value
from ..ops import convolution, pooling
from ..ops.movement import permute, span
from .arguments import floating, integer_of, refused
from .lifting import ArrayLike
from .promotion import promoted, value_of

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]
LAYOUTS = ("channels_first", "channels_last")


def conv(
    x: ArrayLike,
    kernel: ArrayLike,
    /,
    *,
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    layout: str = "channels_first",
) -> Value:
    """Slide a kernel ``(outputs, channels / groups, *window)``, the same in both layouts, over ``x``; it is not flipped:

        y[n, o, p] = sum over c, k of  kernel[o, c, k] * x[n, c, p * stride + k * dilation - low]

    ``padding`` is ``"valid"`` (none), ``"same"`` (as many positions as ``ceil(size / stride)``; what is odd goes to the end),
    a number for all sides, or a pair ``(low, high)`` for each spatial axis. A stride and a dilation are one number, or one
    for each spatial axis.

    >>> import clew as cl
    >>> cl.conv(cl.reshape(cl.arange(5), (1, 1, 5)), [[[1, 0, -1]]]).tolist()
    [[[-2, -2, -2]]]
    """
    v, k = promoted("conv", x, kernel)
    n = _check_spatial("conv", v, k)
    strides, dilations = _each("conv", "stride", stride, n, 1), _each("conv", "dilation", dilation, n, 1)
    channels_first = _turned("conv", v, n, layout)
    pads = _pads("conv", padding, channels_first.shape[2:], k.shape[2:], strides, dilations)
    _check_room("conv", channels_first.shape[2:], k.shape[2:], dilations, pads, v, k)
    y = convolution.convolve(channels_first, k, strides, pads, dilations, integer_of("conv", "groups", groups))
    return _returned(y, n, layout)


def conv_transpose(
    x: ArrayLike,
    kernel: ArrayLike,
    /,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    layout: str = "channels_first",
) -> Value:
    """The transpose of ``conv`` by its input: each element is spread over a window, ``stride`` apart.

    The kernel is ``(channels, outputs / groups, *window)``. Sizes become
    ``(size - 1) * stride - low - high + dilation * (window - 1) + 1 + output_padding``.

    >>> import clew as cl
    >>> cl.conv_transpose([[[1, 2]]], [[[1, 1]]], stride=2).tolist()
    [[[1, 1, 2, 2]]]
    """
    v, k = promoted("conv_transpose", x, kernel)
    n = _check_spatial("conv_transpose", v, k)
    strides, dilations = (_each("conv_transpose", what, a, n, 1) for what, a in (("stride", stride), ("dilation", dilation)))
    if isinstance(padding, str):
        raise refused("conv_transpose", "padding must be a number, or a pair for each spatial axis", v, k, kind=UsageError)
    first = _turned("conv_transpose", v, n, layout)
    if first.shape[1] != k.shape[0]:
        raise refused("conv_transpose", f"the input has {first.shape[1]} channels, the kernel takes {k.shape[0]}", v, k)
    pads = _pads("conv_transpose", padding, first.shape[2:], k.shape[2:], strides, dilations)
    more = _each("conv_transpose", "output_padding", output_padding, n, 0)
    count = integer_of("conv_transpose", "groups", groups)
    if count < 1 or first.shape[1] % count:
        raise refused("conv_transpose", f"{first.shape[1]} channels do not fall into {count} equal groups", v, k)
    return _returned(convolution.convolve_transposed(first, k, strides, pads, dilations, count, more), n, layout)


def max_pool(
    x: ArrayLike,
    window: Any,
    /,
    *,
    stride: Any = None,
    padding: Any = "valid",
    dilation: Any = 1,
    layout: str = "channels_first",
) -> Value:
    """The largest element of each window; ``stride`` is the window's size unless given. Ties share the gradient.

    Padding (see ``conv``) is never the largest, unless there is nothing else.

    >>> import clew as cl
    >>> cl.max_pool([[[1, 5, 2, 4]]], 2).tolist()
    [[[5, 4]]]
    """
    return _pooled("max_pool", pooling.max_pool, value_of(x), window, stride, padding, dilation, layout)


def avg_pool(
    x: ArrayLike,
    window: Any,
    /,
    *,
    stride: Any = None,
    padding: Any = "valid",
    dilation: Any = 1,
    count_include_pad: bool = True,
    layout: str = "channels_first",
) -> Value:
    """The mean of each window; ``stride`` is the window's size unless given. The zeros of the padding count, if told so.

    >>> import clew as cl
    >>> cl.avg_pool([[[1.0, 5.0, 2.0, 4.0]]], 2).tolist()
    [[[3.0, 3.0]]]
    """

    def pool(v: Value, sizes: Ints, strides: Ints, pads: Pads, dilations: Ints) -> Value:
        return pooling.average_pool(v, sizes, strides, pads, dilations, bool(count_include_pad))

    return _pooled("avg_pool", pool, floating(x), window, stride, padding, dilation, layout)


def _pooled(
    function: str, pool: Callable[..., Value], v: Value, window: Any, stride: Any, padding: Any, dilation: Any, layout: str
) -> Value:
    n = len(window) if isinstance(window, tuple | list) else v.ndim - 2
    if n < 1 or v.ndim < n + 2:
        needed = "(examples, channels, *sizes)" if layout == LAYOUTS[0] else "(examples, *sizes, channels)"
        raise refused(function, f"needs an array {needed} with {max(n, 1)} or more spatial axes; reshape it", v)
    sizes = _each(function, "window", window, n, 1)
    strides = sizes if stride is None else _each(function, "stride", stride, n, 1)
    dilations = _each(function, "dilation", dilation, n, 1)
    first = _turned(function, v, n, layout)
    pads = _pads(function, padding, first.shape[2:], sizes, strides, dilations)
    _check_room(function, first.shape[2:], sizes, dilations, pads, v)
    return _returned(pool(first, sizes, strides, pads, dilations), n, layout)


def _check_spatial(function: str, v: Value, kernel: Value) -> int:
    """How many spatial axes the input and the kernel have."""
    if kernel.ndim < 3 or v.ndim != kernel.ndim:
        why = "the input and the kernel must have as many axes, two more than the spatial ones"
        raise refused(function, f"{why}; for a single example add an axis, x[None]", v, kernel)
    return kernel.ndim - 2


def _turned(function: str, v: Value, n: int, layout: str) -> Value:
    """The array with its channels first."""
    if layout not in LAYOUTS:
        raise refused(function, f"layout must be 'channels_first' or 'channels_last', not {layout!r}", v, kind=UsageError)
    return v if layout == LAYOUTS[0] else permute(v, (0, n + 1, *range(1, n + 1)))


def _returned(y: Value, n: int, layout: str) -> Value:
    return y if layout == LAYOUTS[0] else permute(y, (0, *range(2, n + 2), 1))


def _each(function: str, what: str, given: Any, n: int, least: int) -> Ints:
    """A number for each spatial axis, or one for all of them."""
    numbers = given if isinstance(given, tuple | list) else (given,) * n
    read = tuple(integer_of(function, f"the {what}", number) for number in numbers)
    if len(read) != n or min(read) < least:
        why = f"{what} {given} must be one number, or {n}, one for each spatial axis, each at least {least}"
        raise refused(function, why, kind=UsageError)
    return read


def _pads(function: str, padding: Any, sizes: Shape, window: Ints, strides: Ints, dilations: Ints) -> Pads:
    """How much is added before and after each spatial axis."""
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(sizes)
        if padding == "same":
            axes = zip(sizes, window, strides, dilations, strict=True)
            missing = [max((-(-n // s) - 1) * s + span(k, d) - n, 0) for n, k, s, d in axes]
            return tuple((m // 2, m - m // 2) for m in missing)
        raise refused(function, f"no padding {padding!r}; it is 'valid', 'same', or numbers", kind=UsageError)
    if isinstance(padding, tuple | list) and all(isinstance(pair, tuple | list) for pair in padding):
        if len(padding) == len(sizes):
            low, high = (_each(function, "padding", [pair[k] for pair in padding], len(sizes), 0) for k in (0, 1))
            return tuple(zip(low, high, strict=True))
        raise refused(function, f"padding {padding} must have a pair for each of {len(sizes)} spatial axes", kind=UsageError)
    return tuple((n, n) for n in _each(function, "padding", padding, len(sizes), 0))


def _check_room(function: str, sizes: Shape, window: Ints, dilations: Ints, pads: Pads, *operands: Value) -> None:
    """Refuse a window that is larger than what it slides over."""
    for axis, (n, k, d, (low, high)) in enumerate(zip(sizes, window, dilations, pads, strict=True)):
        if span(k, d) > n + low + high:
            why = f"the window reaches over {span(k, d)} places, but spatial axis {axis} has {n + low + high} with its padding"
            raise refused(function, f"{why}; pad more (padding='same'), or take a smaller window", *operands)
