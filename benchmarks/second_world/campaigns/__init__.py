"""Distillation campaigns, one way of working a function."""
