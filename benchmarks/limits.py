"""What no program can be faster than on a machine: what a row needs over what the machine can do at most.

``python -m benchmarks.limits [bench.json] [--into docs/performance.md]`` prints the table of that page, or puts it there,
with what was measured. Operations are multiplications and additions of contractions, three products for each one of the
value (that, and both gradients), and ELEMENTARY for every exp, tanh and the like. Bytes are those that a step must read
and write at least: parameters, optimiser state, data, and gradients that are results; nothing that is kept in between.
"""

from __future__ import annotations

import argparse
import json
import sys
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from .machine import Ceiling, ceiling
from .rows import ROWS
from .table import show
from .work import Row, Work

ELEMENTARY = 20  # operations of a polynomial that gives exp or tanh
CACHE = 16 << 20  # bytes that stay in caches from step to step
STATE = {"sgd": 2, "adam": 6, None: 2}  # how often each parameter's size is moved: read, written, and so are its moments
MARKS = "<!-- the table begins -->", "<!-- the table ends -->"


def operations(row: Row, work: Work) -> float:
    """Floating-point operations of a step."""
    p, data = work.parameters, work.data
    counts = {
        "neuron": lambda: 2 * ELEMENTARY,
        "elementwise": lambda: 3 * ELEMENTARY * p["x"].size,
        "moons": lambda: dense(p, len(data[0])),
        "mlp": lambda: dense(p, len(data[0])),
        "cnn": lambda: cnn(p, data[0].shape),
        "lstm": lambda: recurrent(p, data[0].shape),
        "gru": lambda: recurrent(p, data[0].shape),
        "gpt": lambda: gpt(p, data[0].shape),
        "gmm": lambda: (
            3 * len(data[0]) * p["means"].size * (p["means"].shape[1] + 1) + 2 * ELEMENTARY * len(data[0]) * len(p["means"])
        ),
        "transposed": lambda: 6 * prod(p["a"].shape) * len(p["b"]) // 2,
        "strided_convolution": lambda: strided(p, data[0].shape),
        "batch_norm": lambda: 20 * p["x"].size,
        "layer_norm": lambda: dense(p, len(data[0])) + 2 * ELEMENTARY * len(data[0]) * p["w1"].shape[1],
        "batched": lambda: 12 * prod(p["a"].shape) * p["b"].shape[2],
        "pairs": lambda: len(p["x"]) * len(p["y"]) * (8 * p["x"].shape[1] + ELEMENTARY),
        "reductions": lambda: 2 * ELEMENTARY * p["x"].size,
        "predators": lambda: 50 * 40 * p["prey"].size,
        "vocabulary": lambda: 6 * prod(p["h"].shape) * p["w"].shape[1] + 2 * ELEMENTARY * len(p["h"]) * p["w"].shape[1],
    }
    return counts[row.function]()


def dense(p: dict[str, np.ndarray], rows: int) -> int:
    """Layers one after the other; the first one's input needs no gradient."""
    weights = [a.size for a in p.values() if a.ndim == 2]
    return 2 * rows * (3 * sum(weights) - weights[0])


def cnn(p: dict[str, np.ndarray], x: tuple[int, ...]) -> int:
    batch, places = x[0], x[2] * x[3]
    return 2 * batch * (2 * places * p["k1"].size + 3 * places // 4 * p["k2"].size + 3 * p["w"].size)


def strided(p: dict[str, np.ndarray], x: tuple[int, ...]) -> int:
    first = -(-x[2] // 2)
    second = -(-first // 2)
    return 2 * x[0] * (2 * first**2 * p["k1"].size + 3 * second**2 * p["k2"].size)


def recurrent(p: dict[str, np.ndarray], x: tuple[int, ...]) -> int:
    steps, batch, _ = x
    gates = 5 * ELEMENTARY * steps * batch * p["u"].shape[0]
    return 2 * batch * (2 * steps * p["w"].size + 3 * steps * p["u"].size + 3 * p["head"].size) + gates


def gpt(p: dict[str, np.ndarray], ids: tuple[int, ...]) -> int:
    """Matrices at each token, and attention, of which the half below the diagonal is needed."""
    tokens, length = prod(ids), ids[1]
    matrices = sum(a.size for name, a in p.items() if a.ndim == 2 and name not in ("wte", "wpe"))
    layers = sum(name.startswith("qkvb") for name in p)
    width = p["wpe"].shape[1]
    return 6 * tokens * (matrices + layers * length * width)


def moved(work: Work) -> int:
    """Bytes of a step."""
    data = sum(a.nbytes for a in work.data)
    return STATE[work.optimiser] * sum(a.nbytes for a in work.parameters.values()) + data


def limit(row: Row, machine: Ceiling) -> dict[str, float]:
    """Seconds that arithmetic and that bytes take at least."""
    work = row.work()
    amount = moved(work)
    rate = machine.caches if amount < CACHE else machine.memory
    count = operations(row, work)
    return {
        "operations": count,
        "bytes": amount,
        "arithmetic": count / (machine.double if work.double else machine.single),
        "traffic": amount / rate,
    }


def table(machine: Ceiling, measured: dict[str, dict[str, Any]]) -> str:
    """For each row its limit, and what was measured where it was."""
    single, double, memory, caches = (x / 1e9 for x in (machine.single, machine.double, machine.memory, machine.caches))
    lines = [
        f"All cores at most: {single:.0f} GFLOP/s in f32, {double:.0f} in f64; copies at {memory:.0f} GB/s from memory,",
        f"at {caches:.0f} GB/s from the cores' caches.",
        "",
        "| row | MFLOP | MB | arithmetic, us | bytes, us | limit, us | best peer, us | clew, us | of the limit |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in ROWS:
        needs, found = limit(row, machine), measured.get(row.name, {"us": {}, "best": None})
        arithmetic, traffic = needs["arithmetic"] * 1e6, needs["traffic"] * 1e6
        least = max(arithmetic, traffic)
        ours, best = (found["us"].get(peer, {}).get("median") for peer in ("clew", found["best"]))
        numbers = [needs["operations"] / 1e6, needs["bytes"] / 1e6, arithmetic, traffic, least, best]
        cells = [*map(show, [*numbers, ours]), f"{least / ours:.0%}" if ours else "-"]
        lines.append(f"| {' | '.join([row.name, *cells])} |")
    return "\n".join(lines)


def main(given: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("measured", type=Path, nargs="?", help="what benchmarks.compiled wrote with --json")
    parser.add_argument("--into", type=Path, help="a page to put the table into, between its marks")
    options = parser.parse_args(given)
    results = json.loads(options.measured.read_text(encoding="utf-8"))["rows"] if options.measured else []
    text = table(ceiling(), {result["row"]: result for result in results})
    if options.into:
        page = options.into.read_text(encoding="utf-8")
        before, after = page.partition(MARKS[0])[0], page.partition(MARKS[1])[2]
        options.into.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
