"""The array API standard's semantics on values: conversion, promotion, broadcasting, and composed functions.

Functions here take values, NumPy arrays and Python scalars, and return values. ``clew``'s namespace is these functions
lifted to tensors.
"""
