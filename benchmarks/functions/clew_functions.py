"""The rows as a user of clew writes them."""

from __future__ import annotations

import numpy as np

import clew as cl
from clew import nn

HEADS = 4


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + cl.exp(-(w0 * x0 + w1 * x1 + w2)))


def elementwise(x):
    return cl.sum(cl.sigmoid(1.5 * x + 0.5) * cl.tanh(x) + cl.exp(-x * x))


class Dense:
    """Linear layers with ``relu`` between them; the row's weights are the transposed ones of ``nn.Linear``."""

    def __init__(self, arrays):
        self.arrays = arrays
        weights = [a for a in arrays.values() if a.ndim == 2]
        layers = [nn.Linear(*w.shape, dtype=w.dtype) for w in weights]
        between = [part for layer in layers for part in (layer, cl.relu)]
        self.net = nn.Sequential(*between[:-1])
        for parameter, a in zip(self.parameters(), arrays.values(), strict=True):
            parameter.assign(a.T.copy())

    def parameters(self):
        return self.net.parameters()

    def given(self, read):
        return {name: read(p).T for name, p in zip(self.arrays, self.parameters(), strict=True)}


class moons(Dense):  # named as the row is
    def __call__(self, x, y):
        return nn.hinge_loss(self.net(x), y) + 1e-4 * sum(cl.sum(p * p) for p in self.parameters())


class mlp(Dense):  # named as the row is
    def __call__(self, x, y):
        return nn.cross_entropy(self.net(x), y)


def cnn(p, x, y):
    h = cl.max_pool(cl.relu(cl.conv(x, p["k1"], padding="same") + p["b1"][:, None, None]), 2)
    h = cl.max_pool(cl.relu(cl.conv(h, p["k2"], padding="same") + p["b2"][:, None, None]), 2)
    return nn.cross_entropy(cl.reshape(h, (h.shape[0], -1)) @ p["w"] + p["b"], y)


def lstm(p, x, y):
    def cell(carry, xt):
        h, c = carry
        i, f, g, o = cl.split(xt @ p["w"] + h @ p["u"] + p["b"], 4, axis=1)
        c = cl.sigmoid(f) * c + cl.sigmoid(i) * cl.tanh(g)
        return (cl.sigmoid(o) * cl.tanh(c), c), None

    start = cl.zeros((x.shape[1], p["u"].shape[0]), dtype=x.dtype)
    (h, _), _ = cl.scan(cell, (start, start), x)
    return nn.cross_entropy(h @ p["head"] + p["bias"], y)


def gru(p, x, y):
    def cell(h, xt):
        (ir, iz, i_n), (hr, hz, hn) = cl.split(xt @ p["w"] + p["b"], 3, axis=1), cl.split(h @ p["u"] + p["c"], 3, axis=1)
        n = cl.tanh(i_n + cl.sigmoid(ir + hr) * hn)
        z = cl.sigmoid(iz + hz)
        return (1 - z) * n + z * h, None

    h, _ = cl.scan(cell, cl.zeros((x.shape[1], p["u"].shape[0]), dtype=x.dtype), x)
    return nn.cross_entropy(h @ p["head"] + p["bias"], y)


def normalised(x, scale, shift):
    """Each row with mean 0 and variance 1, scaled and shifted."""
    centred = x - cl.mean(x, axis=-1, keepdims=True)
    return centred * cl.rsqrt(cl.mean(centred * centred, axis=-1, keepdims=True) + 1e-5) * scale + shift


