"""Every error clew raises on purpose.

::

    ClewError
      TypeRuleError (TypeError, ValueError)   an operation was given operands its type rule refuses
      AxisError (IndexError)                  an axis or an index lies outside its operand
      GradientError                           a derivative was asked for that does not exist or was misstated
        GradientMismatch                      a check found a derivative that is wrong
      GraphError                              a graph is malformed
      ParseError                              graph text, or an expression, could not be read
      ConcretizationError                     a value was asked of a node that has none yet
      DetachError                             a conversion would silently cut a gradient path
      NonfiniteError (FloatingPointError)     a watched computation made a NaN or an infinity of finite numbers
      UsageError (ValueError)                 anything else a caller can mend

    SignatureWarning (UserWarning)            a function is compiled again and again
    TracingWarning (UserWarning)              Python did what the calls of a compiled function will not do again
"""

from __future__ import annotations


class ClewError(Exception):
    """Base of every error raised on purpose."""


class TypeRuleError(ClewError, TypeError, ValueError):
    """An operation was given operands its type rule refuses."""


class AxisError(TypeRuleError, IndexError):
    """An axis or an index lies outside its operand."""


class GradientError(ClewError):
    """A derivative was asked for that does not exist, or a rule for one was misstated."""


class GradientMismatch(GradientError):
    """A check found a derivative that is not what it should be."""


class GraphError(ClewError):
    """A graph is malformed."""


class ParseError(ClewError):
    """Graph text, or an expression, could not be read."""


class ConcretizationError(ClewError, TypeError):
    """A value was asked of a node that has none yet."""


class DetachError(ClewError, TypeError):
    """A conversion would silently cut a gradient path."""


class NonfiniteError(ClewError, FloatingPointError):
    """A watched computation made a NaN or an infinity of finite numbers."""


class UsageError(ClewError, ValueError):
    """Anything else that a caller can mend."""


class SignatureWarning(UserWarning):
    """A function is compiled again and again."""


class TracingWarning(UserWarning):
    """While a function was traced, Python did what its compiled calls will not do again."""
