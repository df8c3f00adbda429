from math import inf, nan

from clew.ops.sorting import ArgSort, ShareTies, Sort

from ..contract import Case, Operand

CASES = [
    *(
        Case(Sort(axis, descending), (Operand(shape),))
        for axis, shape in ((0, (5,)), (1, (2, 4)), (0, (3, 2, 2)), (0, (1,)), (0, (0, 2)), (1, (0, 2)))
        for descending in (False, True)
    ),
    *(Case(Sort(1, descending), (Operand((3, 5), choices=(1.0, 2.0)),), smooth=False) for descending in (False, True)),
    *(Case(Sort(1, descending, count), (Operand((3, 5)),)) for descending in (False, True) for count in (0, 1, 3, 5)),
    Case(Sort(1, True, 2), (Operand((4, 5), choices=(1.0, 2.0)),), smooth=False),
    Case(Sort(0, False, 2), (Operand((4, 3), choices=(1.0, nan)),), smooth=False),
    Case(Sort(1), (Operand((3, 4), "i8"),)),
    Case(Sort(0, True), (Operand((4,), "bool"),)),
    *(
        Case(ArgSort(1, descending, count, stable), (Operand((2, 6), dtype, choices=choices),))
        for descending, count in ((False, None), (True, None), (False, 4), (True, 1))
        for stable in (False, True)
        for dtype, choices in (("f64", None), ("f64", (nan, -inf, 1.0, inf)), ("u8", (0, 200)))
    ),
    Case(ArgSort(0), (Operand((0, 2)),)),
    Case(ShareTies(0), (Operand((6,)), Operand((6,), "i32"))),
    Case(ShareTies(1), (Operand((2, 5, 2)), Operand((2, 5, 2), "i64"))),
    Case(ShareTies(1), (Operand((3, 4)), Operand((3, 4), choices=(0.0, 1.0, nan))), smooth=False),
    Case(ShareTies(0), (Operand((3,)), Operand((3,)))),
    Case(ShareTies(0), (Operand((0, 2)), Operand((0, 2), "bool"))),
]
