from math import inf

from clew.ir import DTYPES
from clew.ops.movement import Concat, Flip, Iota, Pad, Permute, Reshape, Slice

from ..contract import Case, Operand

CASES = [
    Case(Reshape((6,)), (Operand((2, 3)),)),
    Case(Reshape((2, 3)), (Operand((6,)),)),
    Case(Reshape((3, 2)), (Operand((2, 3)),)),
    Case(Reshape((2, 6, 1, 5)), (Operand((4, 1, 3, 5)),)),
    Case(Reshape((2, 2, 3, 2)), (Operand((4, 6)),)),
    Case(Reshape((6, 4)), (Operand((2, 3, 2, 2), "i16"),)),
    Case(Reshape(()), (Operand((1, 1)),)),
    Case(Reshape((1, 1)), (Operand(()),)),
    Case(Reshape((0, 5)), (Operand((2, 0, 3)),)),
    Case(Permute((1, 0)), (Operand((2, 3)),)),
    Case(Permute((2, 0, 1)), (Operand((2, 3, 4)),)),
    Case(Permute((0, 2, 1)), (Operand((0, 3, 1), "bool"),)),
    Case(Permute(()), (Operand(()),)),
    Case(Flip((0,)), (Operand((3,)),)),
    Case(Flip((0, 2)), (Operand((2, 3, 2)),)),
    Case(Flip((1,)), (Operand((2, 0), "u8", 0, 9),)),
    Case(Flip(()), (Operand(()),)),
    Case(Slice((1,), (4,), (1,)), (Operand((5,)),)),
    Case(Slice((0, 1), (3, 6), (2, 3)), (Operand((3, 7)),)),
    Case(Slice((1, 0), (1, 2), (1, 1)), (Operand((3, 2)),)),
    Case(Slice((3,), (3,), (2,)), (Operand((3,), "i64"),)),
    Case(Slice((0,), (0,), (1,)), (Operand((0,)),)),
    Case(Slice((), (), ()), (Operand(()),)),
    Case(Pad((1,), (2,), (1,)), (Operand((3,)),)),
    Case(Pad((0, 2), (1, 0), (3, 2)), (Operand((2, 3)),)),
    Case(Pad((0,), (0,), (2,)), (Operand((1,)),)),
    Case(Pad((1, 0), (1, 0), (2, 1)), (Operand((0, 2)),)),
    Case(Pad((0, 1), (0, 1), (1, 1), 1.5), (Operand((2, 2)),)),
    Case(Pad((1,), (1,), (1,), -inf), (Operand((2,)),), smooth=False),
    Case(Pad((1,), (0,), (1,), -128), (Operand((2,), "i8"),)),
    Case(Pad((1,), (0,), (1,), True), (Operand((2,), "bool"),)),
    Case(Pad((), (), ()), (Operand(()),)),
    Case(Concat(0), (Operand((2,)), Operand((3,)))),
    Case(Concat(1), (Operand((2, 1)), Operand((2, 0)), Operand((2, 3)))),
    Case(Concat(0), (Operand((2, 2)),)),
    Case(Concat(0), (Operand((0, 2), "i32"), Operand((1, 2), "i32"))),
    Case(Iota((4,), 0, DTYPES["i64"]), ()),
    Case(Iota((2, 3), 1, DTYPES["f32"]), ()),
    Case(Iota((2, 3), 0, DTYPES["bf16"]), ()),
    Case(Iota((0, 2), 1, DTYPES["u8"]), ()),
]
