"""The functions that clew shares with PyTorch and JAX, each as all three call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Argument = tuple[tuple[int, ...], float, float]  # a shape, and the range of its random elements
Call = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """``clew(m, *xs)`` with ``m`` the namespace; ``jax`` is the same with ``jax.numpy`` if not given; None: it has none."""

    name: str
    arguments: tuple[Argument, ...]
    clew: Call
    torch: Call | None
    jax: Call | str | None = "same"

    @property
    def differentiable(self) -> bool:
        """Whether the others have derivatives of it; clew has."""
        return self.name not in ("floor_divide", "nextafter")


def anywhere(*shapes: tuple[int, ...]) -> tuple[Argument, ...]:
    return tuple((shape, -2.0, 2.0) for shape in shapes)


def unary(names: dict[str, tuple[float, float, str | None, str | None]]) -> list[Case]:
    """Functions of one array: their ranges, and their names elsewhere."""
    return [
        Case(
            name,
            ((shape, low, high),),
            lambda m, x, name=name: getattr(m, name)(x),
            None if torch_name is None else lambda m, x, called=torch_name: attribute(m, called)(x),
            None if jax_name is None else lambda m, x, called=jax_name: attribute(m, called)(x),
        )
        for name, (low, high, torch_name, jax_name) in names.items()
        for shape in ((4, 3), (), (0, 2), (1,))
    ]


def attribute(m: Any, path: str) -> Any:
    for part in path.split("."):
        m = getattr(m, part)
    return m


def binary(names: dict[str, tuple[tuple[float, float], tuple[float, float], str | None, str | None]]) -> list[Case]:
    return [
        Case(
            name,
            ((shapes[0], *first), (shapes[1], *second)),
            lambda m, x, y, name=name: getattr(m, name)(x, y),
            None if torch_name is None else lambda m, x, y, called=torch_name: attribute(m, called)(x, y),
            None if jax_name is None else lambda m, x, y, called=jax_name: attribute(m, called)(x, y),
        )
        for name, (first, second, torch_name, jax_name) in names.items()
        for shapes in (((4, 3), (4, 3)), ((4, 3), (3,)), ((2, 1), (1, 5)), ((), (3,)), ((0,), (1,)))
    ]


WHOLE, ABOVE, INSIDE = (-2.0, 2.0), (0.2, 3.0), (-0.9, 0.9)

UNARY = unary(
    {
        **{
            n: (*WHOLE, n, n)
            for n in "exp expm1 sin cos sinh cosh tanh atan asinh abs negative square floor ceil trunc round sign".split()
        },
        "tan": (-1.2, 1.2, "tan", "tan"),
        **{n: (*INSIDE, n, n) for n in "asin acos atanh".split()},
        "acosh": (1.2, 3.0, "acosh", "acosh"),
        **{n: (*ABOVE, n, n) for n in "log log1p log2 log10 sqrt reciprocal".split()},
        "rsqrt": (*ABOVE, "rsqrt", "jax.lax.rsqrt"),
        "positive": (*WHOLE, "positive", "positive"),
        "erf": (*WHOLE, "erf", "jax.scipy.special.erf"),
        "sigmoid": (*WHOLE, "sigmoid", "jax.nn.sigmoid"),
        "softplus": (*WHOLE, "nn.functional.softplus", "jax.nn.softplus"),
        "relu": (*WHOLE, "relu", "jax.nn.relu"),
        "silu": (*WHOLE, "nn.functional.silu", "jax.nn.silu"),
        "elu": (*WHOLE, "nn.functional.elu", "jax.nn.elu"),
        "ravel": (*WHOLE, "ravel", "ravel"),
    }
)
BINARY = binary(
    {
        "add": (WHOLE, WHOLE, "add", "add"),
        "subtract": (WHOLE, WHOLE, "subtract", "subtract"),
        "multiply": (WHOLE, WHOLE, "multiply", "multiply"),
        "divide": (WHOLE, ABOVE, "divide", "divide"),
        "pow": (ABOVE, WHOLE, "pow", "power"),
        "atan2": (WHOLE, ABOVE, "atan2", "arctan2"),
        "hypot": (WHOLE, ABOVE, "hypot", "hypot"),
        "logaddexp": (WHOLE, WHOLE, "logaddexp", "logaddexp"),
        "maximum": (WHOLE, WHOLE, "maximum", "maximum"),
        "minimum": (WHOLE, WHOLE, "minimum", "minimum"),
        "copysign": (ABOVE, ABOVE, "copysign", "copysign"),
        "remainder": (WHOLE, ABOVE, "remainder", "remainder"),
        "floor_divide": (WHOLE, ABOVE, "floor_divide", "floor_divide"),
        "xlogy": (ABOVE, ABOVE, "special.xlogy", "jax.scipy.special.xlogy"),
        "nextafter": (WHOLE, WHOLE, None, "nextafter"),
        **{
            n: (WHOLE, WHOLE, torch_name, n)
            for n, torch_name in (
                ("equal", "eq"),
                ("not_equal", "ne"),
                ("less", "less"),
                ("less_equal", "less_equal"),
                ("greater", "greater"),
                ("greater_equal", "greater_equal"),
            )
        },
    }
)

X, CUBE = anywhere((4, 3)), anywhere((2, 3, 4))
OTHERS = [
    # Reductions
    Case("sum", CUBE, lambda m, x: m.sum(x, axis=(0, 2)), lambda m, x: m.sum(x, dim=(0, 2))),
    Case("sum", anywhere((0, 3)), lambda m, x: m.sum(x, axis=0), lambda m, x: m.sum(x, dim=0)),
    Case("mean", CUBE, lambda m, x: m.mean(x, axis=1, keepdims=True), lambda m, x: m.mean(x, dim=1, keepdim=True)),
    Case("prod", CUBE, lambda m, x: m.prod(x, axis=2), lambda m, x: m.prod(x, dim=2)),
    Case("max", CUBE, lambda m, x: m.max(x, axis=(0, 1)), lambda m, x: m.amax(x, dim=(0, 1))),
    Case("min", CUBE, lambda m, x: m.min(x, axis=-1), lambda m, x: m.amin(x, dim=-1)),
    Case("var", CUBE, lambda m, x: m.var(x, axis=1, correction=1), lambda m, x: m.var(x, dim=1, correction=1)),
    Case("std", CUBE, lambda m, x: m.std(x, axis=(0, 2)), lambda m, x: m.std(x, dim=(0, 2), correction=0)),
    Case(
        "logsumexp",
        CUBE,
        lambda m, x: m.logsumexp(x, axis=(0, 1)),
        lambda m, x: m.logsumexp(x, dim=(0, 1)),
        lambda m, x: m.jax.scipy.special.logsumexp(x, axis=(0, 1)),
    ),
    Case(
        "vector_norm",
        CUBE,
        lambda m, x: m.vector_norm(x, axis=1),
        lambda m, x: m.linalg.vector_norm(x, dim=1),
        lambda m, x: m.linalg.vector_norm(x, axis=1),
    ),
    Case(
        "vector_norm",
        CUBE,
        lambda m, x: m.vector_norm(x, axis=1, ord=3),
        lambda m, x: m.linalg.vector_norm(x, ord=3, dim=1),
        lambda m, x: m.linalg.vector_norm(x, axis=1, ord=3),
    ),
    Case("norm", X, lambda m, x: m.norm(x), lambda m, x: m.linalg.vector_norm(x), lambda m, x: m.linalg.vector_norm(x)),
    Case("argmax", X, lambda m, x: m.argmax(x, axis=1), lambda m, x: m.argmax(x, dim=1)),
    Case("argmin", X, lambda m, x: m.argmin(x, axis=0), lambda m, x: m.argmin(x, dim=0)),
    Case("all", X, lambda m, x: m.all(x > -1, axis=1), lambda m, x: m.all(x > -1, dim=1)),
    Case("any", X, lambda m, x: m.any(x > 1, axis=1), lambda m, x: m.any(x > 1, dim=1)),
    Case("count_nonzero", X, lambda m, x: m.count_nonzero(x > 0, axis=1), lambda m, x: m.count_nonzero(x > 0, dim=1)),
    Case("cumulative_sum", CUBE, lambda m, x: m.cumulative_sum(x, axis=1), lambda m, x: m.cumsum(x, dim=1)),
    Case("cumulative_prod", CUBE, lambda m, x: m.cumulative_prod(x, axis=2), lambda m, x: m.cumprod(x, dim=2)),
    Case("diff", X, lambda m, x: m.diff(x, axis=0, n=2), lambda m, x: m.diff(x, n=2, dim=0)),
    # Sorting and searching
    Case("sort", X, lambda m, x: m.sort(x, axis=0), lambda m, x: m.sort(x, dim=0).values),
    Case("sort", X, lambda m, x: m.sort(x, axis=1, descending=True), lambda m, x: m.sort(x, dim=1, descending=True).values),
    Case("argsort", X, lambda m, x: m.argsort(x, axis=1), lambda m, x: m.argsort(x, dim=1)),
    Case("topk", X, lambda m, x: m.topk(x, 2)[0], lambda m, x: m.topk(x, 2).values, lambda m, x: m.jax.lax.top_k(x, 2)[0]),
    Case(
        "searchsorted",
        anywhere((5,)),
        lambda m, x: m.searchsorted(m.asarray([-1.0, 0.0, 1.0]), x),
        lambda m, x: m.searchsorted(m.tensor([-1.0, 0.0, 1.0], dtype=m.float64), x),
    ),
    Case(
        "isin",
        X,
        lambda m, x: m.isin(m.round(x), m.asarray([0.0, 1.0])),
        lambda m, x: m.isin(m.round(x), m.tensor([0.0, 1.0], dtype=m.float64)),
    ),
    Case("clip", X, lambda m, x: m.clip(x, -1.0, 1.0), lambda m, x: m.clip(x, -1.0, 1.0)),
    Case("where", anywhere((4, 3), (3,)), lambda m, x, y: m.where(x > y, x * y, x), lambda m, x, y: m.where(x > y, x * y, x)),
    Case("isnan", X, lambda m, x: m.isnan(m.log(x)), lambda m, x: m.isnan(m.log(x))),
    Case("isinf", X, lambda m, x: m.isinf(x / 0.0), lambda m, x: m.isinf(x / 0.0)),
    Case("isfinite", X, lambda m, x: m.isfinite(m.log(x)), lambda m, x: m.isfinite(m.log(x))),
    Case("signbit", X, lambda m, x: m.signbit(x), lambda m, x: m.signbit(x)),
    Case("logical_and", X, lambda m, x: m.logical_and(x > 0, x < 1), lambda m, x: m.logical_and(x > 0, x < 1)),
    Case("logical_or", X, lambda m, x: m.logical_or(x > 1, x < 0), lambda m, x: m.logical_or(x > 1, x < 0)),
    Case("logical_xor", X, lambda m, x: m.logical_xor(x > 0, x < 1), lambda m, x: m.logical_xor(x > 0, x < 1)),
    Case("logical_not", X, lambda m, x: m.logical_not(x > 0), lambda m, x: m.logical_not(x > 0)),
    # Shapes
    Case("reshape", X, lambda m, x: m.reshape(x, (2, -1)), lambda m, x: m.reshape(x, (2, -1))),
    Case("flatten", CUBE, lambda m, x: m.reshape(x, (-1,)), lambda m, x: m.flatten(x)),
    Case("permute_dims", CUBE, lambda m, x: m.permute_dims(x, (2, 0, 1)), lambda m, x: m.permute(x, (2, 0, 1))),
    Case("transpose", CUBE, lambda m, x: m.transpose(x, (1, 2, 0)), lambda m, x: m.permute(x, (1, 2, 0))),
    Case("matrix_transpose", CUBE, lambda m, x: m.matrix_transpose(x), lambda m, x: x.mT),
    Case("swapaxes", CUBE, lambda m, x: m.swapaxes(x, 0, 2), lambda m, x: m.swapaxes(x, 0, 2)),
    Case("moveaxis", CUBE, lambda m, x: m.moveaxis(x, 0, -1), lambda m, x: m.moveaxis(x, 0, -1)),
    Case("expand_dims", X, lambda m, x: m.expand_dims(x, axis=1), lambda m, x: m.unsqueeze(x, 1)),
    Case("squeeze", anywhere((3, 1, 2)), lambda m, x: m.squeeze(x, axis=1), lambda m, x: m.squeeze(x, 1)),
    Case(
        "broadcast_to", anywhere((3, 1)), lambda m, x: m.broadcast_to(x, (2, 3, 4)), lambda m, x: m.broadcast_to(x, (2, 3, 4))
    ),
    Case(
        "broadcast_arrays",
        anywhere((3, 1), (4,)),
        lambda m, x, y: m.broadcast_arrays(x, y)[0] * y,
        lambda m, x, y: m.broadcast_tensors(x, y)[0] * y,
    ),
    Case(
        "concat",
        anywhere((2, 3), (4, 3)),
        lambda m, x, y: m.concat([x, y, x], axis=0),
        lambda m, x, y: m.concat([x, y, x], dim=0),
    ),
    Case("stack", anywhere((2, 3), (2, 3)), lambda m, x, y: m.stack([x, y], axis=1), lambda m, x, y: m.stack([x, y], dim=1)),
    Case("split", X, lambda m, x: m.split(x, 2, axis=0)[1], lambda m, x: m.split(x, 2, dim=0)[1]),
    Case("unstack", X, lambda m, x: m.unstack(x, axis=0)[2], lambda m, x: m.unbind(x, dim=0)[2]),
    Case("tile", X, lambda m, x: m.tile(x, (2, 1, 2)), lambda m, x: m.tile(x, (2, 1, 2))),
    Case("repeat", X, lambda m, x: m.repeat(x, 2, axis=1), lambda m, x: m.repeat_interleave(x, 2, dim=1)),
    Case("flip", X, lambda m, x: m.flip(x, axis=(0, 1)), lambda m, x: m.flip(x, dims=(0, 1))),
    Case("roll", X, lambda m, x: m.roll(x, (1, 2), axis=(0, 1)), lambda m, x: m.roll(x, (1, 2), dims=(0, 1))),
    Case(
        "pad",
        X,
        lambda m, x: m.pad(x, ((1, 0), (2, 1)), constant_values=0.5),
        lambda m, x: m.nn.functional.pad(x, (2, 1, 1, 0), value=0.5),
    ),
    Case(
        "pad",
        X,
        lambda m, x: m.pad(x, ((1, 2), (1, 1)), mode="reflect"),
        lambda m, x: m.nn.functional.pad(x[None], (1, 1, 1, 2), mode="reflect")[0],
    ),
    Case("tril", X, lambda m, x: m.tril(x, k=-1), lambda m, x: m.tril(x, diagonal=-1)),
    Case("triu", CUBE, lambda m, x: m.triu(x, k=1), lambda m, x: m.triu(x, diagonal=1)),
    Case(
        "diagonal",
        CUBE,
        lambda m, x: m.linalg.diagonal(x, offset=1),
        lambda m, x: m.diagonal(x, offset=1, dim1=-2, dim2=-1),
        lambda m, x: m.diagonal(x, offset=1, axis1=-2, axis2=-1),
    ),
    Case(
        "meshgrid",
        anywhere((2,), (3,)),
        lambda m, x, y: m.meshgrid(x, y, indexing="ij")[0] * y,
        lambda m, x, y: m.meshgrid(x, y, indexing="ij")[0] * y,
    ),
    # Indexing
    Case(
        "getitem",
        CUBE,
        lambda m, x: x[:, ::2, [0, 2]],
        lambda m, x: x[:, ::2, [0, 2]],
        lambda m, x: x[:, ::2, m.asarray([0, 2])],
    ),
    Case(
        "take", X, lambda m, x: m.take(x, m.asarray([0, 2, 2]), axis=1), lambda m, x: m.index_select(x, 1, m.tensor([0, 2, 2]))
    ),
    Case(
        "take_along_axis",
        X,
        lambda m, x: m.take_along_axis(x, m.argsort(x, axis=1), axis=1),
        lambda m, x: m.take_along_dim(x, m.argsort(x, dim=1), dim=1),
    ),
    Case(
        "add_at",
        anywhere((4, 3), (2, 3)),
        lambda m, x, y: m.add_at(x, ([1, 1],), y),
        lambda m, x, y: m.index_add(x, 0, m.tensor([1, 1]), y),
        lambda m, x, y: x.at[m.asarray([1, 1])].add(y),
    ),
    Case(
        "set_at",
        anywhere((4, 3), (3,)),
        lambda m, x, y: m.set_at(x, 2, y),
        lambda m, x, y: m.select_scatter(x, y, 0, 2),
        lambda m, x, y: x.at[2].set(y),
    ),
    # Contraction
    Case("matmul", anywhere((2, 3), (3, 4)), lambda m, x, y: x @ y, lambda m, x, y: x @ y),
    Case("matmul", anywhere((2, 1, 3, 2), (4, 2, 3)), lambda m, x, y: m.matmul(x, y), lambda m, x, y: m.matmul(x, y)),
    Case("matmul", anywhere((3,), (3, 4)), lambda m, x, y: m.matmul(x, y), lambda m, x, y: m.matmul(x, y)),
    Case("dot", anywhere((3,), (3,)), lambda m, x, y: m.dot(x, y), lambda m, x, y: m.dot(x, y)),
    Case(
        "vecdot", anywhere((2, 3), (2, 3)), lambda m, x, y: m.vecdot(x, y, axis=0), lambda m, x, y: m.linalg.vecdot(x, y, dim=0)
    ),
    Case("outer", anywhere((3,), (4,)), lambda m, x, y: m.outer(x, y), lambda m, x, y: m.outer(x, y)),
    Case(
        "tensordot",
        anywhere((2, 3, 4), (4, 3, 5)),
        lambda m, x, y: m.tensordot(x, y, axes=((1, 2), (1, 0))),
        lambda m, x, y: m.tensordot(x, y, dims=((1, 2), (1, 0))),
    ),
    Case(
        "einsum",
        anywhere((2, 3, 4), (4, 3)),
        lambda m, x, y: m.einsum("bij,ji->bi", x, y),
        lambda m, x, y: m.einsum("bij,ji->bi", x, y),
    ),
    Case("einsum", anywhere((3, 3)), lambda m, x: m.einsum("ii->i", x), lambda m, x: m.einsum("ii->i", x)),
    # Networks
    Case(
        "softmax",
        CUBE,
        lambda m, x: m.softmax(x, axis=1),
        lambda m, x: m.softmax(x, dim=1),
        lambda m, x: m.jax.nn.softmax(x, axis=1),
    ),
    Case(
        "log_softmax",
        CUBE,
        lambda m, x: m.log_softmax(x, axis=-1),
        lambda m, x: m.log_softmax(x, dim=-1),
        lambda m, x: m.jax.nn.log_softmax(x, axis=-1),
    ),
    Case(
        "gelu",
        X,
        lambda m, x: m.gelu(x),
        lambda m, x: m.nn.functional.gelu(x),
        lambda m, x: m.jax.nn.gelu(x, approximate=False),
    ),
    Case(
        "gelu",
        X,
        lambda m, x: m.gelu(x, approximate=True),
        lambda m, x: m.nn.functional.gelu(x, approximate="tanh"),
        lambda m, x: m.jax.nn.gelu(x, approximate=True),
    ),
    Case(
        "leaky_relu",
        X,
        lambda m, x: m.leaky_relu(x, 0.1),
        lambda m, x: m.nn.functional.leaky_relu(x, 0.1),
        lambda m, x: m.jax.nn.leaky_relu(x, 0.1),
    ),
    Case(
        "one_hot",
        X,
        lambda m, x: x @ m.one_hot([0, 2, 1], 4, dtype=x.dtype),
        lambda m, x: x @ m.nn.functional.one_hot(m.tensor([0, 2, 1]), 4).double(),
        lambda m, x: x @ m.jax.nn.one_hot(m.asarray([0, 2, 1]), 4, dtype=x.dtype),
    ),
    *[
        Case(
            "conv",
            anywhere((2, 4, *(7, 6, 5)[:n]), (6, 4 // groups, *(3, 2, 2)[:n])),
            lambda m, x, k, s=stride, p=padding, d=dilation, g=groups: m.conv(x, k, stride=s, padding=p, dilation=d, groups=g),
            lambda m, x, k, n=n, s=stride, p=padding, d=dilation, g=groups: attribute(m, f"nn.functional.conv{n}d")(
                x, k, stride=s, padding=p, dilation=d, groups=g
            ),
            lambda m, x, k, n=n, s=stride, p=padding, d=dilation, g=groups: m.jax.lax.conv_general_dilated(
                x, k, (s,) * n, [(p, p)] * n, rhs_dilation=(d,) * n, feature_group_count=g
            ),
        )
        for n in (1, 2, 3)
        for stride, padding, dilation, groups in ((1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1))
    ],
    *[
        Case(
            "conv_transpose",
            anywhere((2, 4, *(5, 4)[:n]), (4, 6 // groups, *(3, 2)[:n])),
            lambda m, x, k, s=stride, p=padding, g=groups: m.conv_transpose(x, k, stride=s, padding=p, groups=g),
            lambda m, x, k, n=n, s=stride, p=padding, g=groups: attribute(m, f"nn.functional.conv_transpose{n}d")(
                x, k, stride=s, padding=p, groups=g
            ),
            None,
        )
        for n in (1, 2)
        for stride, padding, groups in ((1, 0, 1), (2, 1, 2))
    ],
    *[
        Case(
            "max_pool",
            anywhere((2, 3, *(7, 6)[:n])),
            lambda m, x, s=stride: m.max_pool(x, 2, stride=s),
            lambda m, x, n=n, s=stride: attribute(m, f"nn.functional.max_pool{n}d")(x, 2, stride=s),
            None,
        )
        for n in (1, 2)
        for stride in (1, 2)
    ],
    *[
        Case(
            "avg_pool",
            anywhere((2, 3, *(7, 6)[:n])),
            lambda m, x, s=stride: m.avg_pool(x, 2, stride=s, padding=1),
            lambda m, x, n=n, s=stride: attribute(m, f"nn.functional.avg_pool{n}d")(x, 2, stride=s, padding=1),
            None,
        )
        for n in (1, 2)
        for stride in (1, 2)
    ],
    # Losses
    Case(
        "nn.mse_loss",
        anywhere((4, 3), (4, 3)),
        lambda m, x, y: m.nn.mse_loss(x, y),
        lambda m, x, y: m.nn.functional.mse_loss(x, y),
        None,
    ),
    Case(
        "nn.cross_entropy",
        X,
        lambda m, x: m.nn.cross_entropy(x, [0, 2, 1, 1]),
        lambda m, x: m.nn.functional.cross_entropy(x, m.tensor([0, 2, 1, 1])),
        None,
    ),
]

CASES = [*UNARY, *BINARY, *OTHERS]

NOT_COMPARED = {
    "has no counterpart there, and is held to its reference and to finite differences": "dropout",
    "makes arrays": "arange asarray empty empty_like eye from_dlpack full full_like linspace ones ones_like zeros zeros_like",
    "of integers, whose reference is NumPy's": "bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift "
    "bitwise_xor",
    "tells or changes dtypes and shapes": "astype broadcast_shapes can_cast finfo iinfo isdtype result_type",
    "its result's shape depends on values; no derivative": "nonzero unique_all unique_counts unique_inverse unique_values",
    "a transformation, a loop or a tool, tested as such": "associative_scan check_gate check_gradients checkpoint collapse "
    "compare_grain cond diverge expand find_nonfinite fori_loop gate grad gradients hessian hvp jacobian jvp linearize map "
    "no_grad scan scope stop_gradient switch trace value_and_grad variable vjp vmap watch what_is_kept while_loop "
    "why_no_gradient",
}
