"""Checks of a submission file before it is sent, so that no submission is wasted."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kit.errors import SourceError, SubmissionError, first_three, option, require, worded
from kit.files import size_text
from kit.kaggle.check_values import CONSTANT, KNOWN, ORDER, RANGE, SUM, Problem, Rules, value_findings
from kit.kaggle.find_sample import Answer
from kit.sources.image_table import read_table, separator_hint
from kit.sources.long_form import split_id
from kit.sources.sample_form import SampleForm
from kit.submission.form import choose_cells, sample_of

DOUBTS = {
    CONSTANT: "every row predicts the same",
    RANGE: "values outside [0, 1], or outside the training range",
    ORDER: "rows in another order than the sample's",
    KNOWN: "bytes that were submitted before",
    SUM: "probabilities of an image that do not sum to 1",
}
_NEVER = {CONSTANT, ORDER}  # both at once mean a broken file
_GIGANTIC = 64e6  # bytes; below that no file is too large, however small the sample
_TIMES = 50  # times the sample's size: probabilities have up to 20 digits where a sample has one


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A checked file.

    Attributes:
        path: Path of the file.
        sample: Sample submission for the comparison.
        bytes: Size of the file, bytes.
        sha256: SHA-256 of the file's bytes.
        rows: Number of rows, without the header.
        columns: Names of the columns.
        findings: Reasons against submitting the file.
    """

    path: Path
    sample: Path
    bytes: int
    sha256: str
    rows: int
    columns: tuple[str, ...]
    findings: tuple[Problem, ...]

    def refuse(self, *, force: Collection[str]) -> None:
        """Raise if there are findings against submitting the file.

        Args:
            force: Doubts to overrule, from `DOUBTS`.

        Raises:
            SubmissionError: There are findings, all listed in the message; doubts named by `force` are ignored, except
                a constant in another order.
        """
        faults = [finding.what for finding in self.findings if not finding.doubt]
        doubts = {finding.doubt: finding.what for finding in self.findings if finding.doubt}
        named = "; ".join([*faults, *doubts.values()])
        if faults:
            raise SubmissionError(f"{self.path} is not what {self.sample} asks for: {named}; nothing was submitted")
        if doubts.keys() >= _NEVER:
            raise SubmissionError(
                f"{self.path}: {named}; no {option('force')} overrules both at once: write the file again; nothing was"
                " submitted"
            )
        if left := [word for word in doubts if word not in force]:
            asked = "; ".join(doubts[word] for word in left)
            add = option("force", left, typed=",".join(left))
            raise SubmissionError(f"{self.path}: {asked}; if that is meant, add {add}")


def check_file(path: Path, sample: Path, answer: Answer | None = None) -> Checked:
    """Compare a file with the sample submission.

    Args:
        path: CSV to check.
        sample: Sample submission of the competition.
        answer: Predicted dataset's target and metric, if known.

    Raises:
        SourceError: One of the two cannot be read as a CSV.
        SubmissionError: The file is missing, empty, or far too large; or the target cannot fill the sample.
    """
    refuse_missing(path)
    if path.stat().st_size > max(_GIGANTIC, _TIMES * sample.stat().st_size):
        sizes = f"{size_text(path.stat().st_size)}, {sample} {size_text(sample.stat().st_size)}"
        raise SubmissionError(f"{path} has {sizes}: it cannot be what the competition asks for")
    data = path.read_bytes()
    if not data.strip():
        raise SubmissionError(f"{path} is empty; write it again")
    table, wanted = read_table(path), read_table(sample)
    if len(wanted.columns) < 2 or wanted.empty:  # noqa: PLR2004 (an id and a value)
        hint = separator_hint(wanted)
        why = f"; {hint}" if hint else ""
        raise SourceError(f"{sample} has no ids and values to compare with{why}; give the competition's own file")
    return Checked(
        path=path,
        sample=sample,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        rows=len(table),
        columns=tuple(table.columns),
        findings=tuple(check_table(table, wanted, answer, path=sample)),
    )


def refuse_missing(path: Path) -> None:
    """Refuse a missing submission file before any other check.

    Raises:
        SubmissionError: The file does not exist.
    """
    if not path.is_file():
        predict = worded(f"kit predict RUN -o {path}", f"kit.predict(RUN, output={str(path)!r})")
        raise SubmissionError(f"{path} does not exist; make it with {predict}")


