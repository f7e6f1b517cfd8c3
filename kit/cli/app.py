"""The command line: all commands, and the one place that turns an error into a line."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from typing import Annotated

import typer

import kit
from kit.cli.ablate import ablate
from kit.cli.audit import audit
from kit.cli.bench import bench
from kit.cli.blend import blend
from kit.cli.command import Command, Group
from kit.cli.compare import compare
from kit.cli.competitions import competitions
from kit.cli.demo import demo
from kit.cli.evaluate import evaluate
from kit.cli.export import export
from kit.cli.fetch import fetch
from kit.cli.find_lr import find_lr
from kit.cli.info import info
from kit.cli.predict import predict
from kit.cli.recipes import recipes
from kit.cli.shard import shard
from kit.cli.status_line import WAITING
from kit.cli.submissions import submissions
from kit.cli.submit import submit
from kit.cli.train import train
from kit.errors import KitError
from kit.names import printable_line

_LESS = "there is not enough memory; take smaller images or batches, fewer --workers or --jobs, or --cache none"
_KNOWN = {  # by the suffix of the class name
    "csv.Error": "a CSV file cannot be read; save it anew as CSV in UTF-8",
    "RecursionError": "an input is nested too deeply to be read; leave it out, or write it flat",
    "MemoryError": _LESS,
    "ResourceExhaustedError": _LESS,
}
STOPPED = {130, 143, 129}  # 128 + SIGINT, SIGTERM or SIGHUP, as in shells
_NEXT_STEPS = {
    errno.ENOSPC: "free some space and run the same command again; finished shards and epochs are kept",
    errno.EROFS: "choose another --root or output",
    errno.EACCES: "change its permissions, or choose another --root or output",
}

app = typer.Typer(
    cls=Group,
    help="From image folders to shards, honest ablations and a valid Kaggle submission.",
    epilog="Exit status: 0 done, 1 refused (one line says why), 2 usage, 3 try again (network, another machine, or"
    " another command at work), 4 out of --max-hours, 130 stopped by Ctrl-C.",
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
    find_lr,
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
app.add_typer(competitions, name="competitions")
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
    """Run the command line; errors that a user can fix become one line on stderr and an exit status."""
    _hear_signals()
    try:
        app()
    except Exception as error:
        message = _in_words(error)
        if message is None:  # a bug keeps its traceback
            raise
        _fail(message, error.exit_status if isinstance(error, KitError) else 1)
    except SystemExit as leaving:
        if leaving.code in STOPPED:
            _say("stopped; run the same command again and it goes on from here")
        raise
    finally:
        WAITING.end()


def _in_words(error: Exception) -> str | None:
    """Describe an error that a user can fix in one line; None for a bug."""
    if isinstance(error, KitError):
        return error.as_options()
    if isinstance(error, OSError) and error.strerror is not None:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return f"{what}; {_NEXT_STEPS[error.errno]}" if error.errno in _NEXT_STEPS else what
    return next((f"{said}: {error}" for name, said in _KNOWN.items() if _is_called(error, name)), None)


def _is_called(error: Exception, name: str) -> bool:
    """Whether an error's class has this name; avoids importing TensorFlow just to check."""
    return any(f"{kind.__module__}.{kind.__qualname__}".endswith(name) for kind in type(error).__mro__)


def _hear_signals() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C, unless the parent process ignores them, as nohup does."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)


def _leave(number: int, frame: object) -> None:
    """Exit as on Ctrl-C: clean up partial work, and report how to resume."""
    raise SystemExit(128 + number)


def _fail(message: str, status: int = 1) -> None:
    _say(message)
    sys.exit(status)


def _say(message: str) -> None:
    """Print a line on stderr, below any progress bar left by an error."""
    WAITING.end()
    if console := sys.modules.get("kit.cli.console"):  # not imported just to find that there is no bar
        console.hide_all()
    typer.echo(f"kit: {printable_line(message)}", err=True)
