from clew.ops.erf import Erf
from clew.ops.exponential import Exp, Expm1, Log, Log1p, Log2, Log10, Logaddexp, Sigmoid, Softplus, Xlogy

from ..contract import Case, Operand

X, POSITIVE = Operand((3, 2)), Operand((3, 2), low=0.5, high=3)
SCALAR, ONE = Operand(()), Operand((), low=0.5, high=3)
WIDE = Operand((5,), choices=[-700.0, -20.0, 0.0, 20.0, 700.0])
INFINITE = Operand((8,), choices=[float("-inf"), float("inf"), 1.0])

CASES = [
    *(Case(op, (x,)) for op in (Exp(), Expm1(), Sigmoid(), Softplus(), Erf()) for x in (X, SCALAR)),
    *(Case(op, (x,)) for op in (Log(), Log1p(), Log2(), Log10()) for x in (POSITIVE, ONE)),
    *(Case(op, (WIDE,), smooth=False) for op in (Sigmoid(), Softplus(), Erf())),
    Case(Logaddexp(), (X, X)),
    Case(Logaddexp(), (SCALAR, SCALAR)),
    Case(Logaddexp(), (INFINITE, INFINITE), smooth=False),
    Case(Xlogy(), (X, POSITIVE)),
    Case(Xlogy(), (SCALAR, ONE)),
    Case(Xlogy(), (Operand((6,), choices=[0.0, 1.0]), Operand((6,), choices=[0.0, 2.0])), smooth=False),
]
