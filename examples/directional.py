"""The derivative in a direction, and the gradient as the direction of steepest ascent.

f(x, y) = x**2 * y + sin(y) at (1, 2): its gradient is (4, 1 + cos 2), and the derivative along a unit direction u is the dot
product of the two. Of 360 directions all around, the one along which f rises most is the gradient's, within half a degree.
"""

from math import atan2, cos, degrees, radians, sin

import clew as cl


def f(point):
    x, y = point[0], point[1]
    return x**2 * y + cl.sin(y)


def main() -> tuple[list[float], float, int]:
    point = cl.asarray([1.0, 2.0], dtype=cl.float64)
    gradient = cl.grad(f)(point)

    def slope(angle: float) -> float:
        direction = cl.asarray([cos(radians(angle)), sin(radians(angle))], dtype=cl.float64)
        return cl.jvp(f, (point,), (direction,))[1].item()

    steepest = max(range(360), key=slope)
    along = degrees(atan2(gradient[1].item(), gradient[0].item()))
    print(f"gradient {gradient.tolist()}, of length {cl.norm(gradient).item():.4f}, at {along:.1f} degrees")
    print(f"the steepest of 360 directions is at {steepest} degrees, with slope {slope(steepest):.4f}")
    return gradient.tolist(), along, steepest


if __name__ == "__main__":
    main()
