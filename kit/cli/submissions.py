"""kit submissions."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.options import Json, Root


def submissions(
    competition: Annotated[
        str | None, typer.Option("--competition", "-c", metavar="SLUG", help="Competition to list; all by default.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Kaggle for later scores.")] = False,
    root: Root = None,
    json: Json = False,
) -> None:
    """Show the ledger of submissions: local against public scores, and the command that made each file.

    Example: kit submissions --competition histopathologic-cancer-detection --refresh
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.kaggle.submissions import submissions as read_submissions
    from kit.reports.submissions import describe_correlation, remake_lines, submission_table

    found = read_submissions(competition, refresh=refresh, root=root, progress=ConsoleProgress())
    if json:
        print_json(found)
        return
    print_tables([submission_table(found)])
    for remark in found.remarks:
        print_line(remark)
    for trust in found.trust:
        print_line(describe_correlation(trust))
    for line in remake_lines(found):
        print_line(line)
