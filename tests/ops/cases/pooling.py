from clew.ops.pooling import Fold, Windows

from ..contract import Case, Operand

GEOMETRIES = [
    # shape, window, stride, dilation
    ((5,), (2,), (1,), (1,)),
    ((2, 6), (2,), (2,), (1,)),
    ((7,), (3,), (3,), (1,)),  # the last element is in no window
    ((7,), (2,), (3,), (1,)),  # the stride leaves elements out
    ((7,), (3,), (1,), (2,)),
    ((9,), (2,), (2,), (3,)),
    ((2, 4, 3), (2, 2), (1, 1), (1, 1)),
    ((5, 6), (3, 2), (2, 1), (1, 2)),
    ((1, 3, 3, 2), (2, 1, 2), (1, 2, 1), (1, 1, 1)),
    ((2,), (3,), (1,), (1,)),  # no window fits
    ((0, 3), (2,), (1,), (1,)),
    ((2, 1), (1,), (1,), (1,)),
    ((), (), (), ()),
]


def fold(shape: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Case:
    op = Windows(window, stride, dilation)
    lead = len(shape) - len(window)
    operand = (*shape[:lead], *window, *op.positions(shape[lead:]))
    return Case(Fold(window, stride, dilation, shape[lead:]), (Operand(operand),))


CASES = [
    *(Case(Windows(*geometry), (Operand(shape),)) for shape, *geometry in GEOMETRIES),
    *(fold(*geometry) for geometry in GEOMETRIES),
    Case(Windows((2,), (1,), (1,)), (Operand((4,), "bool"),)),
    Case(Windows((2,), (1,), (1,)), (Operand((4,), "i16"),)),
    Case(Fold((2,), (1,), (1,), (3,)), (Operand((2, 2), "u8", 0, 255),)),
]
