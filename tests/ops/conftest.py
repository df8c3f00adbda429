"""Rules given arrays are run as the engine runs them: infinities and NaN are values, and NumPy does not warn of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield
