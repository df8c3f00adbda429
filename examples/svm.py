"""A linear support vector machine on six points, trained down to its convex optimum.

The objective is half the squared norm of w plus the sum of the hinge losses (C=1, the bias is free). Its optimum is
0.72147, with all six points on their right sides.
"""

import clew as cl

POINTS = [(1.2, 0.7), (-0.3, -0.5), (3.0, 0.1), (-0.1, -1.0), (-1.0, 1.1), (2.1, -3.0)]
LABELS = [1, -1, 1, -1, -1, 1]


def main(steps: int = 20_000) -> tuple[float, int]:
    x, y = cl.asarray(POINTS, dtype=cl.float64), cl.asarray(LABELS, dtype=cl.float64)
    w, b = cl.variable(cl.zeros(2, dtype=cl.float64), name="w"), cl.variable(cl.zeros((), dtype=cl.float64), name="b")

    def objective() -> cl.Tensor:
        return 0.5 * cl.sum(w * w) + cl.nn.hinge_loss(x @ w + b, y, reduction="sum")

    best = float("inf")
    for step in range(steps):  # the objective has kinks, so the steps have to shrink
        loss = objective()
        best = min(best, loss.item())
        loss.backward()
        for v in (w, b):
            v.assign(v - v.grad / (step + 1 if step > 10 else 10))
    right = int(cl.sum(cl.sign(x @ w + b) == y).item())
    print(f"objective {best:.5f}, {right} of {len(POINTS)} right, w = {w.tolist()}, b = {b.item():.4f}")
    return best, right


if __name__ == "__main__":
    main()
