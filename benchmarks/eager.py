"""Eager scalar programs beside PyTorch: a chain of 200,000 operations, and one sigmoid neuron, each built and followed back.

Run it where both are installed: pip install "clew[oracle]". Calls are interleaved, so that both see the same machine;
figures are medians, and the ratio is the median of each round's.
"""

import time
from collections.abc import Callable
from statistics import median

import torch

import clew as cl

STEPS, WEIGHTS = 100_000, (2.0, -1.0, -3.0, -2.0, -3.0)


def clew_chain() -> None:
    y = cl.variable(1.0)
    for _ in range(STEPS):
        y = y * 0.9999 + 0.0001
    y.backward()


def torch_chain() -> None:
    y = torch.tensor(1.0, requires_grad=True)
    for _ in range(STEPS):
        y = y * 0.9999 + 0.0001
    y.backward()


def clew_neuron() -> None:
    w0, x0, w1, x1, w2 = [cl.variable(v) for v in WEIGHTS]
    (1 / (1 + cl.exp(-(w0 * x0 + w1 * x1 + w2)))).backward()


def torch_neuron() -> None:
    w0, x0, w1, x1, w2 = [torch.tensor(v, requires_grad=True) for v in WEIGHTS]
    (1 / (1 + torch.exp(-(w0 * x0 + w1 * x1 + w2)))).backward()


def seconds(f: Callable[[], None], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        f()
    return (time.perf_counter() - start) / calls


def compare(name: str, ours: Callable[[], None], theirs: Callable[[], None], rounds: int, calls: int) -> None:
    ours(), theirs()
    times = [(seconds(ours, calls), seconds(theirs, calls)) for _ in range(rounds)]
    mine, other = (median(column) for column in zip(*times, strict=True))
    ratio = median(a / b for a, b in times)
    print(f"{name:24} clew {mine * 1e6:12,.1f} us   torch {other * 1e6:12,.1f} us   clew/torch {ratio:.2f}")


if __name__ == "__main__":
    torch.set_num_threads(2)
    compare("neuron", clew_neuron, torch_neuron, rounds=60, calls=100)
    compare(f"chain of {2 * STEPS:,}", clew_chain, torch_chain, rounds=5, calls=1)
