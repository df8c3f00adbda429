from clew.ir import DTYPES
from clew.ops.random import RandomBits

from ..contract import Case, Operand

U32, U64 = DTYPES["u32"], DTYPES["u64"]
WORDS = (0, 2**32)


def case(shape: tuple[int, ...], dtype: str = "u32", lead: tuple[int, ...] = ()) -> Case:
    return Case(RandomBits(shape, DTYPES[dtype]), (Operand((*lead, 2), "u32", *WORDS), Operand(lead, "u32", *WORDS)))


CASES = [
    case(()),
    case((), "u64"),
    case((3,)),
    case((2, 3)),
    case((2, 1, 3), "u64"),
    case((0,)),
    case((3,), "u32", (2,)),
    case((3,), "u64", (2, 1)),
    case((), "u32", (0,)),
]
