"""clew beside PyTorch and JAX. Run by ``make oracle``, in an environment that has them; skipped where it has not."""
