from math import inf

from clew.ops.reductions import All, Any, ArgMax, ArgMin, LogSumExp, Max, Min, Prod

from ..contract import Case, Operand

TIED = (0.0, 1.0)

CASES = [
    *(
        Case(op(axes), (Operand(shape),))
        for op in (Max, Min, Prod, LogSumExp)
        for axes, shape in (
            ((0,), (3,)),
            ((1,), (2, 3)),
            ((2, 0), (2, 2, 3)),
            ((0, 1), (2, 1)),
            ((1,), (0, 2)),
            ((), (2,)),
            ((), ()),
        )
    ),
    *(Case(op((1,)), (Operand((3, 4), dtype, 0, 9),)) for op in (Max, Min, Prod) for dtype in ("i8", "u8", "i64")),
    *(Case(op((1,)), (Operand((3, 4), choices=TIED),), smooth=False) for op in (Max, Min)),
    Case(Prod((1,)), (Operand((4, 3), choices=(0.0, 0.0, 2.0, 3.0)),)),
    Case(Prod((0,)), (Operand((0, 2)),)),
    Case(Prod((0, 1)), (Operand((2, 0)),)),
    Case(Prod((0,)), (Operand((5,), "i8", 50, 100),)),
    Case(LogSumExp((0,)), (Operand((0, 2)),), smooth=False),
    Case(LogSumExp((1,)), (Operand((3, 2), low=600, high=900),)),
    Case(LogSumExp((1,)), (Operand((6, 2), choices=(-inf, 1.0)),), smooth=False),
    *(
        Case(op(axis), (Operand(shape, dtype, choices=choices),))
        for op in (ArgMax, ArgMin)
        for axis, shape, dtype, choices in (
            (0, (3,), "f64", None),
            (1, (3, 4), "f64", TIED),
            (0, (4, 3), "f64", (1.0, float("nan"), 2.0)),
            (0, (3, 4), "i8", None),
            (1, (2, 4, 2), "u64", (0, 1)),
            (0, (1,), "f32", (-inf, inf)),
            (1, (0, 2), "f64", None),
        )
    ),
    *(
        Case(op(axes), (Operand(shape, "bool"),))
        for op in (Any, All)
        for axes, shape in (((0,), (2,)), ((1,), (4, 2)), ((0, 2), (1, 3, 2)), ((0,), (0, 2)), ((), ()))
    ),
]
