from __future__ import annotations

import csv
import itertools
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kit
from kit.audits import Audit
from kit.competitions import competition_names, read_competition
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.inference.predictions import Predictions
from kit.kaggle.check_submission import check_file
from kit.kaggle.find_sample import Answer
from kit.submission.form import choose_cells, named_metric, read_sample
from kit.targets import Target
from kit.targets.values import Values
from tests.competitions.miniatures import MINIATURES, make_miniature

SERVED = [name for name in competition_names() if not read_competition(name).refused]
CELLS = {  # target and contents of cells, as the competition asks for
    "aerial-cactus-identification": ("classes", "probabilities"),
    "alaska2-image-steganalysis": ("classes", "probabilities"),
    "aptos2019-blindness-detection": ("grades", "decisions"),
    "cassava-leaf-disease-classification": ("classes", "decisions"),
    "diabetic-retinopathy-detection": ("grades", "decisions"),
    "dog-breed-identification": ("classes", "probabilities"),
    "dogs-vs-cats-redux-kernels-edition": ("classes", "probabilities"),
    "happy-whale-and-dolphin": ("classes", "ranks"),
    "histopathologic-cancer-detection": ("classes", "probabilities"),
    "hotel-id-2021-fgvc8": ("classes", "ranks"),
    "humpback-whale-identification": ("classes", "ranks"),
    "imet-2020-fgvc7": ("tags", "decisions"),
    "invasive-species-monitoring": ("classes", "probabilities"),
    "iwildcam-2019-fgvc6": ("classes", "decisions"),
    "leaf-classification": ("classes", "probabilities"),
    "paddy-disease-classification": ("classes", "decisions"),
    "petfinder-pawpularity-score": ("values", "numbers"),
    "planet-understanding-the-amazon-from-space": ("tags", "decisions"),
    "plant-pathology-2020-fgvc7": ("classes", "probabilities"),
    "plant-pathology-2021-fgvc8": ("tags", "decisions"),
    "plant-seedlings-classification": ("classes", "decisions"),
    "ranzcr-clip-catheter-line-classification": ("tags", "probabilities"),
    "siim-isic-melanoma-classification": ("classes", "probabilities"),
    "state-farm-distracted-driver-detection": ("classes", "probabilities"),
    "whale-categorization-playground": ("classes", "ranks"),
}


def test_every_served_competition_has_a_miniature_and_says_since_when_it_is_tested() -> None:
    tested = [name for name in SERVED if read_competition(name).tested_since]

    assert SERVED == sorted(MINIATURES) == sorted(CELLS)
    assert SERVED == tested
    assert len(tested) >= 20


@pytest.mark.parametrize("name", SERVED)
def test_a_miniature_becomes_a_dataset_and_a_submission_that_passes_its_check(name: str, tmp_path: Path) -> None:
    folder = make_miniature(name, tmp_path)
    audited = kit.audit(folder, competition=name, near_bits=0, workers=1)
    dataset = kit.shard(folder, competition=name, size=8, workers=1, root=tmp_path)

    written = _submission(dataset, tmp_path / "submission.csv")
    checked = check_file(written, dataset.sample_submission or Path(), Answer.of(dataset))
    metric = read_competition(name).metric

    assert ("", 0, metric) == (audited.refusal, audited.bad, dataset.metric)
    assert CELLS[name] == (dataset.manifest.target.kind(), _cells(dataset))
    assert () == checked.findings
    assert name == dataset.manifest.name
    assert _groups_in_both(audited, dataset) == (set() if read_competition(name).group else {""})


@pytest.mark.slow
def test_miniatures_go_all_the_way_to_a_checked_submission(tmp_path: Path) -> None:
    """Print the table of docs/reference/competitions.md."""
    lines = ["| competition | metric | cells | of one image | seconds |", "| --- | --- | --- | --- | --- |"]
    for name in SERVED:
        began = time.monotonic()
        folder = make_miniature(name, tmp_path)
        kit.audit(folder, competition=name, workers=1)
        dataset = kit.shard(folder, competition=name, size=8, workers=1, root=tmp_path)
        settings = {"model.filters": "4", "model.pool": 2, "model.dense": "8", "train.batch_size": 8}
        run = kit.train(name, epochs=1, settings=settings, root=tmp_path)
        judged = kit.evaluate(run.path, root=tmp_path)
        predicted = kit.predict(run.path, output=tmp_path / f"submissions/{name}.csv", root=tmp_path)
        done = kit.submit(predicted.path, competition=name, dry_run=True, force=["constant"], root=tmp_path)
        with predicted.path.open(newline="") as file:
            _, first = itertools.islice(csv.reader(file), 2)
        cells = ", ".join(f"{float(cell):.3g}" if "." in cell else cell for cell in first[1:4])
        more = ", …" if len(first) > 4 else ""
        seconds = f"{time.monotonic() - began:.1f}"
        lines.append(f"| `{name}` | `{dataset.metric}` | {predicted.holds} | {cells or '—'}{more} | {seconds} |")

        assert len(judged.scores.keys) == dataset.manifest.records("validation")
        assert dataset.metric == predicted.metric
        assert done.checked.rows == dataset.manifest.records("test")
    sys.stdout.write("\n".join(lines) + "\n")


def test_the_fetched_folder_s_command_is_the_competition_s(tmp_path: Path) -> None:
    from kit.kaggle.http_errors import Resource
    from kit.kaggle.shard_suggestion import next_step

    name = "aptos2019-blindness-detection"
    folder = make_miniature(name, tmp_path)
    command, remarks = next_step(folder, Resource(name=name))
    refused, why = next_step(folder, Resource(name="isic-2024-challenge"))

    assert f"kit shard {shlex.quote(str(folder))} --competition {name}" == command
    assert () == remarks
    assert refused is None
    assert (
        "kit cannot serve isic-2024-challenge: its test images are in an HDF5 file, which kit does not read",
    ) == why


def _cells(dataset: Dataset) -> str | None:
    return choose_cells(dataset.manifest.target, read_sample(dataset), named_metric(dataset)).form.holds


def _groups_in_both(audited: Audit, dataset: Dataset) -> set[str]:
    group = {record.key: record.group for record in audited.records}
    train, validation = ({group[one.key] for one in read_examples(dataset, name)} for name in ("train", "validation"))
    return train & validation


def _submission(dataset: Dataset, path: Path) -> Path:
    """Fill the sample submission with made-up predictions."""
    target = dataset.manifest.target
    keys = [one.key for one in read_examples(dataset, "test")]
    sample = read_sample(dataset)
    outputs = _outputs(target, len(keys))
    scores = Predictions(keys=keys, labels=np.zeros(len(keys)), outputs=outputs, target=target)
    cells = choose_cells(target, sample, named_metric(dataset))
    cells.table(scores, sample.ids).to_csv(path, index=False)
    return path


def _outputs(target: Target, images: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    if isinstance(target, Values):
        return rng.uniform(10, 90, (images, len(target.names))).astype(np.float32)
    shares = rng.random((images, len(target.names)))
    return np.asarray(shares if target.kind() == "tags" else shares / shares.sum(axis=1, keepdims=True), np.float32)
