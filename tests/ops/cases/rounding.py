from clew.ir import DTYPES
from clew.ops.rounding import Cast, Ceil, Detach, Floor, Identity, Round, Sign, Trunc

from ..contract import Case, Operand

HALVES = Operand((8,), choices=[-2.5, -1.5, -0.5, -0.3, 0.0, 0.5, 1.5, 2.7, float("inf"), float("nan")])
SCALAR, INT, BYTE = Operand(()), Operand((4,), "i16", -300, 300), Operand((4,), "u8", 0, 255)

CASES = [
    *(Case(op, (x,)) for op in (Floor(), Ceil(), Trunc(), Round(), Sign()) for x in (HALVES, SCALAR, INT, BYTE)),
    *(Case(Detach(), (x,), smooth=False) for x in (Operand((3, 2)), SCALAR)),
    *(Case(Identity(), (x,)) for x in (Operand((3, 2)), SCALAR, INT, Operand((2,), "bool"))),
    Case(Cast(DTYPES["f64"]), (Operand((3, 2)),)),
    *(Case(Cast(DTYPES[d]), (Operand((3, 2)),), smooth=False) for d in ("f32", "f16", "bf16", "i32", "bool")),
    *(Case(Cast(DTYPES[d]), (SCALAR,), smooth=False) for d in ("f32", "i8")),
    *(Case(Cast(DTYPES[d]), (x,)) for d in ("f32", "u8", "i8", "i64", "bool") for x in (INT, Operand((3,), "bool"))),
]
