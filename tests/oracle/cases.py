"""The functions that clew shares with PyTorch and JAX, each as all three write it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from .case import SAME, Case

VALUE: tuple[str, ...] = ()  # for ``checks``: no derivative


def each(names: str, operands: str, torch: str = "{}", jax: str | None = "{}", call: str = "(x)") -> list[Case]:
    """Functions that are named alike, or by a rule."""
    return [Case(n + call, operands, torch.format(n) + call, jax and jax.format(n) + call) for n in names.split()]


def also(kinds: str, *cases: Case) -> list[Case]:
    """Their values are compared of integers (#) and booleans (?) as well."""
    return [replace(case, also=kinds) for case in cases]


def at_shapes(cases: list[Case]) -> list[Case]:
    """Functions of one array on a scalar and on an array."""
    return [replace(c, operands=c.operands.replace(":", f":{shape}")) for c in cases for shape in ("", "abC")]


def broadcast(cases: list[Case]) -> list[Case]:
    """Functions of two arrays, of one shape and of two that broadcast."""
    pairs = (("", ""), ("ab", "ab"), ("abc", "c"), ("a1c", "B1"), ("", "ab"))
    return [
        replace(c, operands=" ".join(o.replace(":", f":{s}") for o, s in zip(c.operands.split(), pair, strict=True)))
        for c, pair in product(cases, pairs)
    ]


UNARY = at_shapes(
    [
        *also("#", *each("abs negative square sign positive floor ceil trunc round", "x:")),
        *each("exp expm1 sin cos sinh cosh tanh atan asinh", "x:"),
        *each("asin acos atanh", "x:@within"),
        *each("log log1p log2 log10 sqrt reciprocal", "x:@positive"),
        *each("tan", "x:@steep"),
        *each("acosh", "x:@above"),
        Case("rsqrt(x)", "x:@positive", SAME, "lax.rsqrt(x)"),
        Case("erf(x)", "x:", SAME, "jax.scipy.special.erf(x)"),
        *each("sigmoid silu relu softplus elu", "x:", "nn.functional.{}", "nn.{}"),
        Case("sigmoid(x)", "x:@wide", SAME, "nn.sigmoid(x)"),
        Case("softplus(x)", "x:@wide", None, "nn.softplus(x)"),  # PyTorch's is x above 20
        Case("elu(x, 0.7)", "x:", "F.elu(x, 0.7)", "nn.elu(x, 0.7)"),
        Case("leaky_relu(x)", "x:", "F.leaky_relu(x)", "nn.leaky_relu(x)"),
        Case("leaky_relu(x, 0.1)", "x:", "F.leaky_relu(x, 0.1)", "nn.leaky_relu(x, 0.1)"),
        Case("gelu(x)", "x:", "F.gelu(x)", "nn.gelu(x, approximate=False)"),
        Case("gelu(x, approximate=True)", "x:", "F.gelu(x, approximate='tanh')", "nn.gelu(x, approximate=True)"),
        *also("#", Case("clip(x, -1, 1)", "x:"), Case("clip(x, min=0)", "x:"), Case("clip(x, max=1)", "x:")),
        Case("stop_gradient(x) * x", "x:", "x.detach() * x", "lax.stop_gradient(x) * x"),
        *each("isnan isinf isfinite", "x:", call="(log(x) / round(x))"),
        Case("signbit(x)", "x:"),
        Case("logical_not(x > 0)", "x:"),
    ]
)
BINARY = broadcast(
    [
        *also("#", *each("add subtract multiply maximum minimum", "x: y:", call="(x, y)")),
        *each("logaddexp", "x: y:", call="(x, y)"),
        Case("divide(x, y)", "x: y:@positive"),
        Case("divide(n, m)", "n:# m:#", SAME, None),  # float32, as PyTorch's; JAX's is float64
        *also("#", Case("remainder(x, y)", "x: y:@positive")),
        *also("#", Case("floor_divide(x, y)", "x: y:@positive", checks=VALUE)),
        *also("#", Case("pow(x, y)", "x:@positive y:@positive")),
        Case("pow(x, y)", "x:@positive y:"),
        Case("atan2(x, y)", "x: y:"),
        Case("hypot(x, y)", "x: y:"),
        Case("copysign(x, y)", "x: y:"),
        Case("nextafter(x, y)", "x: y:", checks=VALUE),
        Case("xlogy(x, y)", "x: y:@positive", SAME, "jax.scipy.special.xlogy(x, y)"),
        *also("#?", Case("equal(x, y)", "x: y:", "eq(x, y)")),
        *also("#?", *each("not_equal less less_equal greater greater_equal", "x: y:", call="(x, y)")),
        *each("logical_and logical_or logical_xor", "x: y:", call="(x > 0, y < 0)"),
        *each("bitwise_and bitwise_or bitwise_xor", "n:# m:#", call="(n, m)"),
        *each("bitwise_left_shift bitwise_right_shift", "n:# m:#", call="(n, abs(m))"),
        *also("#", Case("where(x > y, x, y)", "x: y:")),
        Case("where(x > 0, x * y, exp(y))", "x: y:"),
        Case("clip(x, y, y + 1)", "x: y:", SAME, SAME),
    ]
)
UNARY += at_shapes([Case("bitwise_invert(n)", "n:#", "bitwise_not(n)")])

REDUCTIONS = [
    *also(
        "#?",
        Case("sum(x)", "x:abc"),
        Case("sum(x)", "x:"),
        Case("sum(x, axis=(0, 2))", "x:abc", "sum(x, dim=(0, 2))"),
        Case("sum(x, axis=-1, keepdims=True)", "x:ab", "sum(x, dim=-1, keepdim=True)"),
        Case("any(x, axis=1)", "x:ab", "any(x, dim=1)"),
        Case("all(x, axis=0, keepdims=True)", "x:ab", "all(x, dim=0, keepdim=True)"),
        Case("any(x > 1)", "x:ab"),
        Case("all(x > -1)", "x:ab"),
        Case("count_nonzero(x)", "x:ab"),
        Case("count_nonzero(x > 0, axis=1)", "x:abc", "count_nonzero(x > 0, dim=1)"),
    ),
    *also(
        "#",
        Case("prod(x)", "x:abc"),
        Case("prod(x, axis=(0, 1))", "x:abc", "prod(prod(x, dim=0), dim=0)"),
        Case("prod(floor(x), axis=1)", "x:ab", "prod(floor(x), dim=1)"),
        Case("prod(x * round(x), axis=1)", "x:ab", "prod(x * round(x), dim=1)"),  # zeros among them
        Case("max(x)", "x:AB", "amax(x)"),
        Case("max(x, axis=(0, 2))", "x:AbC", "amax(x, dim=(0, 2))"),
        Case("min(x, axis=-1, keepdims=True)", "x:aB", "amin(x, dim=-1, keepdim=True)"),
        Case("argmax(x, axis=1)", "x:aB", "argmax(x, dim=1)"),
        Case("argmin(x, axis=0, keepdims=True)", "x:Ab", "argmin(x, dim=0, keepdim=True)"),
        Case("argmax(x)", "x:AB"),
        Case("argmin(x)", "x:AB"),
        Case("cumulative_sum(x, axis=1)", "x:abc", "cumsum(x, dim=1)"),
        Case("cumulative_sum(x, axis=0, include_initial=True)", "x:ab", "cumsum(F.pad(x, (0, 0, 1, 0)), dim=0)"),
        Case("cumulative_prod(x, axis=-1)", "x:ab", "cumprod(x, dim=-1)"),
        Case("cumulative_prod(x, axis=0, include_initial=True)", "x:ab", "cumprod(F.pad(x, (0, 0, 1, 0), value=1), dim=0)"),
        Case("diff(x, axis=0, n=2)", "x:4b", "diff(x, n=2, dim=0)"),
        Case("diff(x)", "x:aB"),
        Case("diff(x, prepend=y, append=y)", "x:aB y:a1"),
    ),
    Case("cumulative_prod(x * round(x), axis=0)", "x:ab", "cumprod(x * round(x), dim=0)"),  # zeros among them
    Case("mean(x)", "x:AB"),
    Case("mean(x, axis=1, keepdims=True)", "x:aBc", "mean(x, dim=1, keepdim=True)"),
    Case("var(x)", "x:AB", "var(x, correction=0)"),
    Case("var(x, axis=1, correction=1)", "x:a3c", "var(x, dim=1, correction=1)"),
    Case("std(x, axis=(0, 2))", "x:2b3", "std(x, dim=(0, 2), correction=0)"),
    Case("std(x, axis=0, correction=0.5, keepdims=True)", "x:3b", None),
    Case("logsumexp(x)", "x:AB", "logsumexp(x, dim=(0, 1))", "nn.logsumexp(x)"),
    Case("logsumexp(x, axis=(0, 2))", "x:AbC@wide", "logsumexp(x, dim=(0, 2))", "nn.logsumexp(x, axis=(0, 2))"),
    Case("logsumexp(x, axis=1, keepdims=True)", "x:aB", "logsumexp(x, 1, True)", "nn.logsumexp(x, axis=1, keepdims=True)"),
    *[
        Case(
            f"{m}vector_norm(x, axis=1, ord={p})",
            "x:aBc",
            f"linalg.vector_norm(x, ord={q}, dim=1)",
            f"linalg.vector_norm(x, axis=1, ord={q})",
        )
        for m in ("", "linalg.")
        for p, q in (("2", "2"), ("1", "1"), ("3", "3"), ("0.5", "0.5"), ("inf", "inf"), ("-inf", "-inf"), ("0", "0"))
    ],
    Case("vector_norm(x)", "x:AB", "linalg.vector_norm(x)", "linalg.vector_norm(x)"),
    Case("norm(x)", "x:AB", "linalg.vector_norm(x)", "linalg.vector_norm(x)"),
]

SORTING = [
    *also(
        "#",
        Case("sort(x, axis=0)", "x:aBc", "sort(x, dim=0).values"),
        Case("sort(x, descending=True)", "x:aB", "sort(x, descending=True).values"),
        Case("argsort(x, axis=0)", "x:Ab", "argsort(x, dim=0, stable=True)", "argsort(x, axis=0, stable=True)"),
        Case("argsort(x, descending=True)", "x:aB", "argsort(x, descending=True, stable=True)"),
        Case("isin(x, y)", "x:ab y:c"),
        Case("isin(x, y, invert=True)", "x:ab y:C"),
        Case("unique_values(x)", "x:ab", "unique(x)", checks=VALUE),
        Case("unique_counts(x)", "x:ab", "unique(x, return_counts=True)", checks=VALUE),
        Case("unique_inverse(x)", "x:AB", "unique(x, return_inverse=True)", checks=VALUE),
        Case("unique_all(x)", "x:AB", None, checks=VALUE),
        Case("nonzero(x)", "x:ab", "nonzero(x, as_tuple=True)"),
        Case("searchsorted(sort(y), x)", "x:ab y:C", "searchsorted(sort(y).values, x)"),
        Case("searchsorted(sort(y), x, side='right')", "x:ab y:C", "searchsorted(sort(y).values, x, side='right')"),
        Case(
            "searchsorted(y, x, sorter=argsort(y))",
            "x:ab y:C",
            "searchsorted(y, x, sorter=argsort(y))",
            "searchsorted(y[argsort(y)], x)",
        ),
    ),
    Case("topk(x, 2)", "x:a5", "topk(x, 2)", "lax.top_k(x, 2)"),
    Case("topk(x, 3, axis=0)", "x:4b", "topk(x, 3, dim=0)", "lax.top_k(x, 3, axis=0)"),
    Case("topk(x, 0)", "x:aB", "topk(x, 0)", "lax.top_k(x, 0)"),
]

SHAPES = [
    *also(
        "#?",
        Case("reshape(x, (4, -1))", "x:AB4"),
        Case("reshape(x, (1,))", "x:"),
        *each("ravel", "x:"),
        *each("ravel", "x:abc"),
        Case("flatten(x)", "x:abc", SAME, "ravel(x)"),
        Case("flatten(x, 1)", "x:Abc", SAME, "reshape(x, (x.shape[0], x.shape[1] * x.shape[2]))"),
        Case("permute_dims(x, (2, 0, 1))", "x:abc", "permute(x, (2, 0, 1))"),
        Case("transpose(x)", "x:abc", "permute(x, (2, 1, 0))"),
        Case("transpose(x, (1, 2, 0))", "x:abc", "permute(x, (1, 2, 0))"),
        Case("matrix_transpose(x)", "x:abc", "x.mT"),
        Case("linalg.matrix_transpose(x)", "x:ab", "x.mT"),
        Case("swapaxes(x, 0, -1)", "x:abc"),
        Case("moveaxis(x, 0, -1)", "x:abc"),
        Case("moveaxis(x, (0, 2), (1, 0))", "x:abcd"),
        Case("expand_dims(x, axis=(0, -1))", "x:ab", "x[None, ..., None]"),
        Case("expand_dims(x, axis=1)", "x:ab", "unsqueeze(x, 1)"),
        Case("squeeze(x)", "x:1A1", "squeeze(x)"),
        Case("squeeze(x, axis=(0, 2))", "x:1a1b", "squeeze(x, (0, 2))"),
        Case("flip(x)", "x:ab", "flip(x, (0, 1))"),
        Case("flip(x, axis=1)", "x:abc", "flip(x, (1,))"),
        Case("roll(x, 2)", "x:ab"),
        Case("roll(x, (1, -2), axis=(0, 2))", "x:abc", "roll(x, (1, -2), dims=(0, 2))"),
        Case("concat([x, y, x], axis=1)", "x:abc y:adc", "concat([x, y, x], dim=1)"),
        Case("concat([x, y], axis=None)", "x:ab y:c", "concat([x.ravel(), y])"),
        Case("stack([x, y], axis=1)", "x:ab y:ab", "stack([x, y], dim=1)"),
        Case("stack([x, y], axis=-1)", "x: y:"),
        Case("unstack(x, axis=1)", "x:aBc", "unbind(x, dim=1)"),
        Case("split(x, 2, axis=1)", "x:a4c", "split(x, 2, dim=1)"),
        Case("split(x, [1, 2])", "x:5b", "tensor_split(x, (1, 2))"),
        Case("tile(x, (2, 1, 3))", "x:ab"),
        Case("tile(x, (2,))", "x:ab"),
        Case("repeat(x, 2)", "x:ab", "repeat_interleave(x, 2)"),
        Case("repeat(x, 3, axis=1)", "x:abc", "repeat_interleave(x, 3, dim=1)"),
        Case(
            "repeat(x, [1, 0, 2], axis=0)",
            "x:3b",
            "repeat_interleave(x, tensor([1, 0, 2]), dim=0)",
            "repeat(x, array([1, 0, 2]), axis=0, total_repeat_length=3)",
        ),
        Case("broadcast_to(x, (2, 3, 4))", "x:31"),
        Case("broadcast_to(x, (2, 0))", "x:1"),
        Case("broadcast_arrays(x, y)", "x:a1 y:B", "broadcast_tensors(x, y)"),
        Case("meshgrid(x, y)", "x:a y:b", "meshgrid(x, y, indexing='xy')"),
        Case("meshgrid(x, y, x, indexing='ij')", "x:a y:b"),
        Case("tril(x, k=-1)", "x:ab", "tril(x, diagonal=-1)"),
        Case("triu(x, k=1)", "x:abc", "triu(x, diagonal=1)"),
        *[
            Case(
                f"{m}diagonal(x, offset={k})",
                "x:aBC",
                f"diagonal(x, offset={k}, dim1=-2, dim2=-1)",
                f"linalg.diagonal(x, offset={k})",
            )
            for m in ("", "linalg.")
            for k in (0, 1, -2)
        ],
        Case("astype(x, float32)", "x:ab", "x.to(float32)"),
        Case("astype(x, int64)", "x:ab", "x.to(int64)"),
        Case("astype(x, bool)", "x:ab", "x.to(bool)"),
    ),
    Case("pad(x, ((1, 0), (2, 1)), constant_values=0.5)", "x:ab", "F.pad(x, (2, 1, 1, 0), value=0.5)"),
    Case("pad(x, 1)", "x:abc", "F.pad(x, (1, 1, 1, 1, 1, 1))"),
    *[
        Case(f"pad(x, ((0, 0), (0, 0), (2, 1)), '{ours}')", "x:AB4", f"F.pad(x, (2, 1), mode='{theirs}')")
        for ours, theirs in (("edge", "replicate"), ("reflect", "reflect"), ("wrap", "circular"))
    ],
    Case("pad(x, ((2, 3), (1, 0)), 'symmetric')", "x:AB", None),
    Case("linalg.trace(x)", "x:abc", "vmap(trace)(x)", "linalg.trace(x)"),
    Case("linalg.trace(x, offset=1)", "x:AB", "diagonal(x, offset=1).sum()", "linalg.trace(x, offset=1)"),
]

INDEXING = [
    *also(
        "#?",
        *[
            Case(f"getitem(x, {key})", operands, f"x[{torch}]" if torch else None, f"x[{key}]")
            for key, operands, torch in (
                ("1", "x:3b", "1"),
                ("(..., -1)", "x:abC", "..., -1"),
                ("(slice(1, None), slice(None, None, 2))", "x:abc", "1:, ::2"),
                ("(slice(None, None, -1), None, slice(4, 1, -2))", "x:ab", None),
                ("(slice(None), i)", "x:aBc i:d<B", ":, i"),
                ("(i, slice(None), j)", "x:AbC i:d<A j:e1<C", "i, :, j"),
                ("(slice(None), i, j)", "x:aBC i:d<B j:<C", ":, i, j"),
                ("i", "x:Ab i:cd<A", "i"),
            )
        ],
        Case("getitem(x, x > 0)", "x:ab", "x[x > 0]", None),
        Case("take(x, i, axis=1)", "x:aBc i:de<B", "x[:, i]"),
        Case("take(x, i)", "x:A i:d<A"),
        Case("take_along_axis(x, i, axis=1)", "x:aBc i:adc<B", "take_along_dim(x, i, 1)"),
        Case("take_along_axis(x, i, axis=0)", "x:Ab i:c1<A", "take_along_dim(x, i, 0)"),
        Case("take_along_axis(x, argsort(x), axis=-1)", "x:aB", "take_along_dim(x, argsort(x), -1)"),
        Case("set_at(x, 2, y)", "x:3b y:b", "select_scatter(x, y, 0, 2)", "x.at[2].set(y)"),
        Case(
            "set_at(x, (slice(None), slice(1, 3)), y)",
            "x:a4 y:a1",
            "slice_scatter(x, y.expand(-1, 2), 1, 1, 3)",
            "x.at[:, 1:3].set(y)",
        ),
        Case("set_at(x, [2, 0], y)", "x:3b y:2b", "index_copy(x, 0, tensor([2, 0]), y)", "x.at[array([2, 0])].set(y)"),
    ),
    Case("add_at(x, i, y)", "x:Ab i:c<A y:cb", "index_add(x, 0, i, y)", "x.at[i].add(y)", also="#"),
    Case(
        "add_at(x, (i, j), y)",
        "x:AB i:c<A j:c<B y:c",
        "index_put(x, (i, j), y, accumulate=True)",
        "x.at[i, j].add(y)",
        also="#",
    ),
    Case("one_hot(i, 4)", "i:ab<4", "F.one_hot(i, 4).to(float32)", "nn.one_hot(i, 4, dtype=float32)"),
    Case("one_hot(i, 4, dtype=int64)", "i:<4", "F.one_hot(i, 4)", "nn.one_hot(i, 4, dtype=int64)"),
]

PRODUCTS = [
    Case("vecdot(x, y, axis=0)", "x:ab y:ab", "linalg.vecdot(x, y, dim=0)"),
    *also(
        "#",
        *[
            Case(f"{m}matmul(x, y)", operands, "matmul(x, y)", "matmul(x, y)")
            for m in ("", "linalg.")
            for operands in (
                "x:ab y:bc",
                "x:a y:a",
                "x:a y:ab",
                "x:ab y:b",
                "x:abc y:acd",
                "x:d1ab y:ebc",
                "x:a y:dab",
                "x:dab y:b",
            )
        ],
        Case("dot(x, y)", "x:a y:a"),
        Case("dot(x, y)", "x:ab y:bc", "mm(x, y)"),
        Case("dot(x, y)", "x:abc y:dce", "tensordot(x, y, ([2], [1]))"),
        Case("dot(x, y)", "x: y:ab", "x * y"),
        Case("outer(x, y)", "x:a y:b"),
        Case("linalg.outer(x, y)", "x:a y:b", "outer(x, y)"),
        Case("vecdot(x, y)", "x:ab y:b", None),
        Case("linalg.vecdot(x, y)", "x:a1c y:Bc", None, "vecdot(x, y)"),
        *[
            Case(f"{m}tensordot(x, y{axes})", operands, f"tensordot(x, y{dims})", f"tensordot(x, y{axes})")
            for m in ("", "linalg.")
            for operands, axes, dims in (
                ("x:abc y:bcd", "", ""),
                ("x:ab y:c", ", axes=0", ", 0"),
                ("x:abc y:cbd", ", axes=((1, 2), (1, 0))", ", ((1, 2), (1, 0))"),
            )
        ],
        *[
            Case(f"einsum('{letters}', {', '.join(o[0] for o in operands.split())})", operands)
            for letters, operands in (
                ("ij->ji", "x:ab"),
                ("ij->", "x:ab"),
                ("ii->i", "x:aa"),
                ("ii", "x:aa"),
                ("ij,jk", "x:ab y:bc"),
                ("bij,bjk->bik", "x:abc y:acd"),
                ("i,j->ij", "x:a y:b"),
                ("ijk,kj->i", "x:abc y:cb"),
                ("ij,ij->i", "x:ab y:ab"),
                ("...ij,jk->...ik", "x:abcd y:de"),
                ("...i,...i->...", "x:abc y:bc"),
                ("ij,jk,kl->il", "x:ab y:bc z:cd"),
                ("iij,j->i", "x:aab y:b"),
                ("i,ij,j", "x:a y:ab z:b"),
            )
        ],
    ),
]

SOFTMAX = [
    Case("softmax(x, axis=1)", "x:aBc", "softmax(x, dim=1)", "nn.softmax(x, axis=1)"),
    Case("softmax(x)", "x:aB@wide", "softmax(x, dim=-1)", "nn.softmax(x)"),
    Case("log_softmax(x, axis=0)", "x:Ab", "log_softmax(x, dim=0)", "nn.log_softmax(x, axis=0)"),
    Case("log_softmax(x)", "x:aB@wide", "log_softmax(x, dim=-1)", "nn.log_softmax(x)"),
    Case("sum(softmax(x) * log(softmax(x)))", "x:AB", "sum(softmax(x, -1) * log_softmax(x, -1))", "sum(nn.softmax(x) * nn.log_softmax(x))"),
]  # fmt: skip

# Strides, padding, dilation, groups
SLIDES = (("1", "0", "1", 1), ("2", "1", "1", 2), ("1", "2", "2", 1), ("3", "0", "2", 4))
SPATIAL = [
    *[
        Case(
            f"conv(x, k, stride={s}, padding={p}, dilation={d}, groups={g})", f"x:a4{'pqr'[:n]} k:{4 if g > 1 else 'B'}{4 // g}{'322'[:n]}",
            f"F.conv{n}d(x, k, stride={s}, padding={p}, dilation={d}, groups={g})",
            f"lax.conv_general_dilated(x, k, ({s},) * {n}, [({p}, {p})] * {n}, rhs_dilation=({d},) * {n}, feature_group_count={g})",
        )
        for n, (s, p, d, g) in product((1, 2, 3), SLIDES)
    ],
    Case("conv(x, k, padding='same', dilation=2)", "x:a3pq k:2323", "F.conv2d(x, k, padding='same', dilation=2)", "lax.conv_general_dilated(x, k, (1, 1), 'SAME', rhs_dilation=(2, 2))"),
    Case("conv(x, k, stride=(2, 3), padding='same')", "x:a3pq k:2323", None, "lax.conv_general_dilated(x, k, (2, 3), 'SAME')"),
    Case("conv(x, k, stride=(2, 1), padding=((0, 1), (2, 0)))", "x:a3pq k:2323", "F.conv2d(F.pad(x, (2, 0, 0, 1)), k, stride=(2, 1))", "lax.conv_general_dilated(x, k, (2, 1), [(0, 1), (2, 0)])"),
    Case("conv(x, k, layout='channels_last')", "x:Apq3 k:2323", "F.conv2d(x.movedim(3, 1), k).movedim(1, 3)", "lax.conv_general_dilated(x, k, (1, 1), 'VALID', dimension_numbers=('NHWC', 'OIHW', 'NHWC'))"),
    *[
        Case(
            f"conv_transpose(x, k, stride={s}, padding={p}, output_padding={o}, dilation={d}, groups={g})", f"x:a4{'BCD'[:n]} k:4{'2' if g > 1 else '3'}{'322'[:n]}",
            f"F.conv_transpose{n}d(x, k, stride={s}, padding={p}, output_padding={o}, dilation={d}, groups={g})",
            f"conv_transpose(x, k, {s}, {p}, {o}, {d}, {g})",
        )
        for n, (s, p, o, d, g) in product((1, 2, 3), ((1, 0, 0, 1, 1), (2, 0, 1, 1, 2), (3, 0, 2, 2, 4), (2, 1, 1, 3, 1)))
    ],
    *[
        Case(f"max_pool(x, 2, stride={s}, padding={p}, dilation={d})", f"x:a3{'pqr'[:n]}", f"F.max_pool{n}d(x, 2, stride={s}, padding={p}, dilation={d})", f"max_pool(x, 2, {s}, {p}, {d})" if d == 1 else None)
        for n, (s, p, d) in product((1, 2, 3), ((1, 0, 1), (2, 1, 1), (3, 1, 2)))
    ],
    *[
        Case(f"avg_pool(x, 3, stride={s}, padding={p}, count_include_pad={c})", f"x:a2{'pqr'[:n]}", f"F.avg_pool{n}d(x, 3, stride={s}, padding={p}, count_include_pad={c})", f"avg_pool(x, 3, {s}, {p}, {c})")
        for n, (s, p, c) in product((1, 2, 3), ((1, 0, True), (2, 1, True), (2, 1, False)))
    ],
    Case("max_pool(x, (3, 2), padding='same')", "x:A2pq", None, "lax.reduce_window(x, -inf, lax.max, (1, 1, 3, 2), (1, 1, 3, 2), 'SAME')"),
]  # fmt: skip

NETWORKS = [
    *each("nn.ReLU nn.Sigmoid nn.Tanh nn.SiLU nn.GELU nn.Softplus nn.LeakyReLU", "x:ab", jax=None, call="()(x)"),
    Case("nn.Softmax(0)(x)", "x:Ab", jax="nn.softmax(x, axis=0)"),
    Case("nn.mse_loss(x, y)", "x:AB y:AB", "F.mse_loss(x, y)", "mean((x - y) ** 2)"),
    Case("nn.mse_loss(x, y, reduction='sum')", "x:ab y:ab", "F.mse_loss(x, y, reduction='sum')", "sum((x - y) ** 2)"),
    Case("nn.mse_loss(x, y, reduction='none')", "x:ab y:ab", "F.mse_loss(x, y, reduction='none')", "(x - y) ** 2"),
    Case("nn.hinge_loss(x, 2 * i - 1)", "x:A i:A<2", "mean(relu(1 - x * (2 * i - 1)))", "mean(nn.relu(1 - x * (2 * i - 1)))"),
    Case("nn.cross_entropy(x, i)", "x:AB i:A<B", "F.cross_entropy(x, i)", "-mean(take_along_axis(nn.log_softmax(x), i[:, None], 1))"),
    Case("nn.cross_entropy(x, i, reduction='none')", "x:abC i:ab<C", "F.cross_entropy(x.movedim(2, 1), i, reduction='none')", None),
    Case("nn.cross_entropy(x, softmax(y))", "x:AB y:AB", "F.cross_entropy(x, softmax(y, -1))", "-mean(sum(nn.softmax(y) * nn.log_softmax(x), 1))"),
]  # fmt: skip

CREATION = [
    *each("zeros ones", "", call="((2, 0, 3), dtype=float64)"),
    *also("#", *each("zeros_like ones_like", "x:ab")),
    Case("full((2, 3), 7)", ""),
    Case("full((2, 3), 0.5, dtype=float64)", ""),
    Case("full((2, 3), x)", "x:", None),
    Case("full_like(x, 3)", "x:ab", also="#"),
    Case("eye(3, dtype=float64)", ""),
    Case("eye(2, 4, k=1, dtype=float64)", "", None),
    Case("arange(7)", ""),
    Case("arange(2, 11, 3)", ""),
    Case("arange(5, -2, -2)", ""),
    Case("arange(0.5, 2.0, 0.25, dtype=float64)", ""),
    Case("linspace(0, 1, 7, dtype=float64)", ""),
    Case("linspace(-1.5, 4, 1, dtype=float64)", ""),
    Case("linspace(0, 1, 4, dtype=float64, endpoint=False)", "", None),
    Case("linspace(x, y, 5)", "x: y:", None),
    Case("linspace(x, y, 4, endpoint=False)", "x:ab y:b", None),
    Case("asarray([[1, 2], [3, 4]])", ""),
    Case("asarray(x, dtype=float32)", "x:ab", "x.to(float32)", also="#?"),
]

CONTROL = [
    Case("scan(lambda c, a: (sin(c) * y + a, c * a), y, x)", "x:Ab y:b", None, "lax.scan(lambda c, a: (sin(c) * y + a, c * a), y, x)"),
    Case("scan(lambda c, a: (c * y + a, sin(c)), y, x, reverse=True)", "x:Ab y:b", None, "lax.scan(lambda c, a: (c * y + a, sin(c)), y, x, reverse=True)"),
    Case("map(lambda r: exp(r) / (1 + r * r), x)", "x:Ab", None, "lax.map(lambda r: exp(r) / (1 + r * r), x)"),
    Case("fori_loop(0, 4, lambda i, s: sin(s) + i * x, x)", "x:ab", None, "lax.fori_loop(0, 4, lambda i, s: sin(s) + i * x, x)"),
    Case("while_loop(lambda s: sum(s) < 50, lambda s: s * y + 1, x)", "x:A y:@above", None, "lax.while_loop(lambda s: sum(s) < 50, lambda s: s * y + 1, x)", checks=("jvp",)),
    Case("cond(sum(x) > 0, lambda a, b: a * sin(b), lambda a, b: a / (1 + b * b), x, y)", "x:ab y:b", None, "lax.cond(sum(x) > 0, lambda a, b: a * sin(b), lambda a, b: a / (1 + b * b), x, y)"),
    Case("switch(i, [sin, cos, lambda a: a * a], x)", "x:ab i:<3", None, "lax.switch(i, [sin, cos, lambda a: a * a], x)"),
    Case("associative_scan(multiply, x, reverse=True)", "x:Ab", None, "lax.associative_scan(multiply, x, reverse=True)"),
    Case("vmap(lambda a, b: sum(sin(a) * b), in_axes=(1, None))(x, y)", "x:aB y:a", "vmap(lambda a, b: sum(sin(a) * b), in_dims=(1, None))(x, y)", "jax.vmap(lambda a, b: sum(sin(a) * b), in_axes=(1, None))(x, y)"),
    Case("checkpoint(lambda a: sin(a) * exp(a))(x)", "x:ab", None, "jax.checkpoint(lambda a: sin(a) * exp(a))(x)"),
    *[
        Case(f"{name}(lambda a: {body})(x)", "x:A", f"func.{torch}(lambda a: {body})(x)", f"jax.{name}(lambda a: {body})(x)")
        for name, torch, body in (("grad", "grad", "sum(sin(a) ** 3)"), ("jacobian", "jacrev", "sin(a) * sum(a)"), ("hessian", "hessian", "sum(sin(a)) ** 2"))
    ],
    Case("value_and_grad(lambda a: sum(sin(a) ** 3))(x)", "x:A", None, "jax.value_and_grad(lambda a: sum(sin(a) ** 3))(x)"),
    Case("linearize(lambda a: sin(a) * a, x)[1](y)", "x:ab y:ab", None, "jax.linearize(lambda a: sin(a) * a, x)[1](y)"),
    Case("hvp(lambda a: sum(sin(a) ** 3), (x,), (y,))", "x:A y:A", None, "jax.jvp(jax.grad(lambda a: sum(sin(a) ** 3)), (x,), (y,))[1]"),
]  # fmt: skip

CASES = [
    *UNARY, *BINARY, *REDUCTIONS, *SORTING, *SHAPES, *INDEXING, *PRODUCTS, *SOFTMAX, *SPATIAL, *NETWORKS, *CREATION, *CONTROL,
]  # fmt: skip

NOT_COMPARED = {
    "draws random numbers, from a stream of its own": "dropout nn.Dropout random.seed random.key random.split random.fold_in "
    "random.uniform random.normal random.integers random.bernoulli random.permutation random.choice random.Generator",
    "makes an array whose elements do not count": "empty empty_like",
    "compared by test_dtypes": "result_type can_cast finfo iinfo isdtype broadcast_shapes",
    "compared by being what every comparison is made with": "vjp jvp",
    "takes memory from another library, and computes nothing": "from_dlpack",
    "holds arrays or layers, of whose functions each is compared": "Tensor Variable variable nn.Module nn.Sequential nn.Linear",
    "compiles, and is compared by tests of its own": "jit",
    "about graphs and gates, which they have not": "Graph gradients gate expand collapse compare_grain trace scope no_grad",
    "finds faults": "check_gate check_gradients diverge find_nonfinite watch what_is_kept why_no_gradient",
}
