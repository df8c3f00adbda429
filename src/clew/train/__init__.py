"""Training: the loop, and when it stops."""

from .fit import Training as Training
from .fit import fit as fit
from .stopping import Criterion as Criterion
from .stopping import Epochs as Epochs
from .stopping import GradientNorm as GradientNorm
from .stopping import NoImprovement as NoImprovement
from .stopping import State as State
from .stopping import TargetCost as TargetCost
from .stopping import TimeLimit as TimeLimit
