"""Findings become what a person reads."""
