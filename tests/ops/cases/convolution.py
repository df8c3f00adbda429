from clew.ops.convolution import Convolve

from ..contract import Case, Operand


def case(
    x: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: int = 1,
    padding: tuple[tuple[int, int], ...] | None = None,
    dilation: int = 1,
    spread: int = 1,
    groups: int = 1,
    dtype: str = "f64",
) -> Case:
    axes = len(x) - 2
    op = Convolve((stride,) * axes, padding or ((0, 0),) * axes, (dilation,) * axes, (spread,) * axes, groups)
    return Case(op, (Operand(x, dtype), Operand(kernel, dtype)))


CASES = [
    case((2, 2, 5), (3, 2, 3)),
    case((2, 2, 5), (2, 2, 3), stride=2),  # the last element is in no window
    case((1, 2, 6), (2, 2, 2), stride=3),  # the stride leaves elements out
    case((1, 2, 4), (2, 2, 3), padding=((2, 1),)),
    case((1, 1, 3), (1, 1, 2), padding=((3, 4),)),  # windows of padding alone
    case((1, 2, 6), (2, 2, 2), padding=((-1, -2),)),
    case((1, 1, 7), (1, 1, 3), dilation=2),
    case((1, 1, 8), (1, 1, 3), stride=2, padding=((1, 2),), dilation=3),
    case((1, 2, 3), (2, 2, 3), spread=2, padding=((1, 1),)),
    case((1, 2, 3), (2, 2, 2), stride=2, spread=3, padding=((2, 0),)),
    case((1, 1, 3), (1, 1, 2), dilation=2, spread=2, padding=((1, 2),)),
    case((1, 1, 4), (1, 1, 2), spread=4, padding=((-1, -1),)),
    case((2, 4, 4), (4, 2, 2), groups=2),
    case((1, 3, 4), (6, 1, 2), groups=3, padding=((1, 0),)),
    case((1, 2, 3), (2, 1, 2), groups=2, spread=2, padding=((1, 1),)),
    case((1, 4, 4), (2, 2, 4), groups=2, padding=((0, 1),)),  # a window larger than the result
    case((2, 2, 4, 3), (2, 2, 2, 2)),
    case((1, 2, 4, 3), (2, 2, 3, 2), stride=2, padding=((1, 0), (0, 2))),
    case((1, 2, 3, 3), (2, 1, 2, 2), spread=2, padding=((1, 1), (0, 2)), groups=2),
    case((1, 1, 5, 4), (2, 1, 2, 2), dilation=2),
    case((1, 2, 2, 2), (2, 2, 1, 1)),
    case((1, 1, 3, 2, 3), (2, 1, 2, 2, 2), padding=((1, 0), (0, 0), (0, 1))),
    case((1, 2, 3, 2, 2), (2, 1, 2, 1, 2), stride=2, groups=2),
    case((1, 1, 2), (1, 1, 3)),  # no position
    case((0, 1, 3), (2, 1, 2)),
    case((1, 0, 3), (2, 0, 2)),  # a sum of nothing
    case((1, 1, 0), (1, 1, 1), padding=((1, 1),)),
    case((2, 3), (4, 3)),  # no spatial axes: a matrix product
    case((1, 2, 4), (2, 2, 2), dtype="i32"),
    case((1, 1, 3), (1, 1, 2), padding=((1, 1),), spread=2, dtype="u8"),
]
