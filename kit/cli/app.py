"""All commands, and the one place that turns an error into a line."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

import kit
from kit.cli.ablate import ablate
from kit.cli.audit import audit
from kit.cli.bench import bench
from kit.cli.blend import blend
from kit.cli.command import Command, Group
from kit.cli.compare import compare
from kit.cli.demo import demo
from kit.cli.evaluate import evaluate
from kit.cli.export import export
from kit.cli.fetch import fetch
from kit.cli.info import info
from kit.cli.predict import predict
from kit.cli.recipes import recipes
from kit.cli.shard import shard
from kit.cli.submissions import submissions
from kit.cli.submit import submit
from kit.cli.train import train
from kit.cli.waiting import WAITING
from kit.errors import KitError
from kit.names import one_line

STOPPED = 130  # 128 + SIGINT, as shells say it
_NEXT_STEPS = {
    errno.ENOSPC: "free some space and run the same command again; finished shards and epochs are kept",
    errno.EROFS: "choose another --root or output",
    errno.EACCES: "change its permissions, or choose another --root or output",
}

app = typer.Typer(
    cls=Group,
    help="From image folders to shards, honest ablations and a valid Kaggle submission.",
    epilog="Exit status: 0 done, 1 refused (one line says why), 2 usage, 3 network (try again), 4 out of --max-hours,"
    " 130 stopped by Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    fetch,
    audit,
    shard,
    info,
    bench,
    train,
    ablate,
    compare,
    evaluate,
    predict,
    blend,
    export,
    submit,
    submissions,
    demo,
):
    app.command(cls=Command)(_command)
app.add_typer(recipes, name="recipes")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kit {kit.__version__}")
        raise typer.Exit


@app.callback()
def _kit(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors that a user can mend become one line on stderr and their exit status."""
    try:
        app()
    except KitError as error:
        _fail(str(error), error.exit_status)
    except OSError as error:
        if error.strerror is None:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        _fail(f"{what}; {_NEXT_STEPS[error.errno]}" if error.errno in _NEXT_STEPS else what)
    except SystemExit as leaving:
        if leaving.code == STOPPED:
            _say("stopped; run the same command again and it goes on from here")
        raise
    finally:
        WAITING.end()


def _fail(message: str, status: int = 1) -> None:
    _say(message)
    sys.exit(status)


def _say(message: str) -> None:
    """Write a line on stderr, below any bar that an error left on the screen."""
    WAITING.end()
    if console := sys.modules.get("kit.cli.console"):  # not imported just to find that it drew nothing
        console.take_bars_away()
    typer.echo(f"kit: {one_line(message)}", err=True)
