"""The scalar and small rows in PyTensor; it has no function for the others."""

from __future__ import annotations

import pytensor.tensor as pt


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + pt.exp(-(w0 * x0 + w1 * x1 + w2)))


def elementwise(x):
    return (pt.sigmoid(1.5 * x + 0.5) * pt.tanh(x) + pt.exp(-x * x)).sum()


def moons(p, x, y):
    h = pt.maximum(pt.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"], 0)
    margin = 1 - y * (h @ p["w3"] + p["b3"])
    return pt.maximum(margin, 0).mean() + 1e-4 * sum((a * a).sum() for a in p.values())
