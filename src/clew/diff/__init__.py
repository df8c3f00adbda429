"""Derivatives of graphs: reverse mode and forward mode."""
