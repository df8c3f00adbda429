"""Draw the pictures of the README: ``python docs/images/draw.py``."""

from pathlib import Path

import clew as cl

HERE = Path(__file__).parent


def neuron() -> cl.Tensor:
    """The sigmoid neuron of the tutorial."""
    start = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    w0, x0, w1, x1, w2 = (cl.variable(value, name=name) for name, value in start.items())
    return cl.sigmoid(w0 * x0 + w1 * x1 + w2)


if __name__ == "__main__":
    neuron().graph().draw(HERE / "neuron.svg")
