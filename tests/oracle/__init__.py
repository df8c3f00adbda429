"""clew beside PyTorch and JAX. Run by ``make oracle``, in an environment of its own; skipped where they are not installed."""
