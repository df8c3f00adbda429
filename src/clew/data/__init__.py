"""Datasets, and loaders of mini-batches."""
