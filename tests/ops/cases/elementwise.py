from clew.ops.elementwise import Chain

from ..contract import Case, Operand

CASES = [
    Case(Chain(), (Operand((3, 2)), Operand((3, 2)))),
    Case(Chain(), (Operand(()), Operand(()))),
]
