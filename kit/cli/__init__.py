"""Commands: each parses, calls once, and renders."""

from kit.cli.app import main

__all__ = ["main"]
