"""Newton's method without a Hessian: conjugate gradients, and Hessian-vector products by ``hvp``.

Logistic regression on the bundled breast cancer data (569 examples, 30 features) with a quadratic penalty: a smooth convex
cost of 31 parameters. A Newton step solves H d = g. Conjugate gradients (Hestenes and Stiefel, 1952) need only products
H v, and ``hvp`` gives these for about twice the price of a gradient; no matrix is made. The gradient's norm falls from 1.4
to below 1e-12 in 8 steps, and its digits double at the end: that is quadratic convergence. Gradient descent with the best of
three step lengths is at 8e-3 after 300 steps.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import clew as cl


def problem():
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    signs = 2.0 * y - 1.0

    def cost(w):
        return cl.mean(cl.softplus(-signs * (x @ w))) + 0.005 * cl.sum(w * w)

    return cost, x.shape[1]


def conjugate_gradients(product, b, tolerance):
    """Solve A d = b, of a symmetric positive definite A that is known by its products: one ``while_loop``."""

    def step(state):
        d, r, p, squared, n = state
        ap = product(p)
        a = squared / (p @ ap)
        r = r - a * ap
        fresh = r @ r
        return d + a * p, r, r + fresh / squared * p, fresh, n + 1

    limit = tolerance**2 * (b @ b)
    first = (cl.zeros_like(b), b, b, b @ b, 0)
    d, *_, n = cl.while_loop(lambda state: (state[3] > limit) & (state[4] < 100), step, first)
    return d, n


def newton(cost, w, steps=10):
    norms = []
    gradient = cl.grad(cost)
    for _ in range(steps):
        g = gradient(w)
        norms.append(cl.norm(g).item())
        if norms[-1] < 1e-12:
            break
        d, products = conjugate_gradients(lambda v, w=w: cl.hvp(cost, (w,), (v,)), g, min(0.1, norms[-1]))
        w = w - d
        print(f"{len(norms)}: cost {cost(w).item():.12f}, gradient {norms[-1]:.1e}, {products.item()} products")
    return w, norms


def descent(cost, w, rate, steps=300):
    gradient = cl.grad(cost)
    for _ in range(steps):
        w = w - rate * gradient(w)
    return cl.norm(gradient(w)).item()


def main() -> tuple[list[float], float]:
    cost, size = problem()
    start = cl.asarray(np.zeros(size))
    _, norms = newton(cost, start)
    slow = min(descent(cost, start, rate) for rate in (0.05, 0.1, 0.15))
    print(f"Newton: gradient {norms[-1]:.1e} after {len(norms) - 1} steps; descent: {slow:.1e} after 300")
    return norms, slow


if __name__ == "__main__":
    main()
