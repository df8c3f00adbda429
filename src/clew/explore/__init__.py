"""Slower ways to find a direction, to set beside backpropagation."""
