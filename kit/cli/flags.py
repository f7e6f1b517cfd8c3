"""Commands whose help shows an option that takes no value by its name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterable


class Command(TyperCommand):
    """A command; see the module."""

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, --help among them."""
        return _untyped(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands; see the module."""

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
