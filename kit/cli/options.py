"""Options that several commands share, each with one help text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from kit.errors import SpecError
from kit.stderr import VERBOSE


def _silence(verbose: bool) -> bool:
    if verbose:
        os.environ[VERBOSE] = "1"  # read when TensorFlow is imported, in the workers too
    return verbose


Dataset = Annotated[str, typer.Argument(metavar="NAME", help="Dataset, a folder in tfrecords/.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Run: its path, or its name in runs/.")]
Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUNS",
        help="Runs to average the predictions of: paths, or names in runs/; a folder means all runs in it.",
    ),
]
Tta = Annotated[
    str | None,
    typer.Option(
        metavar="flips|d4|N",
        help="Views of each image to average: flips (4), d4 (8), or N by the run's own augmentation.",
        show_default="the unchanged image",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        envvar="KIT_ROOT", help="Folder with tfrecords/, runs/, submissions/; or s3://bucket/folder.", show_default="."
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        metavar="I/N|auto|auto/N",
        help="Do part I of N of the work beside other commands, in an array job auto; without it, join the parts.",
        show_default="the whole",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Html = Annotated[bool, typer.Option("--html", help="Also write report.html: everything on one page, for any browser.")]
Engine = Annotated[
    str,
    typer.Option(metavar="local|ray", help="Processes of this machine, or all machines of a Ray cluster."),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Head of the Ray cluster, for --engine ray.",
        show_default="the environment's RAY_ADDRESS",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", callback=_silence, help="Show TensorFlow's own log lines."),
]
RECIPE = "Shipped recipe (see kit recipes), or the path of a .toml file."
Recipe = Annotated[str, typer.Option(help=RECIPE)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a setting, as train.epochs=5; may be repeated."),
]
EPOCHS = "Passes over the train split."
BATCH_SIZE = "Images per step, over all devices together."
HEAD = "Last layer: classes, cumulative or value of grades; other targets have one each."
LEARNING_RATE = "Learning rate at the start, or after the warm-up."
Cache = Annotated[
    str | None,
    typer.Option(
        metavar="CACHE",
        help="Storage of decoded images between epochs: auto, memory, disk, or none, which streams them. Short for"
        " --set train.cache=…",
        show_default="auto: memory, if they fill no more than a quarter of it",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="PRECISION",
        help="Precision of the model's arithmetic: float32, mixed_float16 or mixed_bfloat16.",
        show_default="the recipe's",
    ),
]
Devices = Annotated[
    str,
    typer.Option(
        metavar="DEVICES",
        help="Devices to train on: auto, cpu, cpu:N, gpu or gpu:0,1; several share each batch.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="best|last", help="Weights of the best or the last epoch.", show_default="the run's train.evaluate"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]

_SOURCE = "Where classes and groups come from"
Competition = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|TOML",
        help="Competition that kit knows, or its .toml file: the files in SOURCE, columns, target, metric, groups.",
        rich_help_panel=_SOURCE,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(metavar="CSV", help="CSV or Parquet file of ids and labels.", rich_help_panel=_SOURCE),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of ids in --labels, with or without file endings.",
        show_default="id, or found",
        rich_help_panel=_SOURCE,
    ),
]
PathColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of file names in --labels, and in --test where that is a table.",
        show_default="the ids",
        rich_help_panel=_SOURCE,
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of labels in --labels, or several: a,b,c.",
        show_default="those of the sample submission, label, or found",
        rich_help_panel=_SOURCE,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="TARGET",
        help="Meaning of the labels: classes (one name per image), tags (any number of names), grades (ordered names)"
        " or values (numbers).",
        show_default="found",
        rich_help_panel=_SOURCE,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="SIGN",
        help="Sign between the tags of one label, as '|'.",
        show_default="found",
        rich_help_panel=_SOURCE,
    ),
]
NoTag = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL",
        help="Label that means no tag, as 'No Finding'; '' takes empty cells for none.",
        rich_help_panel=_SOURCE,
    ),
]
ClassFrom = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Pattern of the class in a file's name, as '_(bacteria|virus)_'; otherwise its folder is the class.",
        rich_help_panel=_SOURCE,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="OLD=NEW,…",
        help="Rename labels, several to one where they are one class, as 'Cat=cat,0.0=0'; grades in their order.",
        rich_help_panel=_SOURCE,
    ),
]
ClassNames = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,…",
        help="Names of the classes 0, 1, and so on, where labels are numbers; or the grades in their order.",
        rich_help_panel=_SOURCE,
    ),
]
IgnoreSplits = Annotated[
    str | None,
    typer.Option(
        metavar="val,test",
        help="Splits of the source, train, val or test, to leave out.",
        rich_help_panel=_SOURCE,
    ),
]
MergeSplits = Annotated[
    bool | None,
    typer.Option(
        "--merge-splits",
        help="Merge train, val and test folders and split them anew.",
        rich_help_panel=_SOURCE,
        show_default=False,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|REGEX",
        help="Patient or slide: a column of --labels, or found in file names, as 'person[0-9]+'.",
        rich_help_panel=_SOURCE,
    ),
]
Exclude = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File of ids or paths to leave out, one per line.", rich_help_panel=_SOURCE),
]
Test = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|CSV", help="Unlabelled test images, or a table of their ids and files.", rich_help_panel=_SOURCE
    ),
]
SampleSubmission = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="Sample submission, whose ids order the test images, and whose columns name the labels.",
        rich_help_panel=_SOURCE,
    ),
]

Against = Annotated[
    str,
    typer.Option(
        metavar="first|previous",
        help="Compare arms with the first alone, or with previous each with the previous one too.",
        show_default="previous for a recipe's ladder, else first",
    ),
]


def read_against(text: str) -> Literal["first", "previous"] | None:
    """Parse --against; None if not given."""
    if text:
        one_of(text, "--against", "first", "previous")
    return "previous" if text == "previous" else "first" if text else None


def one_of(value: str, option: str, *allowed: str) -> None:
    """Refuse a value outside `allowed`."""
    if value not in allowed:
        raise SpecError(f"{option} must be one of {', '.join(allowed)}, got '{value}'")
