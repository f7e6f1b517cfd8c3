"""kit submit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import Json, Root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.kaggle.submit import Submitted


def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV from kit predict.")],
    competition: Annotated[
        str,
        typer.Option(
            "--competition", "-c", metavar="SLUG", help="Slug of the competition, as in its address on Kaggle."
        ),
    ],
    message: Annotated[str, typer.Option("--message", "-m", help="Message to identify the submission on Kaggle.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the score.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the file; without account and network.")
    ] = False,
    sample: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Sample submission to check against.",
            show_default="the predicted dataset's, or the one in data/<competition>",
        ),
    ] = None,
    force: Annotated[
        list[str] | None,
        typer.Option(
            "--force",
            metavar="DOUBTS",
            help="Overrule doubts, each by its name: constant, range (values outside [0, 1] or the training range),"
            " order (of rows), known (bytes submitted before), sum (probabilities that do not sum to 1), as"
            " constant,known.",
        ),
    ] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Check a submission against the sample submission, send it to Kaggle once, and record it in the ledger.

    Example: kit submit submissions/first.csv --competition histopathologic-cancer-detection -m "first try" --wait
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.kaggle.submit import submit as submit_file

    done = submit_file(
        file,
        competition=competition,
        message=message,
        wait=wait,
        dry_run=dry_run,
        sample=sample,
        force=[word.strip() for text in force or () for word in text.split(",")],
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(done)
        return
    for line in _lines(done):
        print_line(line)


def _lines(done: Submitted) -> Iterator[str]:
    """Describe the checks of the file, and the outcome."""
    checked = done.checked
    yield f"{checked.path}: {checked.rows:,} rows, columns {', '.join(checked.columns)}: as {checked.sample} asks"
    yield from (f"in spite of a doubt: {finding.what}" for finding in checked.findings)
    if done.ref is None:
        yield from done.remarks  # otherwise reported before the upload
        yield "dry run: nothing was submitted"
        return
    left = "" if done.left is None else f"; {done.left} left today"
    yield f"submission {done.ref} to {done.competition}{left}"
    if done.public is None:
        yield f"next: kit submissions --competition {done.competition} --refresh"
        return
    yield f"public score {done.public:.5f}{'' if done.private is None else f', private {done.private:.5f}'}"
    yield from _standing_lines(done)


def _standing_lines(done: Submitted) -> Iterator[str]:
    standing = done.standing
    if standing is None:
        return
    if standing.place:
        yield f"place {standing.place:,} of {standing.teams:,} teams, by your best score"
    if standing.best is None or standing.difference is None:
        yield "your first score here"
    elif standing.gain is None:
        yield f"{standing.difference:+.5f} from your best so far, {standing.best:.5f}"
    else:
        word = "better than" if standing.gain > 0 else "worse than" if standing.gain < 0 else "the same as"
        yield f"{standing.difference:+.5f}: {word} your best so far, {standing.best:.5f}"
