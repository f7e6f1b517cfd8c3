"""Cells of every target and form: what is written passes the check, and reading it back gives the decisions."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import SpecError, SubmissionError
from kit.inference.predictions import Predictions
from kit.kaggle.check_submission import check_table
from kit.kaggle.find_sample import Answer
from kit.metrics import find_metric
from kit.submission.cells import Cells
from kit.submission.form import choose_cells, refuse_decisions, sample_of
from kit.targets import Decision, Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

PAIR = Classes(names=("cat", "dog"))
BINARY = Classes(names=("0", "1"))
SPECIES = Classes(names=("Common Chickweed", "Fat Hen", "Maize", "Sugar beet"))
IDS = Classes(names=tuple(f"w_{number}" for number in range(7)))
LEAVES = Tags(names=("complex", "frog_eye", "rust", "scab"), separator=" ")
FINDINGS = Tags(names=("Edema", "Mass", "Nodule"), separator="|", no_tag="No Finding")
BARE = Tags(names=("Edema", "Mass", "Nodule"), separator="|")
COLUMNS = Tags(names=("CVC", "ETT", "NGT"), separator="|", are_columns=True)
STAGES = Grades(names=("0", "1", "2", "3", "4"))
HALVES = Grades(names=("1.0", "2.0", "3.0"))
WORDS = Grades(names=("mild", "moderate", "severe"))
PAWS = Values(names=("score",), mean=(40.0,), deviation=(20.0,), lowest=(1.0,), highest=(100.0,))
CELLS = Values(names=("rbc", "wbc"), mean=(9.0, 1.0), deviation=(3.0, 1.0), lowest=(0.0, 0.0), highest=(20.0, 4.0))

Form = tuple[Target, Mapping[str, str], str, str]  # target, one row's cells by column, a metric, and what cells hold

FORMS: dict[str, Form] = {
    "two classes, open": (BINARY, {"label": "0"}, "", "probabilities"),
    "two classes, open, f1": (BINARY, {"label": "0"}, "f1", "decisions"),
    "two classes, half": (PAIR, {"label": "0.5"}, "f1", "probabilities"),
    "two classes, named": (PAIR, {"label": "cat"}, "", "decisions"),
    "two classes, each": (PAIR, {"dog": "0.5", "cat": "0.5"}, "", "probabilities"),
    "classes, named": (SPECIES, {"species": "Fat Hen"}, "", "decisions"),
    "classes, empty": (SPECIES, {"species": ""}, "", "decisions"),
    "classes, empty, five guesses": (IDS, {"Id": ""}, "map@5", "ranks"),
    "classes, guesses": (IDS, {"Id": "w_1 w_2 w_3 w_4 w_0"}, "", "ranks"),
    "classes, each": (SPECIES, dict.fromkeys(reversed(SPECIES.names), "0.25"), "log_loss", "probabilities"),
    "tags, joined": (LEAVES, {"labels": "rust scab"}, "", "decisions"),
    "tags, joined or none": (BARE, {"Finding": "|Mass"}, "", "decisions"),
    "tags, one word for none": (FINDINGS, {"Finding": "Edema|Mass"}, "", "decisions"),
    "tags, another separator": (LEAVES, {"labels": "rust,scab"}, "", "decisions"),
    "tags, each, open": (COLUMNS, dict.fromkeys(reversed(COLUMNS.names), "0"), "", "probabilities"),
    "tags, each, column_auc": (COLUMNS, dict.fromkeys(COLUMNS.names, "0"), "column_auc", "probabilities"),
    "tags, each, micro_f1": (COLUMNS, dict.fromkeys(COLUMNS.names, "0"), "micro_f1", "decisions"),
    "tags, each, half": (COLUMNS, dict.fromkeys(COLUMNS.names, "0.5"), "micro_f1", "probabilities"),
    "grades": (STAGES, {"diagnosis": "0"}, "", "decisions"),
    "grades, other spelling": (HALVES, {"stage": "2"}, "qwk", "decisions"),
    "grades, words": (WORDS, {"stage": "mild"}, "", "decisions"),
    "grades, expected": (STAGES, {"diagnosis": "1.5"}, "", "numbers"),
    "grades, judged as numbers": (STAGES, {"diagnosis": "0"}, "rmse", "numbers"),
    "grades, each": (WORDS, dict.fromkeys(WORDS.names, "0.3"), "", "probabilities"),
    "value": (PAWS, {"score": "38.5"}, "", "numbers"),
    "values": (CELLS, {"wbc": "0", "rbc": "0"}, "", "numbers"),
}
LONG = {
    "classes, long": (WORDS, "0.5", "", "probabilities"),
    "tags, long": (COLUMNS, "0.5", "", "probabilities"),
    "tags, long, open": (COLUMNS, "0", "micro_f1", "decisions"),
    "values, long": (CELLS, "0", "", "numbers"),
}


def images(count: int) -> list[str]:
    return [f"im-{number}" for number in range(count)]


def written(cells: Mapping[str, str], count: int = 6) -> pd.DataFrame:
    """Make a sample whose rows all hold the same, but for the empty ones that a leading bar stands for."""
    columns: dict[str, list[str]] = {"id": images(count)}
    for name, cell in cells.items():
        texts = [cell] * count
        if cell.startswith("|"):
            texts = ["" if number % 2 else cell[1:] for number in range(count)]
        columns[name] = texts
    return pd.DataFrame(columns, dtype=str)


def rows_of_names(target: Target, cell: str, count: int = 6) -> pd.DataFrame:
    ids = [f"{one}_{name}" for one in images(count) for name in reversed(target.names)]
    return pd.DataFrame({"id": ids, "value": [cell] * len(ids)}, dtype=str)


def sample_table(form: str) -> tuple[Target, pd.DataFrame, str, str]:
    if form in LONG:
        target, cell, metric, holds = LONG[form]
        return target, rows_of_names(target, cell), metric, holds
    target, cells, metric, holds = FORMS[form]
    return target, written(cells), metric, holds


def predicted(target: Target, count: int, seed: int, *, is_number: bool = False) -> Predictions:
    rng = np.random.default_rng(seed)
    outputs = rng.random((count, len(target.names)))
    if isinstance(target, Values):
        outputs = outputs * (np.array(target.highest) - target.lowest) + target.lowest
    elif target.is_partition and is_number:
        outputs = outputs[:, :1] * (len(target.names) - 1)
    elif target.is_partition:
        outputs = outputs / outputs.sum(axis=1, keepdims=True)
    return Predictions(images(count), target.encode([None] * count), outputs.astype(np.float32), target)


def read(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)), dtype=str, keep_default_na=False)


def cells_of(form: str) -> tuple[Cells, pd.DataFrame, Answer]:
    target, table, name, _ = sample_table(form)
    metric = find_metric(name) if name else None
    sample = sample_of(Path("sample.csv"), table, target, 6)
    cells = choose_cells(target, sample, metric)
    least = int(cells.are_joined and not sample.has_blanks and not getattr(target, "no_tag", ""))
    return replace(cells, decision=Decision(least=least)), table, Answer(target=target, images=6, metric=metric)


@pytest.mark.parametrize("form", [*FORMS, *LONG])
def test_the_sample_and_then_the_metric_say_what_cells_hold(form: str) -> None:
    assert sample_table(form)[3] == cells_of(form)[0].form.holds


@pytest.mark.parametrize("form", [*FORMS, *LONG])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**31))
def test_what_is_written_passes_the_check_and_reads_back(form: str, seed: int) -> None:
    cells, sample, answer = cells_of(form)
    target, holds = cells.target, cells.form.holds
    is_number = isinstance(target, Grades) and holds in {"decisions", "numbers"} and bool(seed % 2)
    scores = predicted(target, 6, seed, is_number=is_number)
    table = read(cells.table(scores, sample["id"].tolist()))
    found = cells.read(table)
    wanted: Any = {
        "decisions": lambda: target.decide(scores.outputs, cells.decision),
        "probabilities": lambda: scores.outputs if cells.has_each else scores.outputs[:, 1:],
        "ranks": lambda: np.argsort(-scores.outputs, axis=1, kind="stable")[:, : cells.form.guesses],
        "numbers": lambda: expected(target, scores.outputs),
    }[str(holds)]()

    assert sample["id"].tolist() == table["id"].tolist()
    assert list(sample.columns) == list(table.columns)
    assert [] == [problem.what for problem in check_table(table, sample, answer) if problem.doubt != "constant"]
    assert np.allclose(np.asarray(wanted, np.float64), found, rtol=1e-6, atol=1e-7)


def expected(target: Target, outputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if isinstance(target, Values):
        return outputs
    grades = outputs[:, 0] if outputs.shape[1] == 1 else outputs @ np.arange(len(target.names))
    return np.float64(grades)[:, None]


BAD = [
    ("tags, joined", 1, "rust mildew", "unknown tags: mildew (1), of im-1 (1)", ""),
    ("tags, joined", 1, "rust,scab", "unknown tags: rust,scab (1) (the sample separates by blanks), of im-1 (1)", ""),
    ("tags, joined", 2, "rust rust", "tags named twice, of im-2 (1)", ""),
    ("tags, joined", 2, "", "blank values, of im-2 (1)", ""),
    ("tags, joined", 2, "nan", "unknown tags: nan (1), of im-2 (1)", ""),
    ("tags, one word for none", 0, "Mass|No Finding", "'No Finding' beside other tags, of im-0 (1)", ""),
    ("tags, one word for none", 0, "", "blank values, of im-0 (1)", ""),
    ("classes, guesses", 3, "w_1 w_2", "2 guesses instead of 5, of im-3 (1)", ""),
    ("classes, guesses", 3, "w_1 w_2 w_3 w_3 w_4", "guesses named twice, of im-3 (1)", ""),
    ("classes, guesses", 3, "w_1 w_2 w_3 w_4 w_99", "guesses outside the classes: w_99 (1), of im-3 (1)", ""),
    (
        "classes, named",
        0,
        "Beetle",
        f"values outside the classes {', '.join(SPECIES.names[:3])}, … (4): Beetle (1)",
        "",
    ),
    ("grades", 2, "2.0", "grades written 2.0 where the sample has 2, of im-2 (1)", ""),
    ("grades", 2, "5", "values outside the grades 0, 1, 2, … (5): 5 (1)", ""),
    ("grades", 2, "1.5", "values outside the grades 0, 1, 2, … (5): 1.5 (1)", ""),
    ("grades, other spelling", 0, "2.0", "grades written 2.0 where the sample has 2, of im-0 (1)", ""),
    ("grades, expected", 0, "4.5", "values outside the training range [0, 4], of im-0 (1)", "range"),
    ("value", 4, "-3", "values outside the training range [1, 100], of im-4 (1)", "range"),
    ("value", 4, "inf", "values that are no numbers, NaN or infinite, of im-4 (1)", ""),
    ("values", 4, "9", "values outside the training range [0, 4] in column wbc, of im-4 (1)", "range"),
    ("tags, each, open", 4, "2", "values outside [0, 1], of im-4 (1)", "range"),
    (
        "classes, each",
        5,
        "0.9",
        "probabilities that do not sum to 1 but to 1.65, of im-5 (1)",
        "sum",
    ),
    ("tags, long", 1, None, "ids missing: im-0_ETT (1)", ""),
    ("tags, long", 1, None, "images without a row for each tag: im-0 (1)", ""),
]  # form, row, its cell or None for no such row, finding, doubt


def put(table: pd.DataFrame, row: int, cell: str) -> None:
    table.iloc[row, 1] = cell


@pytest.mark.parametrize(("form", "row", "cell", "what", "doubt"), BAD)
def test_a_faulty_cell_is_named(form: str, row: int, cell: str | None, what: str, doubt: str) -> None:
    _, sample, answer = cells_of(form)
    table = sample.copy()
    if cell is None:
        table = table.drop(index=row)
    else:
        put(table, row, cell)
    found = {problem.what: problem.doubt for problem in check_table(table, sample, answer)}

    assert doubt == found.get(what, f"not in {found}")


def test_probabilities_that_need_not_sum_to_one_are_not_doubted() -> None:
    _, sample, answer = cells_of("classes, each")
    table = sample.copy()
    put(table, 5, "0.9")

    assert [] == check_table(table, sample, replace(answer, metric=find_metric("column_auc")))


def test_an_image_without_tags_gets_the_word_or_the_nearest_tag_or_nothing() -> None:
    outputs = np.float32([[0.1, 0.3, 0.2]])
    texts = []
    for form in ("tags, one word for none", "tags, joined or none"):
        cells = cells_of(form)[0]
        texts.append(cells.table(Predictions(["a"], np.int8([[-1] * 3]), outputs, cells.target)).iloc[0, 1])
    full = sample_of(Path("s.csv"), written({"f": "Mass"}), BARE, 6)
    cells = replace(choose_cells(BARE, full, None), decision=Decision(least=1))
    texts.append(cells.table(Predictions(["a"], np.int8([[-1] * 3]), outputs, BARE)).iloc[0, 1])

    assert ["No Finding", "", "Mass"] == texts


@pytest.mark.parametrize(
    ("target", "metric", "columns", "holds"),
    [
        (PAIR, "", ("cat", "dog"), "probabilities"),
        (SPECIES, "", SPECIES.names, "probabilities"),
        (SPECIES, "macro_f1", ("label",), "decisions"),
        (IDS, "map@5", ("label",), "ranks"),
        (LEAVES, "", ("label",), "decisions"),
        (LEAVES, "column_auc", LEAVES.names, "probabilities"),
        (COLUMNS, "", COLUMNS.names, "decisions"),
        (STAGES, "", ("label",), "decisions"),
        (STAGES, "rmse", ("label",), "numbers"),
        (PAWS, "", ("score",), "numbers"),
        (CELLS, "", ("rbc", "wbc"), "numbers"),
    ],
)
def test_without_a_sample_cells_hold_what_the_labels_are(
    target: Target, metric: str, columns: Sequence[str], holds: str
) -> None:
    cells = choose_cells(target, None, find_metric(metric) if metric else None)
    table = cells.table(predicted(target, 4, 0))

    assert ["id", *columns] == list(table.columns)
    assert holds == cells.form.holds
    assert 0 == table.isna().sum().sum()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("value", "values are numbers, about which nothing is decided; leave out decide="),
        ("classes, guesses", "cells of the sample submission hold 5 guesses, not decisions"),
        ("grades, expected", "cells of the sample submission hold a number, not decisions"),
        ("tags, each, half", "cells of the sample submission hold a probability, not decisions"),
        ("classes, each", "decide= needs one value column; the sample submission has one for each class"),
    ],
)
def test_a_rule_is_refused_where_cells_hold_no_decisions(form: str, message: str) -> None:
    target, table, _, _ = sample_table(form)
    with pytest.raises(SpecError, match=message):
        refuse_decisions(sample_of(Path("s.csv"), table, target, 6).form, target)


def test_more_guesses_than_classes_are_refused() -> None:
    target = Classes(names=("w_1", "w_2", "w_3"))
    with pytest.raises(SubmissionError, match=r"asks for 4 guesses per image, and the dataset has 3 classes"):
        sample_of(Path("s.csv"), written({"Id": "w_1 w_2 w_3 w_4"}), target, 6)


def test_a_sample_that_the_target_cannot_fill_is_refused_by_line_and_value() -> None:
    with pytest.raises(SubmissionError, match=r"sample\.csv, line 2: 'many' in column score is no number"):
        check_table(
            written({"score": "3"}),
            written({"score": "many"}),
            Answer(target=PAWS),
            path=Path("sample.csv"),
        )


def test_ids_that_end_as_classes_do_are_no_rows_of_names() -> None:
    ids = [f"patient_{number}" for number in range(2)]
    table = pd.DataFrame({"id": ids, "label": ["0", "0"]}, dtype=str)

    assert not sample_of(Path("s.csv"), table, BINARY, 2).form.is_long
    assert sample_of(Path("s.csv"), table, BINARY, 1).form.is_long


def test_expected_grades_are_on_the_scale_of_their_names() -> None:
    target = Grades(names=("1", "2", "4"))
    sample = sample_of(Path("s.csv"), written({"grade": "1.5"}, 2), target, 2)
    scores = Predictions(images(2), np.int32([-1, -1]), np.float32([[1.5], [0.25]]), target)

    assert [3.0, 1.25] == choose_cells(target, sample, None).table(scores)["grade"].tolist()
