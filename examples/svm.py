"""A linear support vector machine on six points, trained down to its convex optimum.

The objective is half the squared norm of w plus the sum of the hinge losses (C=1, the bias is free). Its optimum is
0.72147, at w = (1.1672, 0.2839) and b = -0.5994, with all six points on their right sides.
"""

import numpy as np

import clew as cl

POINTS = np.array([(1.2, 0.7), (-0.3, -0.5), (3.0, 0.1), (-0.1, -1.0), (-1.0, 1.1), (2.1, -3.0)])
LABELS = np.array([1, -1, 1, -1, -1, 1])


def main() -> tuple[float, int, list[float]]:
    w, b = cl.variable(np.zeros(2), name="w"), cl.variable(np.float64(0), name="b")
    optimiser = cl.optim.SGD([w, b], lr=0.1)

    def objective(x, y):
        return 0.5 * cl.sum(w * w) + cl.nn.hinge_loss(x @ w + b, y, reduction="sum")

    def shorter_steps(epoch, cost):
        optimiser.lr *= 0.99  # the optimum lies on kinks of the hinges: steps of one length would hop about it for ever

    cl.train.fit(objective, (POINTS, LABELS), optimiser, epochs=1400, each_epoch=shorter_steps)
    reached = objective(POINTS, LABELS).item()
    right = int(cl.sum(cl.sign(POINTS @ w + b) == LABELS).item())
    print(f"objective {reached:.5f}, {right} of {len(LABELS)} right")
    print(f"w = ({w[0].item():.4f}, {w[1].item():.4f}), b = {b.item():.4f}")
    return reached, right, [*w.tolist(), b.item()]


if __name__ == "__main__":
    main()
