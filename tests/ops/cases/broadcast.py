from clew.ops.broadcast import Broadcast, Sum

from ..contract import Case, Operand

CASES = [
    Case(Broadcast((0,), (3,)), (Operand((2,)),)),
    Case(Broadcast((0, 2), (2, 3)), (Operand((4,)),)),
    Case(Broadcast((0,), (3,)), (Operand(()),)),
    Case(Broadcast((1,), (0,)), (Operand((2,)),)),
    Case(Broadcast((1,), (1,)), (Operand((2, 2), "i32"),)),
    Case(Sum((0,)), (Operand((3, 2)),)),
    Case(Sum((0, 2)), (Operand((2, 3, 2)),)),
    Case(Sum((0, 1)), (Operand((3, 2)),)),
    Case(Sum((1,)), (Operand((2, 0)),)),
    Case(Sum((0,)), (Operand((3, 2), "u8", 0, 255),)),
]
