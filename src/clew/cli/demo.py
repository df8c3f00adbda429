"""``clew demo``: an expression with both of its passes, then a network that learns to read digits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, nn, optim, random, train
from ..draw import plot, save
from ..functions import argmax, asarray
from ..tensor import Tensor, no_grad
from ..variable import variable
from .arguments import OneLine

DESCRIPTION = """\
An expression becomes a graph and both passes run over it; then a network with one hidden layer learns to read the 1,797
handwritten digits that scikit-learn bundles, a third of them held out. Pictures are written to the folder OUT."""

INTRODUCTION = """\
An expression is a graph; here p = x + y and g = p * z. Forward, each gate computes its value. Backward, each gate
multiplies the gradient that comes back to it by its local gradients, and passes the products on to its inputs.
"""


def main(argv: list[str]) -> int:
    """Run the demonstration; see ``clew demo --help``."""
    parser = OneLine(prog="clew demo", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--out", default="out", metavar="OUT", help="the folder for the pictures (default: out)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training digits (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="what the split and the first weights follow from (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="no progress while training")
    options = parser.parse_args(argv)
    if options.epochs < 1:
        parser.error(f"--epochs {options.epochs}: at least one pass over the digits is needed")
    images, labels = data.digits()
    examples, held_out = data.split((images, labels), 1 / 3, options.seed, stratify=labels)
    folder = Path(options.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out {folder}: {error.strerror}")
    pictures = expression(folder)
    network = Digits(options.seed)
    learning = Learning(network, examples, held_out, not options.quiet)
    learning.run(options.epochs, options.seed)
    report(network, held_out)
    pictures += draw(network, learning, held_out, folder)
    print("\nPictures:")
    print("\n".join(f"  {path}" for path in pictures))
    return 0


def expression(folder: Path) -> list[Path]:
    """Show ``g = (x + y) * z``, and draw it."""
    x, y, z = variable(1.0, name="x"), variable(3.0, name="y"), variable(-3.0, name="z")
    g = ((x + y).named("p") * z).named("g")
    graph = g.graph()
    print(INTRODUCTION)
    print(graph)
    return written(graph.draw(title="g = (x + y) * z"), folder / "expression")


def written(picture: str, path: Path) -> list[Path]:
    """The picture as SVG and as PNG."""
    return [save(picture, path.with_suffix(suffix)) for suffix in (".svg", ".png")]


class Digits(nn.Module):
    """64 pixels, 128 hidden units, 10 scores."""

    def __init__(self, seed: int = 0) -> None:
        random.seed(seed)
        self.hidden = nn.Linear(64, 128)
        self.output = nn.Linear(128, 10)

    def forward(self, images: Any) -> Tensor:
        hidden: Tensor = self.hidden(images)
        return self.output(hidden.relu()).named("scores")  # type: ignore[no-any-return]

    def cost(self, images: Any, labels: Any) -> Tensor:
        """The cross-entropy of a batch."""
        return nn.cross_entropy(self(images), labels)

    def read(self, images: Any) -> Any:
        """The digits that score highest."""
        with no_grad():
            return argmax(self(images), axis=-1).numpy()


class Learning:
    """Trains a network by stochastic gradient descent with momentum, and keeps the cost after each epoch."""

    def __init__(self, network: Digits, examples: Any, held_out: Any, talk: bool = False) -> None:
        self.network, self.examples, self.held_out, self.talk = network, examples, held_out, talk
        self.costs: dict[str, list[float]] = {"digits it learns from": [], "held-out digits": []}

    def run(self, epochs: int, seed: int = 0) -> train.Training:
        weights = self.network.parameters()
        print(f"\nA network of {sum(p.size for p in weights):,} weights learns from {len(self.examples[0]):,} digits.")
        self.measure()
        run = train.fit(
            self.network.cost,
            self.examples,
            optim.SGD(weights, lr=0.1, momentum=0.9),
            epochs=epochs,
            batch_size=32,
            seed=seed,
            progress=None if self.talk else False,
            each_epoch=self.after,
        )
        print(run)
        return run

    def measure(self) -> None:
        with no_grad():
            for costs, part in zip(self.costs.values(), (self.examples, self.held_out), strict=True):
                costs.append(self.network.cost(*part).item())

    def after(self, epoch: int, cost: float) -> None:
        """In a log, a line for every few epochs; on a terminal there is a bar."""
        self.measure()
        if self.talk and not sys.stderr.isatty() and (epoch == 1 or epoch % 5 == 0):
            print(f"  epoch {epoch:3}   cost {cost:.4f}   of held-out digits {self.costs['held-out digits'][-1]:.4f}")


def report(network: Digits, held_out: Any) -> None:
    """What the network reads in digits that it has never seen."""
    images, labels = held_out
    said = network.read(images)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, said), 1)
    print("\nHeld-out digits: a row for each digit, a column for what the network read in it\n")
    print("      " + "".join(f"{digit:5}" for digit in range(10)) + "\n")
    for digit, row in enumerate(confusion):
        print(f"{digit:4}  " + "".join(f"{count or '·':>5}" for count in row))
    right = int((said == labels).sum())
    print(f"\nTest accuracy: {100 * right / len(labels):.1f} % ({right} of {len(labels)} digits that it had never seen)")


def draw(network: Digits, learning: Learning, held_out: Any, folder: Path) -> list[Path]:
    """The graph of the network for a few digits, and how the cost went down."""
    images, labels = (asarray(part[:32]).named(name) for part, name in zip(held_out, ("images", "labels"), strict=True))
    graph = network.cost(images, labels).named("cost").graph("digits")
    curves = plot.curves(learning.costs, title="Learning to read digits", logarithmic=True)
    return [
        *written(graph.draw(title="The digits network and its cost"), folder / "network"),
        *written(curves, folder / "training"),
    ]
