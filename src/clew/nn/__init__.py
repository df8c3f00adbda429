"""Layers, activations and losses, with PyTorch's names."""

from .activations import GELU as GELU
from .activations import Dropout as Dropout
from .activations import LeakyReLU as LeakyReLU
from .activations import ReLU as ReLU
from .activations import Sigmoid as Sigmoid
from .activations import SiLU as SiLU
from .activations import Softmax as Softmax
from .activations import Softplus as Softplus
from .activations import Tanh as Tanh
from .containers import Sequential as Sequential
from .linear import Linear as Linear
from .losses import cross_entropy as cross_entropy
from .losses import hinge_loss as hinge_loss
from .losses import mse_loss as mse_loss
from .module import Module as Module
