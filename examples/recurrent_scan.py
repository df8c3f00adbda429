"""Backpropagation through time by a loop: ``scan`` is the unrolled graph, in one node.

The network of ``recurrent.py``, on 64 sequences of 12 bits. Written out, the graph of its cost has 111 nodes, and grows with
the sequence; as a scan it has 18, whatever the length. Cost and gradients are the same to rounding. On its way forward the
scan saves nothing but what its way back reads and could not have otherwise: the hidden states are there anyway, since the
network reads them, so it saves 0 bytes; where only the last one is read it saves 12 states, 24,576 bytes.
"""

from itertools import product

import numpy as np

import clew as cl

STEPS, HIDDEN = 12, 8


def weights():
    def draw(*shape):
        return cl.random.uniform(-0.5, 0.5, shape)

    return {"in": draw(1, HIDDEN), "again": draw(HIDDEN, HIDDEN), "bias": draw(HIDDEN), "out": draw(HIDDEN, 1)}


def scores(w, bits, unroll):
    """The hidden states of all steps ``(T, N, H)``, read by the output layer. ``bits`` is (T, N, 1)."""

    def step(h, x):
        h = cl.tanh(x @ w["in"] + h @ w["again"] + w["bias"])
        return h, h

    _, states = cl.scan(step, cl.zeros((bits.shape[1], HIDDEN)), bits, unroll=unroll)
    return states @ w["out"]


def saved(loss) -> int:
    """The bytes that the loops behind a loss saved for their way back."""
    return sum(kept.nbytes for kept in cl.what_is_kept(loss).kept if "saves" in kept.title)


def main() -> dict[str, float]:
    cl.random.seed(1)
    sequences = cl.asarray(list(product((0.0, 1.0), repeat=6)))
    bits = cl.concat([sequences, cl.flip(sequences, axis=1)], axis=1)  # 64 of 12
    odd = cl.remainder(cl.cumulative_sum(bits, axis=1), 2)
    rows, signs = bits.T[:, :, None], (2 * odd - 1).T[:, :, None]
    w = weights()

    def cost(w, unroll=1):
        return cl.nn.hinge_loss(scores(w, rows, unroll), signs)

    nodes = [len(cl.trace(lambda w, unroll=unroll: cost(w, unroll))(w).nodes) for unroll in (1, True)]
    (loop, by_loop), (written, by_hand) = (cl.value_and_grad(cost)(w, unroll) for unroll in (1, True))
    difference = max(float(np.abs(by_loop[k].numpy() - by_hand[k].numpy()).max()) for k in w)
    print(f"nodes: {nodes[1]} written out, {nodes[0]} with a scan; costs {written.item():.6f} and {loop.item():.6f}")
    print(f"the largest difference of a gradient: {difference:.0e}")

    tracked = {name: cl.variable(x, name=name) for name, x in w.items()}

    def last_only(w):
        def step(h, x):
            return cl.tanh(x @ w["in"] + h @ w["again"] + w["bias"]), None

        return cl.sum(cl.scan(step, cl.zeros((64, HIDDEN)), rows)[0])

    everything, last = saved(cost(tracked)), saved(last_only(tracked))
    print(f"saved by the scan: {everything} bytes where all states are read, {last:,} where only the last is")
    found = {"nodes": nodes[0], "nodes written out": nodes[1], "difference": difference}
    return {**found, "saved": everything, "saved, last only": last}


if __name__ == "__main__":
    main()
