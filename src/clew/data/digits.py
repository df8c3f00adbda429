"""Handwritten digits, as scikit-learn bundles them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UsageError


def digits() -> tuple[Any, Any]:
    """1,797 images of 8x8 pixels in [0, 1], flattened to (1797, 64) float32, and their digits (1797,) int64.

    From scikit-learn's bundled copy of the test set of E. Alpaydin and C. Kaynak (1998), "Optical recognition of
    handwritten digits", UCI Machine Learning Repository. Needs the extra ``clew[data]``.

    >>> import clew as cl
    >>> images, labels = cl.data.digits()
    >>> images.shape, labels.shape
    ((1797, 64), (1797,))
    """
    try:
        from sklearn.datasets import load_digits  # an optional dependency
    except ImportError:
        raise UsageError('the digits come with scikit-learn, which is not installed; pip install "clew[data]"') from None
    bunch = load_digits()
    return (bunch.data / 16).astype(np.float32), bunch.target.astype(np.int64)
