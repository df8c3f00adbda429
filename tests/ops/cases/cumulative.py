from clew.ops.cumulative import CumulativeProd, CumulativeSum, LinearRecurrence

from ..contract import Case, Operand

SHAPES = ((0, (4,)), (1, (2, 3)), (1, (2, 3, 2)), (0, (1, 2)), (0, (0, 2)), (1, (0, 2)))

CASES = [
    *(
        Case(op(axis, reverse), (Operand(shape),))
        for op in (CumulativeSum, CumulativeProd)
        for axis, shape in SHAPES
        for reverse in (False, True)
    ),
    Case(CumulativeProd(0), (Operand((6, 2), choices=(0.0, 2.0, 3.0)),)),
    Case(CumulativeSum(0), (Operand((6,), "i8", 40, 90),)),
    Case(CumulativeProd(0, True), (Operand((6,), "u8", 2, 9),)),
    *(
        Case(LinearRecurrence(axis, reverse), (Operand(shape), Operand(shape)))
        for axis, shape in SHAPES
        for reverse in (False, True)
    ),
    Case(LinearRecurrence(0), (Operand((6, 2), choices=(0.0, 2.0)), Operand((6, 2)))),
]