def gpt(p, ids, targets):
    batch, length = ids.shape
    width = p["wpe"].shape[1]
    mask = cl.tril(cl.ones((length, length), dtype=cl.bool))
    h = p["wte"][ids] + p["wpe"]  # (batch, length, width)
    for i in range(sum(name.startswith("qkv") for name in p) // 2):
        a = normalised(h, p[f"ln1_g{i}"], p[f"ln1_b{i}"])
        parts = cl.split(a @ p[f"qkv{i}"] + p[f"qkvb{i}"], 3, axis=-1)
        q, k, v = (cl.permute_dims(cl.reshape(t, (batch, length, HEADS, -1)), (0, 2, 1, 3)) for t in parts)
        scores = cl.where(mask, q @ k.mT / (width / HEADS) ** 0.5, -cl.inf)
        mixed = cl.permute_dims(cl.softmax(scores, axis=-1) @ v, (0, 2, 1, 3))
        h = h + cl.reshape(mixed, (batch, length, width)) @ p[f"proj{i}"] + p[f"projb{i}"]
        a = normalised(h, p[f"ln2_g{i}"], p[f"ln2_b{i}"])
        h = h + cl.gelu(a @ p[f"fc{i}"] + p[f"fcb{i}"], approximate=True) @ p[f"out{i}"] + p[f"outb{i}"]
    return nn.cross_entropy(normalised(h, p["lnf_g"], p["lnf_b"]) @ p["head"], targets)


def gmm(alphas, means, logs, lower, x):
    """Objective of the ADBench suite: triangular factors of inverse covariances, their lower parts packed by columns."""
    d, n = means.shape[1], x.shape[0]
    columns, rows = np.triu_indices(d, 1)
    diagonals = cl.exp(logs)
    q = cl.set_at(cl.eye(d, dtype=x.dtype) * diagonals[:, None, :], (slice(None), rows, columns), lower)
    z = cl.einsum("kij,nkj->nki", q, x[:, None, :] - means)
    inner = alphas + cl.sum(logs, axis=1) - 0.5 * cl.sum(z * z, axis=2)
    prior = 0.5 * (cl.sum(diagonals * diagonals) + cl.sum(lower * lower))
    return cl.sum(cl.logsumexp(inner, axis=1)) - n * cl.logsumexp(alphas) + prior


def transposed(a, b):
    return cl.sum(cl.tanh(a.T @ b[::2].T))


def strided_convolution(k1, k2, x):
    h = cl.relu(cl.conv(x, k1, stride=2, padding=2))
    return cl.mean(cl.square(cl.conv(h, k2, stride=2, padding=2)))


def batch_norm(x, scale, shift, target):
    centred = x - cl.mean(x, axis=(0, 2, 3), keepdims=True)
    variance = cl.mean(centred * centred, axis=(0, 2, 3), keepdims=True)
    y = centred * cl.rsqrt(variance + 1e-5) * scale[:, None, None] + shift[:, None, None]
    return cl.mean(cl.relu(y) * target)


def layer_norm(p, x):
    a = normalised(x, p["scale"], p["shift"])
    y = x + cl.gelu(a @ p["w1"] + p["b1"], approximate=True) @ p["w2"] + p["b2"]
    return cl.mean(y * y)


def batched(a, b):
    attention = cl.softmax(a @ b, axis=-1)
    return cl.mean(cl.square(attention @ b.mT))


def pairs(x, y, weights, width):
    squares = cl.sum(cl.square(x[:, None, :] - y[None, :, :]), axis=-1)
    return cl.mean(cl.tanh(cl.sum(cl.exp(-squares / (2 * width * width)) * weights, axis=1)))


def reductions(x):
    centred = x - cl.mean(x, axis=(0, 2), keepdims=True)
    spread = cl.sqrt(cl.mean(centred * centred, axis=(0, 2)))
    tops = cl.max(centred, axis=1)
    return cl.sum(spread) + cl.mean(tops * tops) + cl.sum(cl.logsumexp(x, axis=(0, 1))) + cl.sum(cl.tanh(cl.sum(x, axis=1)))


def predators(prey, hunters, rates):
    a, b, c, d = (rates[k] for k in range(4))

    def step(state, _):
        u, v = state
        return (u + 0.02 * (a * u - b * u * v), v + 0.02 * (c * u * v - d * v)), None

    (u, v), _ = cl.scan(step, (prey, hunters), length=50)
    return cl.mean(cl.square(u - 1) + cl.square(v))


def vocabulary(h, w, labels):
    return nn.cross_entropy(h @ w, labels)
