from clew.ops.bitwise import (
    BitwiseAnd,
    BitwiseInvert,
    BitwiseLeftShift,
    BitwiseOr,
    BitwiseRightShift,
    BitwiseXor,
)
from clew.ops.comparison import (
    Equal,
    Greater,
    GreaterEqual,
    Isfinite,
    Isinf,
    Isnan,
    Less,
    LessEqual,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    LogicalXor,
    NotEqual,
    Signbit,
    Where,
)

from ..contract import Case, Operand

nan, inf = float("nan"), float("inf")
FEW = Operand((8,), choices=[0.0, 1.0, -1.0, nan, inf, -inf])
INT, BOOL = Operand((6,), "i32", 0, 3), Operand((6,), "bool")
BITS, SHIFTS = Operand((8,), "i8", -128, 127), Operand((8,), "i8", -9, 10)
UNSIGNED = Operand((8,), "u16", 0, 60000)
CONDITION, X, SCALAR = Operand((3, 2), "bool"), Operand((3, 2)), Operand(())

CASES = [
    *(
        Case(op, (x, x))
        for op in (Equal(), NotEqual(), Less(), LessEqual(), Greater(), GreaterEqual())
        for x in (FEW, INT, BOOL, Operand((), choices=[0.0, 1.0]))
    ),
    *(Case(op, (x, x)) for op in (LogicalAnd(), LogicalOr(), LogicalXor()) for x in (BOOL, Operand((), "bool"))),
    *(Case(LogicalNot(), (x,)) for x in (BOOL, Operand((), "bool"))),
    *(Case(op, (x,)) for op in (Isnan(), Isinf(), Isfinite()) for x in (FEW, INT, BOOL, SCALAR)),
    *(Case(Signbit(), (x,)) for x in (Operand((4,), choices=[-0.0, 0.0, -1.0, inf]), SCALAR)),
    *(Case(op, (x, x)) for op in (BitwiseAnd(), BitwiseOr(), BitwiseXor()) for x in (BITS, UNSIGNED, BOOL)),
    *(Case(BitwiseInvert(), (x,)) for x in (BITS, UNSIGNED, BOOL, Operand((), "i32"))),
    *(Case(op, (BITS, SHIFTS)) for op in (BitwiseLeftShift(), BitwiseRightShift())),
    *(Case(op, (UNSIGNED, Operand((8,), "u16", 0, 20))) for op in (BitwiseLeftShift(), BitwiseRightShift())),
    Case(Where(), (CONDITION, X, X)),
    Case(Where(), (Operand((), "bool"), SCALAR, SCALAR)),
    Case(Where(), (BOOL, INT, INT)),
    Case(Where(), (BOOL, BOOL, BOOL)),
]
