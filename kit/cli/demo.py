"""kit demo."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from kit.cli.options import Json, Verbose


def demo(
    root: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("kit-demo"),
    jobs: Annotated[int | None, typer.Option(help="Trials at a time.", show_default="one per core")] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run the whole workflow on scikit-learn's handwritten digits: shard, ablate, compare, predict, score.

    Example: kit demo
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.demonstration import demo as run_demo
    from kit.reports.verdicts import figure_table, verdict_table

    done = run_demo(root, jobs=jobs, progress=ConsoleProgress())
    if json:
        print_json(
            {
                "competition": done.competition,
                "ablation": done.ablation,
                "submission": done.submission,
                "accuracy": done.accuracy,
                "n": done.n,
            }
        )
        return
    print_tables([verdict_table(done.comparison), figure_table(done.comparison)])
    print_line(f"curves: {done.ablation / 'comparison'}")
    print_line(f"submission: {done.submission}, {done.accuracy:.1%} of {done.n} held-back digits right")
    print_line(f"next: kit evaluate {shlex.quote(str(done.run))}")
    print_line("and then images of your own: kit audit FOLDER")
