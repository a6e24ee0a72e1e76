"""`hydrascope watermark ...`: one file for each group of sub-commands, with a `register(group)`."""

from __future__ import annotations

import importlib
import pkgutil

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds `watermark` and every sub-command found in this folder."""
    group = typer.Typer(
        name="watermark",
        help="Mark what is served, seal what is not, and show later that a model was trained on it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}").register(group)
    app.add_typer(group)
