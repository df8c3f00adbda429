from clew.ops.trigonometric import (
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atan2,
    Atanh,
    Cos,
    Cosh,
    Sin,
    Sinh,
    Tan,
    Tanh,
)

from ..contract import Case, Operand

CASES = [
    *(Case(op, (Operand(s),)) for op in (Sin(), Cos(), Atan(), Sinh(), Cosh(), Tanh(), Asinh()) for s in ((3, 2), ())),
    *(Case(op, (Operand(s, low=-0.9, high=0.9),)) for op in (Tan(), Asin(), Acos(), Atanh()) for s in ((3, 2), ())),
    *(Case(Acosh(), (Operand(s, low=1.2, high=3),)) for s in ((3, 2), ())),
    *(Case(Atan2(), (Operand(s), Operand(s, low=0.5))) for s in ((3, 2), ())),
    Case(Atan2(), (Operand((4,), low=0.5), Operand((4,), high=-0.5))),
]
