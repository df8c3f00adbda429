"""``clew demo``: an expression with both of its passes, then a network that learns to read digits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, nn, optim, random, train
from ..draw import plot, save
from ..functions import argmax
from ..tensor import Tensor, no_grad
from ..variable import variable
from .arguments import OneLine

DESCRIPTION = """\
An expression becomes a graph and both passes run over it; then a network with one hidden layer learns to read the 1,797
handwritten digits that scikit-learn bundles, a third of them held out. Pictures are written to the folder OUT."""


def main(argv: list[str]) -> int:
    """Run the demonstration; see ``clew demo --help``."""
    parser = OneLine(prog="clew demo", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--out", default="out", metavar="OUT", help="the folder for the pictures (default: out)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training digits (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="what the split and the first weights follow from (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="no progress while training")
    options = parser.parse_args(argv)
    if options.epochs < 1:
        parser.error(f"--epochs {options.epochs}: at least one pass over the data is needed")
    examples, held_out = data.split(data.digits(), 1 / 3, options.seed)
    folder = Path(options.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out {folder}: {error.strerror}")
    pictures = expression(folder)
    network = Digits(options.seed)
    run = learn(network, examples, options.epochs, options.seed, not options.quiet)
    pictures += report(network, run, held_out, folder)
    print("\nPictures:")
    print("\n".join(f"  {path}" for path in pictures))
    return 0


def expression(folder: Path) -> list[Path]:
    """Show ``g = (x + y) * z``, and draw it."""
    x, y, z = variable(1.0, name="x"), variable(3.0, name="y"), variable(-3.0, name="z")
    g = ((x + y).named("p") * z).named("g")
    graph = g.graph()
    print("An expression, p = x + y and g = p * z, is a graph. Forward, each gate computes its value;")
    print("backward, each multiplies the gradient that comes back by its local gradient.\n")
    print(graph)
    paths = [folder / "expression.svg", folder / "expression.png"]
    for path in paths:
        graph.draw(path, title="g = (x + y) * z")
    return paths


class Digits(nn.Module):
    """64 pixels, 128 hidden units, 10 scores."""

    def __init__(self, seed: int = 0) -> None:
        random.seed(seed)
        self.hidden = nn.Linear(64, 128)
        self.output = nn.Linear(128, 10)

    def forward(self, images: Any) -> Tensor:
        return self.output(self.hidden(images).relu())  # type: ignore[no-any-return]

    def cost(self, images: Any, labels: Any) -> Tensor:
        """The cross-entropy of a batch."""
        return nn.cross_entropy(self(images), labels)

    def read(self, images: Any) -> Any:
        """The digits that score highest."""
        with no_grad():
            return argmax(self(images), axis=-1).numpy()


def learn(network: Digits, examples: tuple[Any, ...], epochs: int, seed: int, talk: bool = False) -> train.Training:
    """Train by stochastic gradient descent with momentum."""
    terminal = sys.stderr.isatty()
    if talk:
        print(f"\nA network of {sum(p.size for p in network.parameters()):,} weights learns from {len(examples[0]):,} digits:")

    def line(epoch: int, cost: float) -> None:
        if talk and not terminal and (epoch == 1 or epoch % 5 == 0):
            print(f"  epoch {epoch:3}   cost {cost:.4f}")

    optimiser = optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    return train.fit(
        network.cost,
        examples,
        optimiser,
        epochs=epochs,
        batch_size=32,
        seed=seed,
        progress=None if talk else False,
        each_epoch=line,
    )


def report(network: Digits, run: train.Training, held_out: tuple[Any, ...], folder: Path) -> list[Path]:
    """Say what was learned, and draw the network and the curve."""
    images, labels = held_out
    said = network.read(images)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, said), 1)
    print(f"  {run}\n")
    print("Held-out digits, row by row; columns are what the network read:\n")
    print("        " + "".join(f"{digit:5}" for digit in range(10)))
    for digit, row in enumerate(confusion):
        print(f"  {digit:4}  " + "".join(f"{count or '·':>5}" for count in row))
    right = int((said == labels).sum())
    print(f"\nTest accuracy: {100 * right / len(labels):.1f} % ({right} of {len(labels)} digits that it had never seen)")
    paths = [folder / name for name in ("network.svg", "network.png", "training.svg", "training.png")]
    graph = network.cost(images[:32], labels[:32]).graph("digits")
    curve = plot.curves({"mean cost": run.costs}, title="Learning to read digits", logarithmic=True)
    for path in paths[:2]:
        graph.draw(path, title="The digits network and its loss")
    for path in paths[2:]:
        save(curve, path)
    return paths
