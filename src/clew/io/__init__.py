"""Reading and writing graphs and weights."""
