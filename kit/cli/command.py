"""How a command begins, and how its help shows options that take no value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from kit.cli.status_line import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Command(TyperCommand):
    """A command that says at once that it has begun, and shows flags by their names alone."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, once its options are read: neither help nor a usage error is waited for."""
        WAITING.begin(f"{ctx.command_path}: starting …")
        return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, --help among them."""
        return _untyped(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands that shows flags by their names alone."""

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, --help among them."""
        return _untyped(super().get_params(ctx))


def _untyped(parameters: Iterable[Any]) -> list[Any]:
    """Take the type away from flags, which Typer would show as <bool>."""
    shown = list(parameters)
    for parameter in shown:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return shown
