"""Contractions: one generator for products of matrices, batches of them, einsum, convolutions and their derivatives."""

from clew.jit.contraction.emit import write
from clew.jit.contraction.leaving import Epilogue
from clew.jit.contraction.packing import write_packing
from clew.jit.contraction.plan import Plan
from clew.jit.contraction.problem import Axis, Problem, merged
from clew.jit.contraction.tiling import plan

__all__ = ["Axis", "Epilogue", "Plan", "Problem", "merged", "plan", "write", "write_packing"]
