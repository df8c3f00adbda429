"""The linear algebra of the array API standard: products, transposes and norms."""

from __future__ import annotations

from .array import linear_algebra, manipulation, statistics
from .tensor import lift

diagonal = lift(linear_algebra.diagonal)
matmul = lift(linear_algebra.matmul)
matrix_transpose = lift(manipulation.matrix_transpose)
outer = lift(linear_algebra.outer)
tensordot = lift(linear_algebra.tensordot)
trace = lift(linear_algebra.trace)
vecdot = lift(linear_algebra.vecdot)
vector_norm = lift(statistics.vector_norm)
