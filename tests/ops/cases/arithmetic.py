from clew.ops.arithmetic import (
    Abs,
    Add,
    Copysign,
    Div,
    FloorDivide,
    Hypot,
    Maximum,
    Minimum,
    Mul,
    Neg,
    Nextafter,
    Reciprocal,
    Remainder,
    Rsqrt,
    Sqrt,
    Square,
    Sub,
)
from clew.ops.power import Pow

from ..contract import Case, Operand

A, B = Operand((3, 2)), Operand((3, 2), low=0.5, high=2.5)
SCALAR, POSITIVE = Operand(()), Operand((), low=0.5, high=2.5)
INT, BYTE = Operand((4,), "i32", -9, 9), Operand((4,), "u8", 1, 255)
LOW, HIGH = Operand((3, 2), low=-2, high=-0.1), Operand((3, 2), low=0.1, high=2)

CASES = [
    *(Case(op, (A, B)) for op in (Add(), Sub(), Mul(), Div(), Hypot(), Nextafter())),
    *(Case(op, (SCALAR, POSITIVE)) for op in (Add(), Sub(), Mul(), Div(), Hypot(), Nextafter())),
    *(Case(op, (x, x)) for op in (Add(), Sub(), Mul(), FloorDivide(), Remainder(), Maximum(), Minimum()) for x in (INT, BYTE)),
    *(Case(op, (Operand((0, 2)), Operand((0, 2)))) for op in (Add(), Maximum())),
    Case(Neg(), (A,)),
    Case(Neg(), (SCALAR,)),
    Case(Neg(), (BYTE,)),
    Case(FloorDivide(), (Operand((4,), low=2.1, high=2.9), Operand((4,), choices=[1.0, -1.0, 0.5]))),
    Case(FloorDivide(), (Operand((6,), "i8", -128, 127), Operand((6,), "i8", -2, 2))),
    Case(Remainder(), (Operand((4,), low=2.1, high=2.9), Operand((4,), choices=[1.0, -1.0, 3.0, -3.0]))),
    Case(Remainder(), (Operand((6,), "i8", -128, 127), Operand((6,), "i8", -2, 2))),
    Case(Reciprocal(), (B,)),
    Case(Reciprocal(), (POSITIVE,)),
    Case(Square(), (A,)),
    Case(Square(), (SCALAR,)),
    Case(Square(), (INT,)),
    Case(Sqrt(), (B,)),
    Case(Sqrt(), (POSITIVE,)),
    Case(Rsqrt(), (B,)),
    Case(Rsqrt(), (POSITIVE,)),
    Case(Abs(), (LOW,)),
    Case(Abs(), (HIGH,)),
    Case(Abs(), (POSITIVE,)),
    Case(Abs(), (INT,)),
    Case(Abs(), (BYTE,)),
    Case(Maximum(), (LOW, HIGH)),
    Case(Maximum(), (Operand(()), POSITIVE)),
    Case(Maximum(), (Operand((6,), choices=[0, 1]), Operand((6,), choices=[0, 1])), smooth=False),
    Case(Minimum(), (LOW, HIGH)),
    Case(Minimum(), (Operand(()), POSITIVE)),
    Case(Minimum(), (Operand((6,), choices=[0, 1]), Operand((6,), choices=[0, 1])), smooth=False),
    Case(Copysign(), (HIGH, LOW)),
    Case(Copysign(), (LOW, LOW)),
    Case(Copysign(), (POSITIVE, POSITIVE)),
    Case(Pow(), (B, A)),
    Case(Pow(), (POSITIVE, SCALAR)),
    Case(Pow(), (Operand((4,), choices=[0.0, 1.0, 2.0]), Operand((4,), choices=[0.0, 1.0, 2.0])), smooth=False),
    Case(Pow(), (Operand((6,), "i32", -3, 4), Operand((6,), "i32", 0, 5))),
    Case(Pow(), (Operand((6,), "u8", 0, 200), Operand((6,), "u8", 0, 9))),
]
