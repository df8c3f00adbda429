from clew.ops.indexing import Gather, ScatterAdd

from ..contract import Case, Operand


def indices(size: int, *shape: int, dtype: str = "i64") -> Operand:
    return Operand(shape, dtype, 0, size)


CASES = [
    Case(Gather((0,)), (Operand((3,)), indices(3, 5))),
    Case(Gather((0,)), (Operand((3, 2)), indices(3, 2, 2))),
    Case(Gather((1,)), (Operand((2, 3, 2)), indices(3, 4, dtype="i32"))),
    Case(Gather((0,)), (Operand((3, 2)), indices(3))),
    Case(Gather((0,)), (Operand((3,)), indices(3, dtype="u8"))),
    Case(Gather((0,)), (Operand((3, 2)), indices(3, 0))),
    Case(Gather((0,)), (Operand((0, 2)), indices(1, 0))),
    Case(Gather((0,)), (Operand((3, 0)), indices(3, 2))),
    Case(Gather((0, 1)), (Operand((2, 3)), indices(2, 4), indices(3, 4))),
    Case(Gather((2, 0)), (Operand((2, 3, 4)), indices(4, 3), indices(2, 3))),
    Case(Gather((1,), paired=1), (Operand((2, 3)), indices(3, 2, 4))),
    Case(Gather((1,), paired=1), (Operand((2, 3, 2)), indices(3, 2))),
    Case(Gather((2,), paired=1), (Operand((2, 2, 3)), indices(3, 2, 4, dtype="u64"))),
    Case(Gather((3, 2), paired=2), (Operand((2, 1, 3, 2)), indices(2, 2, 1, 3), indices(3, 2, 1, 3))),
    Case(Gather((0,)), (Operand((3, 2), "bool"), indices(3, 4))),
    Case(ScatterAdd((3,), (0,)), (Operand((5,)), indices(3, 5))),
    Case(ScatterAdd((3, 2), (0,)), (Operand((2, 2, 2)), indices(3, 2, 2))),
    Case(ScatterAdd((2, 3, 2), (1,)), (Operand((4, 2, 2)), indices(3, 4, dtype="i32"))),
    Case(ScatterAdd((3, 2), (0,)), (Operand((2,)), indices(3))),
    Case(ScatterAdd((3,), (0,)), (Operand(()), indices(3, dtype="u8"))),
    Case(ScatterAdd((3, 2), (0,)), (Operand((0, 2)), indices(3, 0))),
    Case(ScatterAdd((3, 0), (0,)), (Operand((2, 0)), indices(3, 2))),
    Case(ScatterAdd((2, 3), (0, 1)), (Operand((4,)), indices(2, 4), indices(3, 4))),
    Case(ScatterAdd((2, 3, 4), (2, 0)), (Operand((3, 3)), indices(4, 3), indices(2, 3))),
    Case(ScatterAdd((2, 3), (1,), paired=1), (Operand((2, 4)), indices(3, 2, 4))),
    Case(ScatterAdd((2, 3, 2), (1,), paired=1), (Operand((2, 2)), indices(3, 2))),
    Case(ScatterAdd((2, 1, 3, 2), (3, 2), paired=2), (Operand((2, 1, 3)), indices(2, 2, 1, 3), indices(3, 2, 1, 3))),
    Case(ScatterAdd((3,), (0,)), (Operand((9,), "u8", 200, 255), indices(3, 9))),
]
