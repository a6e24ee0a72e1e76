"""Findings are held against ground truth, and against other detectors."""
