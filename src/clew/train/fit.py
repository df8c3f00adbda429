"""The training loop: forward, cost, backward, update, until a criterion holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np

from .. import random
from ..data.batches import arrays_of, batches
from ..errors import UsageError
from ..functions import asarray
from ..optim import Optimiser
from ..tensor import Tensor
from .progress import Progress
from .stopping import Criterion, State, criteria


@dataclass(frozen=True)
class Training:
    """What a training run was."""

    costs: tuple[float, ...]  # the mean cost of the examples in each epoch, while it ran
    reason: str  # why it stopped
    seconds: float

    @property
    def epochs(self) -> int:
        """How many passes over the data were finished."""
        return len(self.costs)

    def __str__(self) -> str:
        cost = f", cost {self.costs[0]:.4g} to {self.costs[-1]:.4g}" if self.costs else ""
        epochs = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        return f"{epochs} in {self.seconds:.1f} s{cost}; stopped because {self.reason}"


class _Stop(Exception):
    """Training cannot go on, for this reason."""


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
    the examples along axis 0; ``batch_size`` None takes all of them at once. ``shuffle`` puts them into another order in
    each epoch, which follows from ``seed``.

    Training ends when a criterion of ``stop`` holds, after ``epochs``, or with Ctrl-C, which keeps what was learned so
    far. It also ends when the cost of a batch or a gradient is not finite: then the parameters stay as they were before.
    ``progress`` None shows a bar on a terminal and nothing in logs. ``each_epoch(epoch, cost)`` is called after each.

    >>> import clew as cl
    >>> v = cl.variable(0.0, name="v")
    >>> run = cl.train.fit(
    ...     lambda x, y: cl.nn.mse_loss(v * x, y), ([2.0], [5.0]), cl.optim.SGD([v], lr=0.01), stop=cl.train.TargetCost(1e-10)
    ... )
    >>> round(v.item(), 3)
    2.5
    """
    arrays = arrays_of(data)
    examples = len(arrays[0])
    in_force = criteria(epochs, stop)
    size = examples if batch_size is None else batch_size
    key = random.Generator(seed) if shuffle and size < examples else None
    costs: list[float] = []
    started, reason = time.monotonic(), None
    with Progress(progress, epochs) as bar:
        try:
            while reason is None:
                total, done = 0.0, 0
                for batch in batches(arrays, size, key=key):
                    total += _step(cost, batch, optimiser, len(costs) + 1) * len(batch[0])
                    done += len(batch[0])
                    bar.show(len(costs) + done / examples, total / done)
                costs.append(total / examples)
                state = State(len(costs), tuple(costs), gradient_norm(optimiser), started)
                reason = next((why for criterion in in_force if (why := criterion.reason(state))), None)
                if each_epoch is not None:
                    each_epoch(len(costs), costs[-1])
        except _Stop as stopped:
            reason = str(stopped)
        except KeyboardInterrupt:
            reason = f"it was interrupted in epoch {len(costs) + 1}"
    return Training(tuple(costs), reason, time.monotonic() - started)


def _step(cost: Callable[..., Any], batch: tuple[Any, ...], optimiser: Optimiser, epoch: int) -> float:
    """One forward pass, one backward pass, one update; the cost of the batch."""
    loss = cost(*map(asarray, batch))
    if not isinstance(loss, Tensor) or loss.shape:
        got = loss.value.type if isinstance(loss, Tensor) else type(loss).__name__
        raise UsageError(f"fit: the cost must return a scalar tensor, the mean over the batch; it returned {got}")
    number = float(loss.item())
    if not isfinite(number):
        raise _Stop(f"the cost is {number} in epoch {epoch}; the parameters are those before it")
    loss.backward()
    gradients = {p: p.grad for p in optimiser.parameters}
    if all(g is None for g in gradients.values()):
        raise UsageError("fit: the cost does not depend on any of the optimiser's parameters; is it another model's?")
    for p, g in gradients.items():
        if g is not None and not np.isfinite(g.numpy()).all():
            where = f"the gradient of {p.name or 'a parameter'} in epoch {epoch}"
            raise _Stop(f"{where} is not finite, though the cost is {number:.4g}; the parameters are those before it")
    optimiser.step()
    return number


def gradient_norm(optimiser: Optimiser) -> float:
    """The 2-norm of all the gradients that the optimiser's parameters have."""
    gradients = [p.grad for p in optimiser.parameters]
    return sqrt(sum(float(np.sum(np.square(g.numpy(), dtype=np.float64))) for g in gradients if g is not None))
