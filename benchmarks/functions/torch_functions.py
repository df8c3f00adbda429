"""The rows in PyTorch, with its fused functions where it has them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

HEADS = 4


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + torch.exp(-(w0 * x0 + w1 * x1 + w2)))


def elementwise(x):
    return (torch.sigmoid(1.5 * x + 0.5) * torch.tanh(x) + torch.exp(-x * x)).sum()


def moons(p, x, y):
    h = torch.relu(torch.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"])
    margin = 1 - y * (h @ p["w3"] + p["b3"])
    return torch.relu(margin).mean() + 1e-4 * sum((a * a).sum() for a in p.values())


def mlp(p, x, y):
    return F.cross_entropy(torch.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"], y)


def cnn(p, x, y):
    h = F.max_pool2d(torch.relu(F.conv2d(x, p["k1"], p["b1"], padding=1)), 2)
    h = F.max_pool2d(torch.relu(F.conv2d(h, p["k2"], p["b2"], padding=1)), 2)
    return F.cross_entropy(h.flatten(1) @ p["w"] + p["b"], y)


class Fused:
    """A recurrent layer of PyTorch's own, and a linear one after its last step."""

    def __init__(self, layer, arrays):
        features, hidden = arrays["w"].shape[0], arrays["u"].shape[0]
        self.layer = layer(features, hidden).to(torch.from_numpy(arrays["w"]).dtype)
        second = arrays.get("c", np.zeros_like(arrays["b"]))
        for q, a in zip(self.layer.parameters(), (arrays["w"].T, arrays["u"].T, arrays["b"], second), strict=True):
            q.data.copy_(torch.tensor(a.copy()))
        self.layer.bias_hh_l0.requires_grad_("c" in arrays)
        self.p = {name: torch.tensor(arrays[name], requires_grad=True) for name in ("head", "bias")}

    def own(self):
        weights = {"w": self.layer.weight_ih_l0, "u": self.layer.weight_hh_l0, "b": self.layer.bias_ih_l0}
        return weights | ({"c": self.layer.bias_hh_l0} if self.layer.bias_hh_l0.requires_grad else {})

    def parameters(self):
        return [*self.own().values(), *self.p.values()]

    def given(self, read):
        return {name: read(q).T for name, q in self.own().items()} | {name: read(q) for name, q in self.p.items()}

    def __call__(self, x, y):
        outputs, _ = self.layer(x)
        return F.cross_entropy(outputs[-1] @ self.p["head"] + self.p["bias"], y)


class lstm(Fused):  # named as the row is
    def __init__(self, arrays):
        super().__init__(torch.nn.LSTM, arrays)


class gru(Fused):  # named as the row is
    def __init__(self, arrays):
        super().__init__(torch.nn.GRU, arrays)


def lstm_gates(p, x, y):
    """What ``torch.compile`` is given in place of the fused layer, which it would leave as it is."""
    h = c = torch.zeros(x.shape[1], p["u"].shape[0], dtype=x.dtype)
    for t in range(x.shape[0]):
        i, f, g, o = (x[t] @ p["w"] + h @ p["u"] + p["b"]).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return F.cross_entropy(h @ p["head"] + p["bias"], y)


def gru_gates(p, x, y):
    h = torch.zeros(x.shape[1], p["u"].shape[0], dtype=x.dtype)
    for t in range(x.shape[0]):
        (ir, iz, i_n), (hr, hz, hn) = (x[t] @ p["w"] + p["b"]).chunk(3, 1), (h @ p["u"] + p["c"]).chunk(3, 1)
        n = torch.tanh(i_n + torch.sigmoid(ir + hr) * hn)
        z = torch.sigmoid(iz + hz)
        h = (1 - z) * n + z * h
    return F.cross_entropy(h @ p["head"] + p["bias"], y)


def gpt(p, ids, targets):
    batch, length = ids.shape
    width = p["wpe"].shape[1]
    h = p["wte"][ids] + p["wpe"]
    for i in range(sum(name.startswith("qkv") for name in p) // 2):
        a = F.layer_norm(h, (width,), p[f"ln1_g{i}"], p[f"ln1_b{i}"])
        parts = (a @ p[f"qkv{i}"] + p[f"qkvb{i}"]).split(width, -1)
        q, k, v = (t.view(batch, length, HEADS, width // HEADS).transpose(1, 2) for t in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, width)
        h = h + mixed @ p[f"proj{i}"] + p[f"projb{i}"]
        a = F.layer_norm(h, (width,), p[f"ln2_g{i}"], p[f"ln2_b{i}"])
        h = h + F.gelu(a @ p[f"fc{i}"] + p[f"fcb{i}"], approximate="tanh") @ p[f"out{i}"] + p[f"outb{i}"]
    logits = F.layer_norm(h, (width,), p["lnf_g"], p["lnf_b"]) @ p["head"]
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def gmm(alphas, means, logs, lower, x):
    (k, d), n = means.shape, x.shape[0]
    rows, columns = (torch.as_tensor(part) for part in reversed(np.triu_indices(d, 1)))
    diagonals = torch.exp(logs)
    q = torch.diag_embed(diagonals).index_put((torch.arange(k)[:, None], rows[None], columns[None]), lower)
    z = torch.einsum("kij,nkj->nki", q, x[:, None, :] - means)
    inner = alphas + logs.sum(1) - 0.5 * (z**2).sum(2)
    prior = 0.5 * ((diagonals**2).sum() + (lower**2).sum())
    return torch.logsumexp(inner, 1).sum() - n * torch.logsumexp(alphas, 0) + prior


def transposed(a, b):
    return torch.tanh(a.T @ b[::2].T).sum()


def strided_convolution(k1, k2, x):
    h = torch.relu(F.conv2d(x, k1, stride=2, padding=2))
    return F.conv2d(h, k2, stride=2, padding=2).square().mean()


def batch_norm(x, scale, shift, target):
    return (torch.relu(F.batch_norm(x, None, None, scale, shift, training=True)) * target).mean()


def layer_norm(p, x):
    a = F.layer_norm(x, (x.shape[-1],), p["scale"], p["shift"])
    y = x + F.gelu(a @ p["w1"] + p["b1"], approximate="tanh") @ p["w2"] + p["b2"]
    return (y * y).mean()


def batched(a, b):
    return (torch.softmax(a @ b, -1) @ b.mT).square().mean()


def pairs(x, y, weights, width):
    squares = (x[:, None, :] - y[None, :, :]).square().sum(-1)
    return torch.tanh((torch.exp(-squares / (2 * width * width)) * weights).sum(1)).mean()


def reductions(x):
    centred = x - x.mean((0, 2), keepdim=True)
    spread = (centred * centred).mean((0, 2)).sqrt()
    tops = centred.amax(1)
    return spread.sum() + (tops * tops).mean() + torch.logsumexp(x, (0, 1)).sum() + torch.tanh(x.sum(1)).sum()


def predators(prey, hunters, rates):
    a, b, c, d = rates
    u, v = prey, hunters
    for _ in range(50):
        u, v = u + 0.02 * (a * u - b * u * v), v + 0.02 * (c * u * v - d * v)
    return ((u - 1).square() + v.square()).mean()


def vocabulary(h, w, labels):
    return F.cross_entropy(h @ w, labels)
