"""What clew costs beside its peers: ``python -m benchmarks.compiled`` for compiled steps, ``python benchmarks/eager.py``."""

import os

# Idle threads of NumPy's BLAS, which PyTensor calls, spin for a while, and whoever is measured next would share its cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
