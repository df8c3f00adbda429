"""Optimisers: an optimiser is its update formula."""

from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .optimiser import Optimiser as Optimiser
from .sgd import SGD as SGD
