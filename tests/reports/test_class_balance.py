"""Images of each class, before and after balancing."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit.audits import audit
from kit.audits.class_balance import ClassCounts, counts_of_audit, counts_of_dataset
from kit.cli.app import main
from kit.reports.class_balance import balance_table, plot_class_counts, shown_classes


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    """Images of three classes: 12, 7 and 4; and a test split of 2 each."""
    rng = np.random.default_rng(2)
    for split, counts in (("train", (12, 7, 4)), ("test", (2, 2, 2))):
        for label, count in zip("abc", counts, strict=True):
            for number in range(count):
                path = tmp_path / "images" / split / label / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), rng.integers(0, 255, (8, 8, 3), np.uint8))
    return tmp_path / "images"


BEFORE, AFTER = {"a": 14, "b": 9, "c": 6}, {"a": 6, "b": 6, "c": 6}


def test_a_dataset_knows_what_its_balancing_left_out(uneven: Path, tmp_path: Path) -> None:
    counts = counts_of_dataset(kit.shard(uneven, name="even", undersample=True, workers=1, root=tmp_path))

    assert (BEFORE, AFTER) == (counts.before, counts.after)
    assert counts.is_balanced


def test_an_audit_says_what_balancing_would_take(uneven: Path) -> None:
    counts = counts_of_audit(audit(uneven, workers=1))

    assert (BEFORE, AFTER) == (counts.before, counts.after)


def test_a_dataset_of_all_images_has_one_bar_a_class(uneven: Path, tmp_path: Path) -> None:
    counts = counts_of_dataset(kit.shard(uneven, name="all", workers=1, root=tmp_path))

    assert BEFORE == counts.before == counts.after
    assert [] == balance_table(counts)
    assert "from 14 of a to 6 of c" in plot_class_counts(counts).description


def test_bars_are_as_long_as_their_counts() -> None:
    (table,) = balance_table(ClassCounts(title="x", before={"a": 48, "b": 12}, after={"a": 12, "b": 12}))

    assert [("a", "48", "12"), ("b", "12", "12")] == [row[:3] for row in table.rows]
    assert [(6, 18), (6, 0)] == [(row[3].count("█"), row[3].count("░")) for row in table.rows]


def test_many_classes_are_cut_in_the_middle() -> None:
    counts = ClassCounts(
        title="many",
        before={str(number): 1000 - number for number in range(900)},
        after={str(number): 101 for number in range(900)},
    )
    shown = shown_classes(counts)
    drawn = cv2.imdecode(np.frombuffer(plot_class_counts(counts).png, np.uint8), cv2.IMREAD_COLOR)

    assert ["0", "19", "880", "899"] == [shown[place] for place in (0, 19, 20, 39)]
    assert drawn.shape[0] < 2000


def test_info_draws_the_chart_where_it_is_asked_to(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kit.shard(uneven, name="even", undersample=True, workers=1, root=tmp_path)
    chart = tmp_path / "chart.png"
    monkeypatch.setattr(sys, "argv", ["kit", "info", "even", "--chart", str(chart), "--root", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr().out

    assert chart.read_bytes().startswith(b"\x89PNG")
    assert "classes before and after balancing" in out
    assert "not stored: 11 not taken by undersample; see rejects.csv" in out


def test_a_chart_speaks_of_undersampling_where_it_would_leave_images_out(uneven: Path) -> None:
    assert counts_of_audit(audit(uneven, workers=1)).title.endswith("images of each class, and undersampled")
    for path in (uneven / "train" / "c").iterdir():
        path.unlink()
    for label in "ab":
        for path in sorted((uneven / "train" / label).iterdir())[4:]:
            path.unlink()
    assert counts_of_audit(audit(uneven, workers=1)).title.endswith("images of each class")
