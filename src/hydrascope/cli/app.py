"""Gathers the sub-commands, one a file with a `register(app)`, and turns errors into exit codes.

Only the command that was typed is imported, so that each starts fast; help imports them all.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import typer

import hydrascope.cli
from hydrascope import __version__
from hydrascope.errors import HydrascopeError

__all__ = ["build_app", "main"]


def command_modules() -> dict[str, str]:
    """Command name to module name, found in this folder."""
    found = (m.name for m in pkgutil.iter_modules(hydrascope.cli.__path__))
    return {name: f"hydrascope.cli.{name}" for name in found if name != "app" and not name.startswith("_")}


def build_app(argv: Sequence[str] = ()) -> typer.Typer:
    """The command line, with only the command in `argv` loaded where it names one."""
    app = typer.Typer(
        name="hydrascope",
        help="Find, explain, stop and prove distillation campaigns.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
        if version:
            typer.echo(f"hydrascope {__version__}")
            raise typer.Exit

    modules = command_modules()
    wanted = [argv[0]] if argv and argv[0] in modules else sorted(modules)
    for name in wanted:
        importlib.import_module(modules[name]).register(app)
    return app


def main() -> None:
    """Entry point: a `HydrascopeError` becomes one message on stderr and its exit code."""
    try:
        build_app(sys.argv[1:])()
    except HydrascopeError as error:
        sys.stderr.write(f"hydrascope: {error}\n")
        raise SystemExit(error.exit_code) from None
