"""Metrics by subgroup: their values, tests, and the columns that they are read from."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats
from statsmodels.stats.multitest import multipletests

import kit
from kit.datasets import Dataset
from kit.errors import KitError, SpecError
from kit.evaluation.intervals import Interval, Units
from kit.evaluation.metric_scores import score_metrics
from kit.evaluation.subgroup_columns import divided, open_subgroups
from kit.evaluation.subgroups import Subgroup, Subgroups, compare_subgroups
from kit.inference.predictions import Predictions
from kit.metrics import find_metric
from kit.reports import subgroups
from kit.reports.evaluation import evaluation_remarks, evaluation_tables
from kit.reports.figure import png
from kit.reports.subgroups import plot_subgroups, subgroup_remarks, subgroups_csv, subgroups_table
from kit.runs import RunDirectory
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from tests.made import target_predictions

TWO = Classes(names=("a", "b"))
ACCURACY = find_metric("accuracy")


def _predictions(right: Sequence[bool] | np.ndarray) -> Predictions:
    labels = np.arange(len(right), dtype=np.int32) % 2
    outputs = np.where((np.asarray(right) == (labels == 1))[:, None], (0.2, 0.8), (0.8, 0.2)).astype(np.float32)
    return Predictions([str(index) for index in range(len(right))], labels, outputs, TWO)


def _compared(names: Sequence[str], right: np.ndarray, groups: Sequence[str] | None = None) -> Subgroups:
    units = Units.of(groups, len(right))
    return compare_subgroups("labels.csv:site", divided(names), _predictions(right), ACCURACY, units=units)


def test_p_of_a_subgroup_is_that_of_fishers_exact_test_corrected_after_holm() -> None:
    sites = ["north"] * 30 + ["south"] * 30 + ["west"] * 30
    right = np.array([True] * 14 + [False] * 16 + [True] * 25 + [False] * 5 + [True] * 20 + [False] * 10)
    found = {row.name: row for row in _compared(sites, right).rows}
    exact = []
    for name, row in found.items():
        inside = np.array(sites) == name
        table = [[int((right & part).sum()), int((~right & part).sum())] for part in (inside, ~inside)]
        exact.append(stats.fisher_exact(table).pvalue)

        assert row.value == right[inside].mean()
        assert row.difference == pytest.approx(right[inside].mean() - right[~inside].mean())
        assert row.p == pytest.approx(exact[-1], abs=0.03)
    assert [row.p_holm for row in found.values()] == pytest.approx(
        multipletests([row.p for row in found.values()], method="holm")[1]
    )
    assert [True, True, False] == [found[name].stands for name in ("north", "south", "west")]
    interval = found["north"].interval
    assert interval is not None
    assert interval.low < 14 / 30 < interval.high


def test_patients_are_dealt_whole_so_that_one_bad_patient_is_no_bad_site() -> None:
    sites = ["north"] * 60 + ["south"] * 60
    right = np.array([False] * 30 + [True] * 90)  # all images of one of four patients are wrong
    patients = [f"patient-{index // 30}" for index in range(120)]
    alone, whole = _compared(sites, right), _compared(sites, right, patients)

    assert [True, True] == [row.stands for row in alone.rows]
    assert [False, False] == [row.stands for row in whole.rows]
    assert "groups" == whole.dealt
    assert [row.p for row in whole.rows] == [row.p_holm for row in whole.rows]  # two subgroups are one test


@pytest.mark.slow
def test_equal_subgroups_differ_in_one_of_twenty() -> None:
    rng = np.random.default_rng(0)
    p = [_compared(["x"] * 20 + ["y"] * 40, rng.random(60) < 0.7).rows[0].p for _ in range(300)]

    assert np.mean(np.array(p) < 0.05) <= 0.08
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 0.01


def test_few_images_are_counted_and_not_judged() -> None:
    names = ["big"] * 40 + [f"tiny-{index:02d}" for index in range(12)]
    found = _compared(names, np.arange(52) % 3 > 0)
    table = subgroups_table(found, score_metrics(_predictions(np.arange(52) % 3 > 0), [ACCURACY])[0])
    rows = list(csv.DictReader(subgroups_csv(found).splitlines()))

    assert [1] * 12 == [row.images for row in found.rows[1:]]
    assert all(row.p is None and row.interval is None for row in found.rows[1:])
    assert ["big", "12 others", "all images"] == [row[0] for row in table.rows]
    assert [40, 12, 52] == [int(row[1]) for row in table.rows]
    assert 13 == len(rows)
    assert {""} == {row["stands"] for row in rows[1:]}
    assert "accuracy by site: no difference stands" in subgroup_remarks(found)[0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["one"] * 30, "all 30 images are of one"),
        ([str(index) for index in range(30)], "30 different values of 30 images, none of which has 10"),
        ([f"x{index // 10}" for index in range(510)], "51 values have 10 images or more; at most 50 are judged"),
    ],
)
def test_columns_that_divide_nothing_or_everything_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        compare_subgroups(
            "x",
            divided(names) if len(set(names)) < 20 else divided([f"n{name}" for name in names]),
            _predictions(np.ones(len(names), bool)),
            ACCURACY,
            units=Units.of(None, len(names)),
        )


def test_many_numbers_are_quarters_and_few_are_names() -> None:
    ages = np.random.default_rng(0).permutation(np.arange(20, 100)).astype(str).tolist()
    division = divided([*ages, "(none)"])
    counts = [division.names.count(name) for name in division.order]

    assert ["up to 39", "above 39 up to 59", "above 59 up to 79", "above 79", "(none)"] == division.order
    assert [20, 20, 20, 20, 1] == counts
    assert ["2", "10", "(none)"] == divided(["10", "2", "(none)", "10"]).order
    assert ["b", "c"] == divided(["c", "b"]).order


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """40 images of a label file with sites and patients."""
    root = tmp_path_factory.mktemp("labelled")
    (root / "images").mkdir()
    rows = []
    for index in range(40):
        cv2.imwrite(str(root / "images" / f"i{index:02d}.png"), np.full((8, 8), index, np.uint8))
        rows.append(f"i{index:02d},{'ab'[index % 2]},{'NS'[index // 20]},p{index // 4}\n")
    (root / "labels.csv").write_text("id,label,site,patient\n" + "".join(rows))
    return kit.shard(
        root / "images",
        labels=root / "labels.csv",
        label_column="label",
        group="patient",
        root=root,
        name="labelled",
        workers=1,
    )


def _scores(target: Classes | Grades = TWO) -> Predictions:
    scores = target_predictions(target, 40)
    return Predictions([f"i{index:02d}" for index in range(40)], scores.labels, scores.outputs, target)


def test_columns_of_the_label_file_classes_and_groups_divide_the_images(labelled: Dataset, tmp_path: Path) -> None:
    scores, groups = _scores(), [f"p{index // 4}" for index in range(40)]
    (tmp_path / "own.csv").write_text("file,scanner\n" + "".join(f"x/i{i:02d}.png,{i % 3}\n" for i in range(40)))

    for by, expected in {
        "site": ["N"] * 20 + ["S"] * 20,
        "class": ["ab"[label] for label in scores.labels],
        "group": groups,
        f"{tmp_path}/own.csv:scanner": [str(index % 3) for index in range(40)],
    }.items():
        assert expected == open_subgroups(by, labelled)(scores, groups).names


def test_tables_that_do_not_fit_are_refused_in_one_line(labelled: Dataset, tiny: Dataset, tmp_path: Path) -> None:
    path, lines = Path(str(labelled.manifest.source.spec.labels)), []
    original = path.read_text()
    own = tmp_path / "own.csv"

    def message(by: str, dataset: Dataset = labelled) -> str:
        with pytest.raises(KitError) as caught:
            open_subgroups(by, dataset)(_scores(), [])
        lines.append(str(caught.value))
        return lines[-1]

    assert re.search(r"unknown column of .*labels.csv 'sight'; did you mean 'site'\?", message("sight"))
    assert "dataset tiny was made without a label file, so by= takes class here, or a table" in message("site", tiny)
    own.write_text("id,site\n" + "".join(f"i{index:02d},N\n" for index in range(37)))
    assert "own.csv lacks 3 of 40 images: i37, i38, i39 (3)" in message(f"{own}:site")
    own.write_text("id,site\n" + "".join(f"i{index // 2:02d},{index}\n" for index in range(80)))
    assert "own.csv gives image i00 several values of site: 0, 1; keep one" in message(f"{own}:site")
    own.write_text("id,site,site\n" + "".join(f"i{index:02d},N,S\n" for index in range(40)))
    assert "own.csv has several columns called 'site'; give each a name of its own" in message(f"{own}:site")
    assert f"by='{own}' names a table and no column of it; give by='{own}:COLUMN'" in message(str(own))
    own.write_text("id;site\n" + "".join(f"i{index:02d};N\n" for index in range(40)))
    assert "own.csv: its columns seem to be separated by semicolons; save it with commas" in message(f"{own}:site")
    own.write_text("id,site\nz,1\n")
    assert "no column of" in message(f"{own}:site")
    assert "cannot read" in message(f"{tmp_path}/gone.csv:site")
    try:
        path.write_text(original + "i99,a,N,p9\n")
        assert "was changed since dataset labelled was made of it; restore it, or take it as it is" in message("site")
        path.unlink()
        assert "labels.csv of dataset labelled is missing; give a copy of it: by='FILE.csv:site'" in message("site")
    finally:
        path.write_text(original)
    assert not any("\n" in line for line in lines)


def test_an_evaluation_by_subgroup_has_a_table_files_and_a_picture(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    keys = kit.evaluate(run.path, root=workspace).scores.keys
    own = tmp_path / "own.csv"
    own.write_text("id,site\n" + "".join(f"{key},{'NS'[index % 2]}\n" for index, key in enumerate(keys)))
    evaluation = kit.evaluate(run.path, by=f"{own}:site", metric="f1,auc", root=workspace)
    names = {path.name for path in kit.write_evaluation(evaluation, tmp_path / "out", html=True)}
    figures = json.loads((tmp_path / "out" / "evaluation.json").read_text())["subgroups"]
    page = (tmp_path / "out" / "report.html").read_text()

    assert {"subgroups.csv", "subgroups.png", "metrics.csv", "report.html"} <= names
    assert ("f1", ["N", "S"], "images") == (
        figures["metric"],
        [row["name"] for row in figures["rows"]],
        figures["dealt"],
    )
    assert "f1 by site, each subgroup beside all other images" in page
    assert "site" == evaluation_tables(evaluation)[1].columns[0]
    assert any("f1 by site" in line for line in evaluation_remarks(evaluation))
    with pytest.raises(SpecError, match="unknown column"):
        kit.evaluate(run.path, by=f"{own}:sit", root=workspace)


def test_rounding_below_zero_is_shown_as_zero() -> None:
    none = -2.2e-16
    interval = Interval(low=none, high=0.5, resamples=9, drawn="images", units=9)
    found = dataclasses.replace(
        _compared(["x", "y"] * 20, np.arange(40) % 3 > 0),
        rows=[Subgroup(name="x", images=20, value=none, interval=interval, difference=none)],
    )

    assert ("x", "20", "0.0000", "[0.0000, 0.5000]", "+0.0000") == subgroups_table(found).rows[0][:5]


def test_a_legend_is_not_cut_by_the_edge_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in "abc" for _ in range(40)]
    right = np.array([[False] * 36 + [True] * 4, [True, False] * 20, [True] * 40]).ravel()
    found, figures = _compared(names, right), list[Figure]()
    monkeypatch.setattr(subgroups, "png", lambda figure: figures.append(figure) or png(figure))
    (every,) = score_metrics(_predictions(right), [ACCURACY])
    plot_subgroups(found, "title", every)
    (legend,) = figures[0].legends
    box = legend.get_window_extent().get_points()

    assert ["all images", "no difference stands", "better than the rest", "worse than the rest"] == [
        text.get_text() for text in legend.get_texts()
    ]
    assert (box >= 0).all()
    assert (box <= figures[0].bbox.get_points()[1]).all()
