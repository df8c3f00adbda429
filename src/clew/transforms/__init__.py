"""Functions of functions: gradients, gates, checks."""