def refuse_unknown_doubts(words: Collection[str]) -> None:
    """Refuse words that are not doubts.

    Raises:
        SpecError: A word is not in `DOUBTS`.
    """
    for word in words:
        require(word in DOUBTS, f"{option('force')} takes {', '.join(DOUBTS)}, one or several; got '{word}'")


def check_table(
    table: pd.DataFrame, sample: pd.DataFrame, answer: Answer | None = None, *, path: Path = Path("the sample")
) -> list[Problem]:
    """Compare a submission with the sample submission; both as strings, ids first.

    Args:
        table: Table of the submission.
        sample: Sample submission with at least one row of an id and one or more values.
        answer: Predicted dataset's target and metric, if known.
        path: Path of the sample, for messages.

    Raises:
        SubmissionError: The target cannot fill the sample.
    """
    columns, wanted = list(table.columns), list(sample.columns)
    if columns != wanted:
        return [Problem(_columns_differ(table, columns, wanted))]
    if table.empty:
        return [Problem("it has no rows")]
    rules = _rules(sample, answer, path) if answer else None
    ids, asked = table[wanted[0]].fillna("").tolist(), sample[wanted[0]].tolist()
    findings = _id_findings(ids, asked) + (_row_findings(ids, asked, rules) if rules else [])
    values = table[wanted[1:]].fillna("").apply(lambda column: column.str.strip())
    return [*findings, *value_findings(ids, values, sample[wanted[1:]], rules), *_constant(values)]


def _rules(sample: pd.DataFrame, answer: Answer, path: Path) -> Rules:
    found = sample_of(path, sample, answer.target, answer.images)
    cells = choose_cells(answer.target, found, answer.metric)
    return Rules(cells, found, answer.metric.name if answer.metric else "")


def _columns_differ(table: pd.DataFrame, columns: Sequence[str], wanted: Sequence[str]) -> str:
    if hint := separator_hint(table):
        return hint
    if sorted(columns) == sorted(wanted):
        return f"its columns stand in another order: {', '.join(columns)} instead of {', '.join(wanted)}"
    missing = [name for name in wanted if name not in columns]
    extra = [name for name in columns if name not in wanted]
    parts = [
        f"{word} {first_three(names, len(names))}" for word, names in (("missing", missing), ("extra", extra)) if names
    ]
    return f"columns {', '.join(parts) or 'that repeat'}"


def _id_findings(ids: Sequence[str], asked: Sequence[str]) -> list[Problem]:
    present, wanted = set(ids), set(asked)
    missing = [one for one in asked if one not in present]
    extra = [one for one in ids if one not in wanted]
    seen: set[str] = set()
    repeated = [one for one in ids if one in seen or seen.add(one)]  # type: ignore[func-returns-value]  # adds None
    findings = [
        Problem(f"{what}: {first_three(names, len(names))}{hint}")
        for what, names, hint in (
            ("ids missing", missing, _hint(missing, extra)),
            ("ids that were not asked for", extra, ""),
            ("ids repeated", repeated, ""),
        )
        if names
    ]
    if not findings and list(ids) != list(asked):
        findings.append(Problem("its rows stand in another order than the sample's", doubt=ORDER))
    return findings


def _row_findings(ids: Sequence[str], asked: Sequence[str], rules: Rules) -> list[Problem]:
    """Say of images with some rows in long form which ones they lack."""
    form: SampleForm = rules.cells.form
    if not form.is_long:
        return []
    names, present = set(rules.target.names), set(ids)
    partial = {split_id(one, names)[0] for one in ids}
    lacking = [one for one in asked if one not in present and split_id(one, names)[0] in partial]
    what = f"images without a row for each {rules.target.noun}"
    images = list(dict.fromkeys(split_id(one, names)[0] for one in lacking))
    return [Problem(f"{what}: {first_three(images, len(images))}")] if images else []


def _hint(missing: Sequence[str], extra: Sequence[str]) -> str:
    """Suggest which of three common causes changed the ids."""
    if not extra:
        return ""
    if {one.lstrip("0") for one in missing} >= {one.lstrip("0") for one in extra}:
        return " (leading zeros are lost: read ids as texts, dtype=str)"
    if {one.removesuffix(".0") for one in extra} == set(missing):
        return " (they became decimal numbers: read ids as texts, dtype=str)"
    if {one.rpartition(".")[0] for one in extra} == set(missing):
        return " (without the files' endings)"
    return ""


def _constant(values: pd.DataFrame) -> list[Problem]:
    if len(values) > 1 and len(values.drop_duplicates()) == 1:
        return [Problem(f"every row predicts the same: {', '.join(values.iloc[0])}", doubt=CONSTANT)]
    return []
