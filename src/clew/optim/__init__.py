"""Optimisers: an optimiser is its update formula."""

from .optimiser import Optimiser as Optimiser
from .sgd import SGD as SGD
