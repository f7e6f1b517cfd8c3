"""kit audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kit.cli.options import (
    Classes,
    ClassFrom,
    ClassNames,
    Competition,
    Exclude,
    Group,
    IdColumn,
    IgnoreSplits,
    Json,
    LabelColumn,
    Labels,
    NoTag,
    PathColumn,
    SampleSubmission,
    Separator,
    Target,
    Test,
)


def audit(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Images, in class folders or not, or an .npz file."),
    ],
    competition: Competition = None,
    labels: Labels = None,
    id_column: IdColumn = None,
    path_column: PathColumn = None,
    label_column: LabelColumn = None,
    target: Target = None,
    separator: Separator = None,
    no_tag: NoTag = None,
    class_from: ClassFrom = None,
    classes: Classes = None,
    class_names: ClassNames = None,
    ignore_splits: IgnoreSplits = None,
    group: Group = None,
    exclude: Exclude = None,
    test: Test = None,
    sample_submission: SampleSubmission = None,
    scale: Annotated[
        str,
        typer.Option(
            metavar="SCALE",
            help="Mapping of more than 8 bits to 8, as in kit shard: none, minmax or percentile:1,99.",
        ),
    ] = "none",
    near_bits: Annotated[
        int, typer.Option(help="Largest difference between hashes of near-duplicates, in bits of 64; 0 looks for none.")
    ] = 4,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Write audit.csv, findings.csv, audit.png and classes.png here."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes.", show_default="one per core")] = None,
    json: Json = False,
) -> None:
    """Inspect images before sharding: unreadable, duplicate and blank ones, and their classes, sizes and kinds.

    Example: kit audit train --labels train_labels.csv --test test -o audit
    """
    from kit.audits import audit as audit_images
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.audit import audit_tables, describe_audit, next_command
    from kit.reports.audit_files import summary, write_audit
    from kit.specs import parse_classes, parse_names

    found = audit_images(
        source,
        competition=competition,
        labels=labels,
        id_column=id_column,
        path_column=path_column,
        label_column=label_column,
        target=target,
        separator=separator,
        no_tag=no_tag,
        class_from=class_from,
        classes=parse_classes(classes) if classes else None,
        class_names=parse_names(class_names) if class_names else None,
        ignore_splits=parse_names(ignore_splits) if ignore_splits else None,
        group=group,
        exclude=exclude,
        test=test,
        sample_submission=sample_submission,
        scale=scale,
        near_bits=near_bits,
        workers=workers,
        progress=ConsoleProgress(),
    )
    files = write_audit(found, output) if output else []
    if json:
        print_json({**summary(found), "files": files})
        return
    for line in describe_audit(found):
        print_line(line)
    print_tables(audit_tables(found))
    if files:
        print_line(f"{output}: {', '.join(path.name for path in files)}")
    print_line(f"next: {next_command(found)}")
