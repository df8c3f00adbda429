"""The gradient of an expression: g = (x + y) * z, forward and backward.

At x=1, y=3, z=-3 the sum is p=4 and g=-12; dg/dx = dg/dy = dg/dp = -3 and dg/dz = 4. At x=-2, y=5, z=-4 the gradients
are -4, -4 and 3; a step of 0.01 along them takes g from -12 up to -11.5924.
"""

import clew as cl


def main() -> dict[str, float]:
    x, y, z = cl.variable(1.0, name="x"), cl.variable(3.0, name="y"), cl.variable(-3.0, name="z")
    p = (x + y).named("p")
    g = (p * z).named("g")
    g.backward()
    print(g.graph())
    print()
    print(g.graph().steps())
    found = {f"dg/d{t.name}": t.grad.item() for t in (x, y, z, p)}

    x, y, z = (cl.variable(number) for number in (-2.0, 5.0, -4.0))
    before = (x + y) * z
    before.backward()
    for v in (x, y, z):
        v.assign(v + 0.01 * v.grad)  # uphill
    after = (x + y) * z
    print(f"\na step of 0.01 along the gradient: g from {before.item():.4f} to {after.item():.4f}")
    return {**found, "g": g.item(), "before": before.item(), "after": after.item()}


if __name__ == "__main__":
    main()
