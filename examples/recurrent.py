"""A recurrent network: backpropagation through time is nothing but the unrolled graph with shared weights.

The network reads bits one by one and says, after each, whether there were an odd number of ones so far. At every step it
uses the same weights, so their gradient is the sum of what comes back from each step: the gradients of six copies, one for
each step, add up to it. Trained on the 64 sequences of 6 bits it gets every answer right.
"""

from itertools import product

import numpy as np

import clew as cl


class Parity(cl.nn.Module):
    def __init__(self, hidden: int = 8) -> None:
        self.input = cl.nn.Linear(1, hidden)
        self.recurrent = cl.variable(cl.random.uniform(-0.35, 0.35, (hidden, hidden)))
        self.output = cl.nn.Linear(hidden, 1)

    def forward(self, bits, copies=None):
        """The scores (N, T) of bits (N, T). ``copies`` are recurrent weights of each step's own, to look at."""
        h = cl.zeros((bits.shape[0], len(self.recurrent)))
        scores = []
        for t in range(bits.shape[1]):
            w = self.recurrent if copies is None else copies[t]
            h = cl.tanh(self.input(bits[:, t : t + 1]) + h @ w)
            scores.append(self.output(h))
        return cl.concat(scores, axis=1)


def main() -> tuple[float, float]:
    cl.random.seed(3)
    bits = cl.asarray(list(product((0.0, 1.0), repeat=6)))
    signs = 2 * cl.remainder(cl.cumulative_sum(bits, axis=1), 2) - 1
    model = Parity()

    def cost(x, y, copies=None):
        return cl.nn.hinge_loss(model(x, copies), y)

    copies = [cl.variable(model.recurrent) for _ in range(6)]
    cost(bits[-1:], signs[-1:]).backward()
    cost(bits[-1:], signs[-1:], copies).backward()
    shared, parts = model.recurrent.grad.numpy(), [w.grad.numpy() for w in copies]
    difference = float(np.abs(shared - sum(parts)).max())
    print(f"gradient of the shared weights: norm {np.linalg.norm(shared):.4f}")
    print("gradients of each step's copy:  norm", ", ".join(f"{np.linalg.norm(part):.4f}" for part in parts))
    print(f"the copies' gradients add up to it within {difference:.0e}")

    optimiser = cl.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    run = cl.train.fit(cost, (bits, signs), optimiser, epochs=400, batch_size=16, stop=cl.train.TargetCost(0.001))
    with cl.no_grad():
        right = float(cl.mean((model(bits) * signs > 0).astype(cl.float32)))
    print(f"{run}\n{100 * right:.1f} % of the answers are right")
    return difference, right


if __name__ == "__main__":
    main()
