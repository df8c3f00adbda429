"""Vector mathematics: functions of floats as LLVM text, for scalars and vectors of any lanes alike.

Each function takes a block and registers and returns a register. They hold no branches, so that all lanes run the same
instructions; coefficients are our own fits (``tools/fit_polynomials.py``), and accuracy is measured by ``tools/ulp.py``.
"""
