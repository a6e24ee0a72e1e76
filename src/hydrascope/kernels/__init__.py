"""Compiled kernels over Arrow buffers and NumPy arrays; each has a plain reference beside it for the tests."""
