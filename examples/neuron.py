"""One sigmoid neuron, gate by gate and as one gate with a hand-made derivative: the same gradients.

With w0=2, x0=-1, w1=-3, x1=-2, w2=-3 its output is 0.7311; the gradients of w0, x0, w1, x1, w2 are -0.1966, 0.3932,
-0.3932, -0.5898, 0.1966.
"""

import clew as cl


@cl.gate
def sigmoid(x):
    s = 1 / (1 + cl.exp(-x))
    return s, lambda ds: ds * s * (1 - s)


def neuron(squash, w0, x0, w1, x1, w2):
    return squash(w0 * x0 + w1 * x1 + w2)


def main() -> dict[str, list[float]]:
    names = ("w0", "x0", "w1", "x1", "w2")
    results = {}
    for grain, squash in {"fine": lambda x: 1 / (1 + cl.exp(-x)), "one gate": sigmoid}.items():
        variables = [cl.variable(v, name=n) for v, n in zip((2.0, -1.0, -3.0, -2.0, -3.0), names, strict=True)]
        output = neuron(squash, *variables)
        output.backward()
        print(f"{grain}: {len(output.graph().nodes)} nodes\n{output.graph()}\n")
        results[grain] = [output.item(), *(v.grad.item() for v in variables)]
    print(cl.check_gate(sigmoid, 0.5))
    return results


if __name__ == "__main__":
    main()
