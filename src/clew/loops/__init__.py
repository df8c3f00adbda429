"""Loops and branches that stay graph: one node each, which holds the graphs of its step, its condition, its branches."""

from .scan import Scan as Scan
from .switch import Switch as Switch
from .while_loop import While as While
