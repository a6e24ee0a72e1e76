"""Find, explain, stop and prove distillation campaigns run through networks of API accounts."""

__all__ = ["__version__"]

__version__ = "0.1.0"
