"""Command classes: a line at the start, hints for options that are settings, and flags without types in the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from kit.cli.status_line import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable


_VALUES = {"--set": "VALUE", "--vary": "A,B"}  # options that take settings by their paths


class Command(TyperCommand):
    """A command that shows at once that it has started, names settings that are no options, and has flags untyped."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options; where an unknown one is called like a setting, its error says how that is written."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            told: Any = error  # Click's NoSuchOption, of Typer's own Click or of an installed one
            if forms := self._as_settings(getattr(error, "option_name", "")):
                told.message = f"{told.message}. It is a setting: {', or '.join(forms)}"
                told.possibilities = None
            raise

    def _as_settings(self, option: str) -> list[str]:
        """List what to write instead of an unknown option that is called like a setting."""
        takers = [taker for taker in _VALUES if any(taker in parameter.opts for parameter in self.params)]
        if not option or not takers:
            return []
        from kit.specs import settings_called

        paths = settings_called(option.lstrip("-").replace("-", "_"))
        return [f"{taker} {path}={_VALUES[taker]}" for path in paths for taker in takers]

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
