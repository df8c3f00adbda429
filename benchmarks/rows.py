"""The rows: those that the issue of the compiler sets bounds for, and others, that nothing may be slow beside them."""

from __future__ import annotations

import numpy as np

from . import data
from .work import Row

LSTM = {"gates": 4, "steps": 50, "batch": 32, "features": 64, "hidden": 128}
SMALL_LSTM = {"steps": 3, "batch": 2, "features": 3, "hidden": 4, "classes": 3}
SLOW = ("pytensor",)  # it takes exp and tanh of one element after the other: 40 times the others' time
SMALL_MLP = {"batch": 3, "features": 5, "hidden": 4, "classes": 3}

BOUNDED = [
    Row("neuron", "neuron", data.neuron, at_most=5, issue=13),
    Row("moons", "moons", data.moons, small={"n": 7, "hidden": 3}, at_most=10, issue=19),
    Row("elementwise 1e3", "elementwise", data.elementwise, {"n": 1_000}, {"n": 5}, at_most=5, issue=67),
    Row("elementwise 1e6", "elementwise", data.elementwise, {"n": 1_000_000}, {"n": 5}, 1 / 2, issue=2_160, without=SLOW),
    Row("elementwise 1e7", "elementwise", data.elementwise, {"n": 10_000_000}, {"n": 5}, 1 / 2, issue=47_000, without=SLOW),
    Row("mlp sgd 32", "mlp", data.mlp, {"batch": 32}, SMALL_MLP, share=1 / 2, issue=257),
    Row("mlp adam 32", "mlp", data.mlp, {"batch": 32, "optimiser": "adam", "rate": 1e-3}, SMALL_MLP, share=1 / 3, issue=597),
    Row("mlp sgd 256", "mlp", data.mlp, {"batch": 256}, SMALL_MLP, share=0.6, issue=908),
    Row("mlp adam 256", "mlp", data.mlp, {"batch": 256, "optimiser": "adam", "rate": 1e-3}, SMALL_MLP, share=0.6, issue=1_201),
    Row("cnn 64", "cnn", data.cnn, {"batch": 64}, {"batch": 2, "size": 8, "channels": (2, 3)}, share=0.6, issue=7_300),
    Row("lstm", "lstm", data.recurrent, LSTM, SMALL_LSTM, share=1, issue=6_600),
    Row("gpt", "gpt", data.gpt, small={"layers": 2, "width": 8, "length": 5, "batch": 2}, share=0.7, issue=46_700),
    Row("gmm", "gmm", data.gmm, small={"n": 7, "d": 3, "k": 4}, share=1 / 4, issue=24_900),
]

OTHERS = [
    Row("odd mlp 37x53x41", "mlp", data.mlp, {"batch": 37, "features": 53, "hidden": 41, "classes": 7}, SMALL_MLP),
    Row("mlp f64", "mlp", data.mlp, {"batch": 64, "dtype": np.float64}, SMALL_MLP),
    Row("transposed product", "transposed", data.transposed, {"n": 300, "m": 170, "k": 230}, {"n": 3, "m": 4, "k": 5}),
    Row(
        "conv 5x5 stride 2",
        "strided_convolution",
        data.strided_convolution,
        {"batch": 16, "size": 33, "channels": (3, 16, 32)},
        {"batch": 2, "size": 7, "channels": (2, 3, 2)},
    ),
    Row(
        "batch norm",
        "batch_norm",
        data.batch_norm,
        {"batch": 32, "channels": 30, "size": 15},
        {"batch": 2, "channels": 3, "size": 3},
    ),
    Row("gru", "gru", data.recurrent, {"gates": 3, "steps": 40, "batch": 16, "features": 48, "hidden": 96}, SMALL_LSTM),
    Row("layer norm block", "layer_norm", data.layer_norm, {"rows": 250, "width": 200}, {"rows": 3, "width": 5}),
    Row(
        "batched products",
        "batched",
        data.batched,
        {"batch": 48, "n": 65, "m": 57, "k": 33},
        {"batch": 2, "n": 3, "m": 4, "k": 5},
    ),
    Row("pairs", "pairs", data.pairs, {"n": 500, "m": 300, "d": 7}, {"n": 4, "m": 3, "d": 2}),
    Row("reductions", "reductions", data.reductions, {"a": 37, "b": 65, "c": 129}, {"a": 3, "b": 4, "c": 5}),
    # torch.compile takes minutes for a loop of 50 steps written out, and is left out there.
    Row("predators", "predators", data.predators, {"n": 10_000}, {"n": 3}, without=("compile",)),
    Row(
        "vocabulary",
        "vocabulary",
        data.vocabulary,
        {"rows": 256, "width": 128, "words": 20_000},
        {"rows": 3, "width": 4, "words": 6},
    ),
]

ROWS = [*BOUNDED, *OTHERS]
