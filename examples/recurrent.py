"""A recurrent network: backpropagation through time is nothing but the unrolled graph with shared weights.

The network reads bits one by one and says, after each, whether their number so far is odd. The same three weights are used at
every step, so the gradient of each is the sum of what comes back from all the steps; the example checks that sum. Trained on
sequences of 6 bits it gets all 64 of them right.
"""

from itertools import product

import clew as cl


class Parity(cl.nn.Module):
    def __init__(self, hidden: int = 8) -> None:
        self.input = cl.nn.Linear(1, hidden)
        self.recurrent = cl.nn.Linear(hidden, hidden, bias=False)
        self.output = cl.nn.Linear(hidden, 1)

    def forward(self, bits):
        h = cl.zeros((bits.shape[0], self.recurrent.in_features))
        scores = []
        for t in range(bits.shape[1]):
            h = cl.tanh(self.input(bits[:, t : t + 1]) + self.recurrent(h))
            scores.append(self.output(h))
        return cl.concat(scores, axis=1)


def shared_weight_gradient() -> tuple[float, list[float]]:
    """d(w*(w*(w*x))) for one w, and for three of the same value: the three gradients add up to the one."""
    w = cl.variable(1.5, name="w")
    (w * (w * (w * 2.0))).backward()
    parts = [cl.variable(1.5, name=f"w{t}") for t in range(3)]
    (parts[2] * (parts[1] * (parts[0] * 2.0))).backward()
    return w.grad.item(), [part.grad.item() for part in parts]


def main(epochs: int = 400) -> float:
    whole, parts = shared_weight_gradient()
    print(f"one shared weight: {whole:g} = {' + '.join(f'{part:g}' for part in parts)}")
    cl.random.seed(3)
    bits = cl.asarray([list(sequence) for sequence in product((0.0, 1.0), repeat=6)])
    odd = cl.remainder(cl.cumulative_sum(bits, axis=1), 2)
    model = Parity()
    run = cl.train.fit(
        lambda x, y: cl.nn.hinge_loss(model(x), 2 * y - 1),
        (bits, odd),
        cl.optim.SGD(model.parameters(), lr=0.2, momentum=0.9),
        epochs=epochs,
        batch_size=16,
        stop=cl.train.TargetCost(0.001),
    )
    with cl.no_grad():
        right = float(((model(bits) > 0) == (odd > 0)).astype(cl.float32).mean())
    print(f"{run}\n{100 * right:.1f} % of the answers are right")
    return right


if __name__ == "__main__":
    main()
