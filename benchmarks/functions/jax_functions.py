"""The rows in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

HEADS = 4


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + jnp.exp(-(w0 * x0 + w1 * x1 + w2)))


def elementwise(x):
    return (jax.nn.sigmoid(1.5 * x + 0.5) * jnp.tanh(x) + jnp.exp(-x * x)).sum()


def moons(p, x, y):
    h = jax.nn.relu(jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"])
    margin = 1 - y * (h @ p["w3"] + p["b3"])
    return jax.nn.relu(margin).mean() + 1e-4 * sum((a * a).sum() for a in p.values())


def mlp(p, x, y):
    return cross_entropy(jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"], y)


def convolved(x, kernel, stride, pad):
    axes = ("NCHW", "OIHW", "NCHW")
    return lax.conv_general_dilated(x, kernel, (stride, stride), ((pad, pad), (pad, pad)), dimension_numbers=axes)


def pooled(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def cnn(p, x, y):
    h = pooled(jax.nn.relu(convolved(x, p["k1"], 1, 1) + p["b1"][:, None, None]))
    h = pooled(jax.nn.relu(convolved(h, p["k2"], 1, 1) + p["b2"][:, None, None]))
    return cross_entropy(h.reshape(h.shape[0], -1) @ p["w"] + p["b"], y)


def lstm(p, x, y):
    def cell(carry, xt):
        h, c = carry
        i, f, g, o = jnp.split(xt @ p["w"] + h @ p["u"] + p["b"], 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    start = jnp.zeros((x.shape[1], p["u"].shape[0]), x.dtype)
    (h, _), _ = lax.scan(cell, (start, start), x)
    return cross_entropy(h @ p["head"] + p["bias"], y)


def gru(p, x, y):
    def cell(h, xt):
        (ir, iz, i_n), (hr, hz, hn) = jnp.split(xt @ p["w"] + p["b"], 3, 1), jnp.split(h @ p["u"] + p["c"], 3, 1)
        n = jnp.tanh(i_n + jax.nn.sigmoid(ir + hr) * hn)
        z = jax.nn.sigmoid(iz + hz)
        return (1 - z) * n + z * h, None

    h, _ = lax.scan(cell, jnp.zeros((x.shape[1], p["u"].shape[0]), x.dtype), x)
    return cross_entropy(h @ p["head"] + p["bias"], y)


def normalised(x, scale, shift):
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * scale + shift


def gpt(p, ids, targets):
    batch, length = ids.shape
    width = p["wpe"].shape[1]
    mask = jnp.tril(jnp.ones((length, length), bool))
    h = p["wte"][ids] + p["wpe"]
    for i in range(sum(name.startswith("qkv") for name in p) // 2):
        a = normalised(h, p[f"ln1_g{i}"], p[f"ln1_b{i}"])
        parts = jnp.split(a @ p[f"qkv{i}"] + p[f"qkvb{i}"], 3, -1)
        q, k, v = (t.reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3) for t in parts)
        scores = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) / (width / HEADS) ** 0.5, -jnp.inf)
        mixed = (jax.nn.softmax(scores, -1) @ v).transpose(0, 2, 1, 3).reshape(batch, length, width)
        h = h + mixed @ p[f"proj{i}"] + p[f"projb{i}"]
        a = normalised(h, p[f"ln2_g{i}"], p[f"ln2_b{i}"])
        h = h + jax.nn.gelu(a @ p[f"fc{i}"] + p[f"fcb{i}"]) @ p[f"out{i}"] + p[f"outb{i}"]
    return cross_entropy(normalised(h, p["lnf_g"], p["lnf_b"]) @ p["head"], targets)


def gmm(alphas, means, logs, lower, x):
    d, n = means.shape[1], x.shape[0]
    columns, rows = np.triu_indices(d, 1)
    diagonals = jnp.exp(logs)
    q = (jnp.eye(d) * diagonals[:, None, :]).at[:, rows, columns].set(lower)
    z = jnp.einsum("kij,nkj->nki", q, x[:, None, :] - means)
    inner = alphas + logs.sum(1) - 0.5 * (z**2).sum(2)
    prior = 0.5 * ((diagonals**2).sum() + (lower**2).sum())
    return jax.nn.logsumexp(inner, 1).sum() - n * jax.nn.logsumexp(alphas) + prior


def transposed(a, b):
    return jnp.tanh(a.T @ b[::2].T).sum()


def strided_convolution(k1, k2, x):
    return jnp.square(convolved(jax.nn.relu(convolved(x, k1, 2, 2)), k2, 2, 2)).mean()


def batch_norm(x, scale, shift, target):
    centred = x - x.mean((0, 2, 3), keepdims=True)
    variance = (centred * centred).mean((0, 2, 3), keepdims=True)
    y = centred * lax.rsqrt(variance + 1e-5) * scale[:, None, None] + shift[:, None, None]
    return (jax.nn.relu(y) * target).mean()


def layer_norm(p, x):
    a = normalised(x, p["scale"], p["shift"])
    y = x + jax.nn.gelu(a @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
    return (y * y).mean()


def batched(a, b):
    return jnp.square(jax.nn.softmax(a @ b, -1) @ b.mT).mean()


def pairs(x, y, weights, width):
    squares = jnp.square(x[:, None, :] - y[None, :, :]).sum(-1)
    return jnp.tanh((jnp.exp(-squares / (2 * width * width)) * weights).sum(1)).mean()


def reductions(x):
    centred = x - x.mean((0, 2), keepdims=True)
    spread = jnp.sqrt((centred * centred).mean((0, 2)))
    tops = centred.max(1)
    return spread.sum() + (tops * tops).mean() + jax.nn.logsumexp(x, (0, 1)).sum() + jnp.tanh(x.sum(1)).sum()


def predators(prey, hunters, rates):
    a, b, c, d = rates

    def step(state, _):
        u, v = state
        return (u + 0.02 * (a * u - b * u * v), v + 0.02 * (c * u * v - d * v)), None

    (u, v), _ = lax.scan(step, (prey, hunters), length=50)
    return (jnp.square(u - 1) + jnp.square(v)).mean()


def vocabulary(h, w, labels):
    return cross_entropy(h @ w, labels)
