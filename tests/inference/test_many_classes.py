"""A competition of 1,200 classes, from its images to a checked file: nowhere is there a probability of every class."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

import kit
from kit.errors import SpecError
from kit.inference.out_of_fold import read_out_of_fold
from kit.inference.predict_split import predict_split
from kit.inference.predictions import read_predictions
from kit.metrics import find_metric
from kit.runs import RunDirectory
from kit.specs.views import parse_views
from kit.targets import classes as of_classes
from kit.targets.top_classes import BEST

pytestmark = pytest.mark.slow

NAMES = tuple(f"w_{number:04d}" for number in range(1_200))
SETTINGS = {"train.epochs": 1, "train.batch_size": 64, "model.filters": "4", "model.dense": "16"}
TEST = 12


@dataclass(frozen=True)
class Whales:
    """The dataset in its workspace, and the runs on its two folds."""

    root: Path
    folds: Path

    @property
    def runs(self) -> list[RunDirectory]:
        return [RunDirectory(path.parent) for path in sorted(self.folds.glob("**/spec.json"))]


@pytest.fixture(scope="module")
def whales(tmp_path_factory: pytest.TempPathFactory) -> Whales:
    root = tmp_path_factory.mktemp("whales")
    images, test = root / "images", root / "test"
    images.mkdir()
    test.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for name in NAMES:
        for number in range(2):
            cv2.imwrite(str(images / f"{name}-{number}.png"), rng.integers(0, 256, (8, 8, 3), np.uint8))
            rows.append(f"{name}-{number},{name}\n")
    for number in range(TEST):
        cv2.imwrite(str(test / f"t{number}.png"), rng.integers(0, 256, (8, 8, 3), np.uint8))
    (root / "labels.csv").write_text("Image,Id\n" + "".join(rows))
    cells = " ".join(NAMES[:5])
    (root / "sample.csv").write_text("Image,Id\n" + "".join(f"t{number},{cells}\n" for number in range(TEST)))
    kit.shard(
        images,
        name="whales",
        labels=root / "labels.csv",
        test=test,
        sample_submission=root / "sample.csv",
        metric="map@5",
        folds=2,
        root=root,
        workers=1,
    )
    fold_set = kit.train_folds("whales", settings=SETTINGS, root=root)
    return Whales(root, fold_set.path)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def network_outputs(whales: Whales, run: RunDirectory, split: str) -> dict[str, NDArray[Any]]:
    """Predict all classes with plain Keras, by key."""
    from kit.datasets import find_dataset
    from kit.datasets.read import read_examples
    from kit.inference.predict_split import trained_model

    dataset = find_dataset("whales", root=whales.root)
    model = trained_model(run, dataset)
    examples = list(read_examples(dataset, split))
    outputs = model.predict(np.stack([one.pixels for one in examples]).astype(np.float32) / 255, verbose=0)
    return dict(zip([one.key for one in examples], outputs, strict=True))


def test_a_run_keeps_the_best_of_what_its_network_puts_out(whales: Whales, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    keep = of_classes.keep_best

    def noting(probabilities: NDArray[Any]) -> NDArray[Any]:
        seen.append(probabilities.shape)
        return keep(probabilities)

    monkeypatch.setattr(of_classes, "keep_best", noting)
    run, dataset = whales.runs[0], kit.find_dataset("whales", root=whales.root)
    scores = predict_split(run, dataset, "validation")
    images = len(scores.keys)

    assert scores.outputs.dtype == BEST
    assert scores.outputs.shape == (images, 20)
    assert sum(shape[0] for shape in seen) == images
    assert max(shape[0] for shape in seen) < images / 2  # no array of all images and all classes
    kept = read_predictions(run.predictions, dataset.manifest.target)
    assert np.array_equal(kept.outputs["index"], scores.outputs["index"])

    tested = predict_split(run, dataset, "test")
    every = network_outputs(whales, run, "test")
    for key, row in zip(tested.keys, tested.outputs, strict=True):
        assert np.allclose(-np.sort(-every[key])[:20], row["probability"], rtol=1e-4)
        assert np.allclose(every[key][row["index"]], row["probability"], rtol=1e-4)


def test_views_are_averaged_over_all_classes(whales: Whales) -> None:
    dataset = kit.find_dataset("whales", root=whales.root)
    flips = predict_split(whales.runs[0], dataset, "test", views=parse_views("flips"))
    one = predict_split(whales.runs[0], dataset, "test")

    assert flips.outputs.shape == (TEST, 20)
    assert not np.array_equal(flips.outputs["probability"], one.outputs["probability"])


def test_an_epochs_figures_are_those_of_the_kept_predictions(whales: Whales) -> None:
    target = kit.find_dataset("whales", root=whales.root).manifest.target
    for run in whales.runs:
        (row,) = rows_of(run.path / "history.csv")
        scores = read_predictions(run.predictions, target)
        guessed = [row[:5].tolist() for row in scores.outputs["index"]]
        places = [row.index(label) if label in row else -1 for row, label in zip(guessed, scores.labels, strict=True)]

        assert float(row["val_map@5"]) == pytest.approx(np.mean([1 / (1 + one) if one >= 0 else 0 for one in places]))
        assert float(row["val_accuracy"]) == pytest.approx(sk.accuracy_score(scores.labels, scores.predicted))


def test_out_of_fold_predictions_are_evaluated_in_files_of_reasonable_size(whales: Whales, tmp_path: Path) -> None:
    evaluation = kit.evaluate(whales.folds, root=whales.root)
    files = {path.name: path for path in kit.write_evaluation(evaluation, tmp_path / "e", html=True)}
    figures = json.loads(files["evaluation.json"].read_text())
    held_out = read_out_of_fold(files["out_of_fold.parquet"], evaluation.dataset.manifest.target)
    pairs = rows_of(files["confused_pairs.csv"])
    names = {metric["name"] for metric in figures["metrics"]}

    assert len(held_out.scores.keys) == 2 * len(NAMES)
    assert figures["metrics"][0]["name"] == "map@5"
    assert figures["metrics"][0]["value"] == held_out.scores.judge(find_metric("map@5")).value
    assert {"accuracy", "macro_f1", "mcc"} <= names
    assert not {"log_loss", "auc", "brier"} & names
    assert sum(int(row["images"]) for row in pairs) == figures["mislabelled"]["images"]
    assert not {"confusion_matrix.csv", "confusion_matrix_shares.csv"} & files.keys()
    assert all(path.stat().st_size < 2_000_000 for path in files.values())
    with pytest.raises(SpecError, match="metric log_loss needs the probability of every class"):
        kit.evaluate(whales.folds, metric="log_loss", root=whales.root)
    with pytest.raises(SpecError, match="need the probability of every class; above 1,000"):
        kit.evaluate(whales.folds, recall=0.9, positive="w_0001", root=whales.root)
    with pytest.raises(SpecError, match="metric log_loss needs"):
        kit.train("whales", settings={**SETTINGS, "train.metrics": "accuracy,log_loss"}, root=whales.root)


def test_files_hold_the_five_best_and_are_blended_and_checked(whales: Whales) -> None:
    both = kit.predict(whales.folds, root=whales.root)
    ones = [kit.predict(run.path, root=whales.root) for run in whales.runs]
    shown = rows_of(both.path)
    kept = [rows_of(one.predictions) for one in ones]

    assert (both.holds, both.metric) == ("ranks", "map@5")
    assert [f"t{number}" for number in range(TEST)] == [row["Image"] for row in shown]
    assert ["id", "guess_1", "probability_1", "guess_2"] == list(kept[0][0])[:4]
    for place, row in enumerate(shown):
        total: dict[str, float] = {}
        for file in kept:
            for guess in range(1, 21):
                name, value = file[place][f"guess_{guess}"], float(file[place][f"probability_{guess}"])
                total[name] = total.get(name, 0) + value / 2
        best = sorted(total, key=lambda name: (-np.float32(total[name]), name))[:5]
        assert set(best) == set(row["Id"].split(" ")) or np.isclose(total[best[4]], total[row["Id"].split(" ")[4]])

    blend = kit.blend(ones[0].path, ones[1].path, root=whales.root, output=whales.root / "blend.csv")
    assert blend.path
    assert rows_of(blend.path) == shown
    kit.submit(blend.path, competition="whales", dry_run=True, sample=whales.root / "sample.csv", root=whales.root)
    for command in (
        ["submit", str(both.path), "-c", "whales", "--dry-run"],
        ["compare", str(whales.folds)],
        ["evaluate", str(whales.folds)],
    ):
        line = [sys.executable, "-m", "kit", *command, "--root", str(whales.root)]
        ran = subprocess.run(line, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert "most confused of" in ran.stdout
    assert "confused_pairs.csv has all" in ran.stdout
    fit = kit.blend(oof=[whales.folds, whales.folds], root=whales.root).fit
    assert fit
    assert (fit.metric, fit.inputs[0]) == ("map@5", both.score)
