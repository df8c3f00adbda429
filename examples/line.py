"""Learning a line: first with one parameter, y = v*x, then with two, y = k*x + b.

One example, x=2 and y=5, from v=0: the loss (v*x - y)**2 is 25, its gradient -20, and with the learning rate 0.01 the
next v is 0.2; training ends at 2.5. Four points on y = 3*x - 1 give back k=3 and b=-1.
"""

import clew as cl


def one_parameter() -> tuple[float, float, float, float]:
    v = cl.variable(0.0, name="v")
    optimiser = cl.optim.SGD([v], lr=0.01)
    loss = cl.square(v * 2 - 5)
    loss.backward()
    gradient = v.grad.item()
    optimiser.step()
    first = v.item()
    while loss.item() > 1e-9:
        loss = cl.square(v * 2 - 5)
        loss.backward()
        optimiser.step()
    print(f"one parameter: gradient {gradient:g}, then v = {first:.4g}, at the end v = {v.item():.4f}")
    return gradient, first, v.item(), loss.item()


def two_parameters() -> tuple[float, float]:
    k, b = cl.variable(0.0, name="k"), cl.variable(0.0, name="b")
    x = cl.asarray([-1.0, 0.0, 1.0, 2.0])
    run = cl.train.fit(
        lambda x, y: cl.nn.mse_loss(k * x + b, y),
        (x, 3 * x - 1),
        cl.optim.SGD([k, b], lr=0.1),
        epochs=1000,
        stop=cl.train.GradientNorm(1e-5),
    )
    print(f"two parameters: y = {k.item():.4f} x {b.item():+.4f} after {run.epochs} epochs; {run.reason}")
    return k.item(), b.item()


if __name__ == "__main__":
    one_parameter()
    two_parameters()
