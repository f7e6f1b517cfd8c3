"""Command classes: a line at the start, and flags without types in the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from kit.cli.status_line import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Command(TyperCommand):
    """A command that shows at once that it has started, and flags without types."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command after parsing its options, so that help and usage errors come without delay."""
        WAITING.begin(f"{ctx.command_path}: starting …")
        return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, including --help."""
        return _untyped(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands that shows flags without types."""

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, including --help."""
        return _untyped(super().get_params(ctx))


def _untyped(parameters: Iterable[Any]) -> list[Any]:
    """Remove the type of flags, which Typer would show as <bool>."""
    shown = list(parameters)
    for parameter in shown:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return shown
