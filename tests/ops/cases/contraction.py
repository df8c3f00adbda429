from clew.ops.contraction import Contract

from ..contract import Case, Operand


def case(spec: str, left: tuple[int, ...], right: tuple[int, ...], dtype: str = "f64") -> Case:
    return Case(Contract(spec), (Operand(left, dtype), Operand(right, dtype)))


CASES = [
    case("ij,jk->ik", (2, 3), (3, 4)),
    case("ij,jk->ki", (2, 3), (3, 4)),
    case("ji,kj->ik", (3, 2), (4, 3)),
    case("ij,j->i", (2, 3), (3,)),
    case("i,ij->j", (2,), (2, 3)),
    case("i,i->", (3,), (3,)),
    case("i,j->ji", (2,), (3,)),
    case(",i->i", (), (3,)),
    case(",->", (), ()),
    case("ij,ij->ij", (2, 3), (2, 3)),
    case("ij,ji->", (2, 3), (3, 2)),
    case("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    case("ijb,kbj->kib", (2, 3, 2), (2, 2, 3)),
    case("bi,bi->b", (3, 2), (3, 2)),
    case("abij,bjk->aibk", (2, 1, 2, 3), (1, 3, 2)),
    case("ijkl,lkm->jmi", (2, 2, 2, 3), (3, 2, 2)),
    case("ij,jk->ik", (2, 0), (0, 3)),
    case("ij,jk->ik", (0, 2), (2, 3)),
    case("bij,bj->bi", (1, 1, 1), (1, 1)),
    case("ij,jk->ik", (2, 3), (3, 2), "i32"),
    case("i,i->", (200,), (200,), "i8"),
    case("ij,jk->ik", (2, 3), (3, 2), "u8"),
]
