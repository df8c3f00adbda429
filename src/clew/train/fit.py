"""The training loop: forward, cost, backward, update, until a criterion holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ..data.batches import batches, count
from ..errors import UsageError
from ..optim import Optimiser
from ..tensor import Tensor
from .progress import Progress
from .stopping import Criterion, State, criteria


@dataclass(frozen=True)
class Training:
    """What a training run was."""

    costs: tuple[float, ...]  # the mean cost of each epoch, while it ran
    reason: str  # why it stopped
    seconds: float

    @property
    def epochs(self) -> int:
        """How many passes over the data were finished."""
        return len(self.costs)

    def __str__(self) -> str:
        cost = f", cost {self.costs[0]:.4g} to {self.costs[-1]:.4g}" if self.costs else ""
        return f"{self.epochs} epochs in {self.seconds:.1f} s{cost}; stopped because {self.reason}"


def fit(
    cost: Callable[..., Tensor],
    data: Any,
    optimiser: Optimiser,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    stop: Criterion | Sequence[Criterion] = (),
    shuffle: bool = True,
    seed: int = 0,
    progress: bool | None = None,
    each_epoch: Callable[[int, float], None] | None = None,
) -> Training:
    """Train: for each mini-batch compute the cost, follow it back, and let the optimiser update its parameters.

    ``cost(*batch)`` is the mean cost of a batch's examples, a scalar. ``data`` is an array, or a tuple of arrays, with
    the examples along axis 0; ``batch_size`` None takes all of them at once. Training ends when a criterion of ``stop``
    holds, after ``epochs``, when the cost is no longer finite, or with Ctrl-C, which keeps what was learned so far.
    ``progress`` None shows a bar on a terminal and nothing in logs. ``each_epoch(epoch, cost)`` is called after each.

    >>> import clew as cl
    >>> v = cl.variable(0.0, name="v")
    >>> run = cl.train.fit(
    ...     lambda x, y: cl.nn.mse_loss(v * x, y), ([2.0], [5.0]), cl.optim.SGD([v], lr=0.01), stop=cl.train.TargetCost(1e-10)
    ... )
    >>> round(v.item(), 3)
    2.5
    """
    arrays = tuple(np.asarray(a) for a in data) if isinstance(data, tuple | list) else (np.asarray(data),)
    examples = count(arrays)
    in_force = criteria(epochs, stop if isinstance(stop, Criterion) else list(stop))
    rng = np.random.default_rng(seed)
    started, costs, reason = time.monotonic(), [], None
    with Progress(progress, epochs) as bar:
        try:
            while reason is None:
                total = 0.0
                for batch in batches(arrays, batch_size or examples, rng if shuffle else None):
                    total += _step(cost, batch, optimiser) * len(batch[0])
                costs.append(total / examples)
                state = State(len(costs), tuple(costs), gradient_norm(optimiser), started)
                reason = next((why for criterion in in_force if (why := criterion.reason(state))), None)
                bar.show(len(costs), costs[-1])
                if each_epoch is not None:
                    each_epoch(len(costs), costs[-1])
        except KeyboardInterrupt:
            reason = "it was interrupted"
    return Training(tuple(costs), reason or "", time.monotonic() - started)


def _step(cost: Callable[..., Any], batch: tuple[Any, ...], optimiser: Optimiser) -> float:
    loss = cost(*batch)
    if not isinstance(loss, Tensor) or loss.shape:
        raise UsageError(f"fit: the cost must be a scalar tensor, the mean over a batch; got {loss!r:.80}")
    loss.backward()
    optimiser.step()
    return float(loss.item())


def gradient_norm(optimiser: Optimiser) -> float:
    """The 2-norm of all the gradients that the optimiser's parameters have."""
    gradients = [p.grad for p in optimiser.parameters]
    return sqrt(sum(float(np.sum(np.square(g.numpy(), dtype=np.float64))) for g in gradients if g is not None))
