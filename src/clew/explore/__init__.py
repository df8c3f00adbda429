"""Slower ways to find a direction, to set beside backpropagation."""

from .search import Search as Search
from .search import backpropagation as backpropagation
from .search import descend as descend
from .search import numerical_gradient as numerical_gradient
from .search import random_search as random_search
