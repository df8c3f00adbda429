"""Contractions: one generator for products of matrices, batches of them, einsum, convolutions and their derivatives."""

from clew.compiler.contraction.emit import Prologue, write, write_finishing
from clew.compiler.contraction.leaving import Epilogue
from clew.compiler.contraction.packing import write_packing
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.problem import Axis, Problem, merged
from clew.compiler.contraction.tiling import plan

__all__ = ["Axis", "Epilogue", "Plan", "Problem", "Prologue", "merged", "plan", "write", "write_finishing", "write_packing"]
