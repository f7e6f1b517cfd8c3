from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

import kit
from kit.cli import main
from kit.errors import KitError, RunError, SpecError, SubmissionError, WorkspaceError
from kit.evaluation.threshold import Wanted, parse_threshold
from kit.inference.out_of_fold import OutOfFold, read_out_of_fold
from kit.progress import NoProgress
from kit.runs import FoldSet
from kit.submission.blend_weights import By, Fit, combine, fit_blend, scaled, select_weights
from kit.submission.origin import Origin, read_origin, write_csv, write_origin
from kit.submission.out_of_fold_check import refuse_others
from kit.targets import Decision
from kit.targets.values import Values
from tests.made import class_predictions, dataset_of

WEIGHTS = st.lists(st.floats(0, 8, width=32), min_size=2, max_size=4).filter(any)


def fit_weights(inputs: list[OutOfFold], metric: str, by: By = "probability") -> Fit:
    return fit_blend(inputs, metric, by)[0]


def write(path: Path, values: dict[str, float], *, header: str = "id,label") -> Path:
    path.write_text(f"{header}\n" + "".join(f"{key},{value!r}\n" for key, value in values.items()))
    return path


def read(path: Path) -> dict[str, float]:
    return {row["id"]: float(row["label"]) for row in csv.DictReader(path.read_text().splitlines())}


def held_out(chances: Sequence[float], truth: Sequence[int], *, folds: int = 4) -> OutOfFold:
    values = np.float32([[1 - chance, chance] for chance in chances])
    keys = [f"image-{number}" for number in range(len(chances))]
    return OutOfFold(
        np.int32(np.arange(len(keys)) % folds), class_predictions(keys, np.int32(truth), values, ("no", "yes"))
    )


def noisy(sharpness: float, *, seed: int, images: int = 200) -> OutOfFold:
    """Predictions that tell the classes apart the better the sharper they are."""
    generator = np.random.default_rng(seed)
    truth = np.arange(images) // 5 % 2
    logits = sharpness * (2 * truth - 1) + generator.normal(size=images)
    return held_out(1 / (1 + np.exp(-logits)), truth.tolist())


@given(st.data(), WEIGHTS)
def test_a_blend_is_the_weighted_mean_in_the_first_files_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, weights: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("blend")
    keys = [f"id-{number}" for number in range(5)]
    chances = st.floats(0, 1, width=32)
    inputs = [{key: data.draw(chances) for key in data.draw(st.permutations(keys))} for _ in weights]
    paths = [write(folder / f"{number}.csv", values) for number, values in enumerate(inputs)]
    made = kit.blend(*paths, weights=weights, output=folder / "blend.csv")
    found = read(folder / "blend.csv")

    assert list(inputs[0]) == list(found)
    assert math.isclose(1, sum(made.weights), rel_tol=1e-9)
    for key in keys:
        wanted = np.average([values[key] for values in inputs], weights=np.float64(weights) / max(weights))
        assert math.isclose(wanted, found[key], rel_tol=1e-6, abs_tol=1e-9)


@given(st.lists(st.integers(0, 20), min_size=4, max_size=12), st.sampled_from([np.exp, np.sqrt, np.cbrt]))
def test_ranks_ask_for_the_order_only(values: list[int], stretched: Callable[[Any], Any]) -> None:
    column = np.float64(values)[:, None]
    plain, bent = (scaled(np.stack([one, column[::-1]]), "rank") for one in (column, stretched(column)))

    assert np.array_equal(plain, bent)
    assert (plain > 0).all()
    assert plain.max() <= 1


def test_by_rank_files_are_blended_by_their_scaled_ranks(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", {"a": 0.1, "b": 0.2, "c": 0.9, "d": 0.2})
    other = write(tmp_path / "other.csv", {"d": 1e-6, "c": 1e-7, "b": 1e-8, "a": 1e-9})
    kit.blend(one, other, average="rank", output=tmp_path / "blend.csv")

    assert {"a": 0.25, "b": 0.5625, "c": 0.875, "d": 0.8125} == read(tmp_path / "blend.csv")


def test_several_columns_are_blended_each(tmp_path: Path) -> None:
    for name, row in (("one", "x,0.5,0.5"), ("other", "x,1,0")):
        (tmp_path / f"{name}.csv").write_text(f"image,cat,dog\n{row}\n")
    kit.blend(tmp_path / "one.csv", tmp_path / "other.csv", weights="3,1", output=tmp_path / "blend.csv")

    assert "image,cat,dog\nx,0.625,0.375\n" == (tmp_path / "blend.csv").read_text()


@pytest.mark.slow
@given(st.lists(st.integers(0, 2**31), min_size=2, max_size=5), st.sampled_from(["loss", "auc"]))
def test_fitted_weights_are_shares_and_no_worse_than_the_best_input_where_they_were_fitted(
    seeds: list[int], metric: Any
) -> None:
    inputs = [noisy(0.3, seed=seed, images=40) for seed in seeds]
    fit = fit_weights(inputs, metric)
    blended = combine(np.stack([one.scores.probabilities for one in inputs]), fit.weights)
    truth = inputs[0].scores.labels
    sign, measure = (-1, metrics.log_loss) if metric == "loss" else (1, metrics.roc_auc_score)

    assert math.isclose(1, sum(fit.weights), rel_tol=1e-9)
    assert min(fit.weights) >= 0
    assert sign * measure(truth, blended[:, 1]) >= max(sign * score for score in fit.inputs) - 1e-6
    alone = [measure(truth, one.scores.probabilities[:, 1]) for one in inputs]
    assert alone == pytest.approx(fit.inputs, rel=1e-5)


def test_what_adds_nothing_gets_no_weight() -> None:
    good = noisy(2, seed=1)
    worse = held_out((1 - good.scores.probabilities[:, 1]).tolist(), good.scores.labels.tolist())

    assert (1.0, 0.0) == fit_weights([good, worse], "loss").weights


def test_two_models_whose_errors_differ_share_the_weight_and_win() -> None:
    fit = fit_weights([noisy(1, seed=1, images=2000), noisy(1, seed=2, images=2000)], "auc")

    assert 0.3 < fit.weights[0] < 0.7
    assert fit.is_better or fit.blend > max(fit.inputs)
    assert fit.blend == pytest.approx(fit.equal, abs=0.002)


def test_the_score_of_a_blend_is_not_flattered_by_the_fit() -> None:
    noise = [noisy(0, seed=seed, images=60) for seed in range(40)]
    fit = fit_weights(noise, "auc")
    blended = combine(np.stack([one.scores.probabilities for one in noise]), fit.weights)

    assert metrics.roc_auc_score(noise[0].scores.labels, blended[:, 1]) > 0.75
    assert fit.blend < 0.65


def test_more_than_two_classes_are_fitted_alike() -> None:
    generator = np.random.default_rng(0)
    truth = np.int32(np.arange(90) % 3)
    inputs = []
    for sharpness in (0.5, 3.0):
        values = np.exp(sharpness * np.eye(3)[truth] + generator.normal(size=(90, 3)))
        shares = np.float32(values / values.sum(axis=1, keepdims=True))
        scores = class_predictions([str(n) for n in range(90)], truth, shares, "abc")
        inputs.append(OutOfFold(np.int32(np.arange(90) // 30), scores))
    fit = fit_weights(inputs, "auc", "rank")
    area = metrics.roc_auc_score(truth, inputs[1].scores.probabilities, multi_class="ovr")

    assert fit.weights[1] > 0.5
    assert math.isclose(area, fit.inputs[1], rel_tol=1e-5)


def test_a_selection_is_of_the_best_step() -> None:
    """One model of 1, one of -1, and 0.2 is wanted: 3 of 5 are."""
    values = np.array([[[1.0]], [[-1.0]]])
    weights = select_weights(values, lambda blended: -abs(float(blended[0, 0]) - 0.2))

    assert [0.6, 0.4] == pytest.approx(weights.tolist())


def other(one: OutOfFold, **changes: Any) -> OutOfFold:
    parts = {"classes": one.classes, "folds": one.folds, "keys": one.scores.keys, "labels": one.scores.labels}
    parts |= {"probabilities": one.scores.probabilities, **changes}
    scores = class_predictions(parts["keys"], np.int32(parts["labels"]), parts["probabilities"], parts["classes"])
    return OutOfFold(np.int32(parts["folds"]), scores)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("a", "b")}, r"file 2 has other classes than the first: a, b"),
        ({"keys": ["x", *(f"image-{number}" for number in range(1, 8))]}, r"same ids: only one has image-0, x \(2\)"),
        ({"labels": [1] * 8}, r"file 2 has other labels than the first for the same ids"),
        ({"probabilities": np.full((8, 2), np.nan, np.float32)}, r"file 2 has outputs that are not numbers"),
    ],
)
def test_out_of_fold_files_of_other_images_are_refused(changes: dict[str, Any], message: str) -> None:
    first = held_out([0.5] * 8, [0, 1] * 4)
    with pytest.raises(RunError, match=message):
        fit_weights([first, other(first, **changes)], "loss")


def test_inputs_in_another_order_give_the_same_weights() -> None:
    inputs = [noisy(1, seed=1), noisy(1, seed=2)]
    back = range(len(inputs[1].scores.keys) - 1, -1, -1)
    turned = OutOfFold(inputs[1].folds[list(back)], inputs[1].scores.at(list(back)))

    assert fit_weights(inputs, "auc") == fit_weights([inputs[0], turned], "auc")


def test_one_fold_cannot_measure_weights() -> None:
    one = held_out([0.5] * 8, [0, 1] * 4, folds=1)
    with pytest.raises(RunError, match=r"out-of-fold predictions of two folds or more; run kit\.train_folds"):
        fit_weights([one, one], "loss")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two CSVs, each with its out-of-fold predictions and where it comes from."""
    found = {}
    for number, name in enumerate("ab"):
        side = noisy(1, seed=number)
        found[name] = write(tmp_path / f"{name}.csv", {"x": 0.25 + number / 2, "y": 0.5})
        found[f"oof_{name}"] = tmp_path / f"oof_{name}.parquet"
        found[f"oof_{name}"].write_bytes(side.parquet())
        origin = Origin(
            command=["kit"], dataset="made", fingerprint="0" * 16, runs=[f"run-{name}"], created="", metric="auc"
        )
        scored = {"score": side.scores.auc, "scored_on": "out-of-fold"}
        write_origin(found[name], Origin(**{**{n: getattr(origin, n) for n in origin.__struct_fields__}, **scored}))
    return found


def test_a_fitted_blend_says_where_it_comes_from(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "blend.csv"
    made = kit.blend(files["a"], files["b"], oof=[files["oof_a"], files["oof_b"]], metric="auc", output=path)
    origin, text = read_origin(path), path.read_text()
    assert origin is not None
    assert made.fit == fit_weights([read_out_of_fold(files["oof_a"]), read_out_of_fold(files["oof_b"])], "auc")
    monkeypatch.setattr("sys.argv", origin.command)
    path.write_text("lost")
    with pytest.raises(SystemExit):
        main()

    assert made.fit is not None
    assert ("made", "0" * 16, ["run-a", "run-b"]) == (origin.dataset, origin.fingerprint, origin.runs)
    assert ("auc", made.fit.blend, "out-of-fold") == (origin.metric, origin.score, origin.scored_on)
    assert [str(files["a"]), str(files["b"])] == origin.inputs
    assert text == path.read_text()
    assert sum(weight * value for weight, value in zip(made.weights, (0.25, 0.75), strict=True)) == pytest.approx(
        read(path)["x"]
    )


def test_swapped_out_of_fold_files_are_noticed(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"oof_b.parquet does not belong to .*a.csv: its AUC is 0\.\d+"):
        kit.blend(files["a"], files["b"], oof=[files["oof_b"], files["oof_a"]], output=tmp_path / "blend.csv")
    assert not (tmp_path / "blend.csv").exists()


def test_a_file_that_was_changed_since_gives_the_blend_no_runs(files: dict[str, Path], tmp_path: Path) -> None:
    origin = read_origin(files["a"])
    assert origin is not None
    write_origin(files["a"], msgspec.structs.replace(origin, sha256="0" * 64))
    kit.blend(files["a"], files["b"], output=tmp_path / "blend.csv")
    made = read_origin(tmp_path / "blend.csv")

    assert made is not None
    assert ["run-b"] == made.runs


def test_classes_that_are_numbers_are_not_blended(files: dict[str, Path], tmp_path: Path) -> None:
    origin = read_origin(files["b"])
    assert origin is not None
    write_origin(write(files["b"], {"x": 1, "y": 0}), msgspec.structs.replace(origin, metric="accuracy"))

    with pytest.raises(SubmissionError, match=r"b.csv holds classes; a blend takes probabilities"):
        kit.blend(files["a"], files["b"], output=tmp_path / "blend.csv")
    assert not (tmp_path / "blend.csv").exists()


def test_weights_that_were_given_have_no_score(files: dict[str, Path], tmp_path: Path) -> None:
    kit.blend(files["a"], files["b"], weights="2,1", output=tmp_path / "blend.csv")
    origin = read_origin(tmp_path / "blend.csv")

    assert origin is not None
    assert (None, None, None) == (origin.metric, origin.score, origin.scored_on)
    assert ["--weights", "0.666666667,0.333333333"] == origin.command[4:6]


@pytest.mark.slow
def test_fold_sets_are_enough_for_weights(fold_set: FoldSet, workspace: Path) -> None:
    folder = kit.evaluate(fold_set.path, tta="flips", root=workspace)
    kit.write_evaluation(folder, folder.folder)
    made = kit.blend(oof=[fold_set.path.name, folder.folder], root=workspace)

    assert (None, 0) == (made.path, made.rows)
    assert made.fit is not None
    assert (90, 3) == (made.fit.images, made.fit.folds)
    assert fold_set.result().pooled.loss == pytest.approx(made.fit.inputs[0], rel=1e-5)
    assert not (workspace / "submissions" / "blend.csv").exists()


@pytest.mark.parametrize("goal", ["best-f1", "best-accuracy", "recall:0.9"])
def test_the_score_of_a_chosen_threshold_tells_whose_out_of_fold_predictions_are_given(goal: str) -> None:
    own, other = noisy(1, seed=0), noisy(1, seed=1)
    truth, chances, wanted = own.scores.labels, own.scores.probabilities[:, 1], parse_threshold(goal)
    assert isinstance(wanted, Wanted)
    chosen = wanted.choose(truth == 1, chances, "yes")
    assert chosen is not None
    origin = Origin(
        command=["kit", "predict", "runs", "--threshold", goal, "--output", "a.csv"],
        dataset="made",
        fingerprint="0" * 16,
        runs=["run"],
        created="",
        metric="accuracy",
        score=wanted.crossed_accuracy(truth == 1, chances, own.folds),
        scored_on="out-of-fold",
        holds="decisions",
        rule=Decision(thresholds=(chosen.threshold,)),
        is_crossed=True,
    )
    refuse_others(Path("a.csv"), origin, own, "own")
    with pytest.raises(
        RunError,
        match=r"other does not belong to a\.csv: its accuracy is (0\.\d+, that of the file's own|that of the file)",
    ):
        refuse_others(Path("a.csv"), origin, other, "other")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "2"}, SpecError, r"weights must be 2 numbers, one for each file, got 1"),
        ({"weights": "2,x"}, SpecError, r"weights must be numbers such as 2,1, got '2,x'"),
        ({"weights": "2,-1"}, SpecError, r"weights must be 0 or more, one of them above 0, got 2, -1"),
        ({"weights": "0,0"}, SpecError, r"weights must be 0 or more, one of them above 0, got 0, 0"),
        ({"weights": "nan,1"}, SpecError, r"weights must be 0 or more"),
        ({"average": "median"}, SpecError, r"average= must be one of probability, rank, vote, got 'median'"),
        ({"average": "vote"}, SubmissionError, r"a.csv has no predictions beside it, which kit predict keeps"),
        ({"metric": "auc"}, SpecError, r"metric= is what oof= chooses weights for; add oof="),
        ({"oof": ["nothing"]}, SpecError, r"give one of oof= for each of the 2 CSVs"),
        ({"oof": ["nothing"] * 2, "weights": "1,1"}, SpecError, r"weights= and oof= exclude each other"),
        ({"oof": ["nothing"] * 2, "metric": "f11x"}, SpecError, r"unknown metric 'f11x'"),
        ({"oof": ["nothing"] * 2, "metric": "f1", "average": "rank"}, SpecError, r"no decisions, which f1 judges"),
        ({"decide": "best"}, SpecError, r"decide='best' is chosen on out-of-fold predictions; add oof="),
        ({"decide": "0.5", "average": "vote"}, SpecError, r"counts what each file decides; leave out decide="),
        ({"oof": ["nothing"] * 2, "average": "rank", "metric": "loss"}, SpecError, r"ranks are no probabilities"),
        ({"oof": ["nothing"] * 2}, RunError, r"nothing is neither a file nor a folder with out_of_fold.parquet"),
        ({"output": "a.csv"}, WorkspaceError, r"a.csv exists; choose another name or add force=True"),
    ],
)
def test_what_does_not_go_together_is_refused(
    files: dict[str, Path],
    tmp_path: Path,
    options: dict[str, Any],
    error: type[KitError],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if "output" in options:
        options = {"output": Path(options["output"])}
    with pytest.raises(error, match=message):
        kit.blend(files["a"], files["b"], **options)
    assert not (tmp_path / "submissions").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\nx,1\nz,1\n", r"b.csv and .*a.csv do not have the same ids: only one of them has y, z \(2\)"),
        ("id,score\nx,1\ny,1\n", r"b.csv has the columns id, score, .*a.csv has id, label"),
        ("id,label\nx,1\nx,1\n", r"b.csv repeats ids: x \(1\)"),
        ("id,label\nx,1\ny,cat\n", r"b.csv, line 3: 'cat' in column label is not a number; .* without threshold="),
        ("id,label\nx,1\ny,inf\n", r"b.csv, line 3: 'inf' in column label is not a number"),
        ("id\nx\n", r"b.csv needs a column of ids, one of values or more, and rows"),
        ("id,label\n", r"b.csv needs a column of ids, one of values or more, and rows"),
    ],
)
def test_files_that_cannot_be_blended_are_refused(files: dict[str, Path], text: str, message: str) -> None:
    files["b"].write_text(text)
    with pytest.raises(SubmissionError, match=message):
        kit.blend(files["a"], files["b"], output=files["a"].with_name("blend.csv"))


def test_one_file_is_no_blend(files: dict[str, Path]) -> None:
    with pytest.raises(SpecError, match="a blend needs two files or more"):
        kit.blend(files["a"])


def test_kit_blend_prints_weights_and_scores(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [part for name in "ab" for part in ("--oof", str(files[f"oof_{name}"]))]
    command = ["kit", "blend", str(files["a"]), str(files["b"]), *sides, "-o", str(tmp_path / "blend.csv")]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    monkeypatch.setattr("sys.argv", [*command, "--force", "--json"])
    with pytest.raises(SystemExit):
        main()
    told = json.loads(capsys.readouterr().out)

    assert "out-of-fold, 200 images in 4 folds" in shown
    for name, score in (("equal weights", "equal"), ("weights fitted without each fold", "blend")):
        assert re.search(rf"blend, {name} +— +{told['fit'][score]:.4f}", shown)
    assert f"{tmp_path / 'blend.csv'}: 2 rows, columns id, label; weights" in shown
    assert pd.read_csv(tmp_path / "blend.csv")["id"].tolist() == ["x", "y"]


def test_an_edited_csv_is_blended_with_a_word(tmp_path: Path) -> None:
    said: list[str] = []

    class Notes(NoProgress):
        def advance(self, steps: int = 1, note: str = "") -> None:
            del steps
            said.extend([note] if note else [])

    paths = [write(tmp_path / f"{name}.csv", {"a": 0.25, "b": 0.5}) for name in ("one", "two")]
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        write_origin(path, Origin(command=[], dataset="d", fingerprint="f", runs=[], created="", sha256=digest))
    paths[1].write_text(paths[1].read_text().replace("0.5", "0.75"))
    kit.blend(*paths, output=tmp_path / "blend.csv", progress=Notes())

    assert [f"{paths[1]} was changed after kit wrote it: its runs and its score are unknown"] == said


def test_damaged_out_of_fold_predictions_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    data = noisy(1, seed=0).parquet()
    for place in range(10, 400, 13):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with contextlib.suppress(RunError):  # any other error is a bug
            read_out_of_fold(path)
    path.write_bytes(data[:22] + bytes([data[22] ^ 0xFF]) + data[23:])

    with pytest.raises(RunError, match=r"predictions\.parquet lacks the columns id, fold, label"):
        read_out_of_fold(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"average": "rank"},
            r"average='rank' writes ranks from 0 to 1, and rmse judges the values themselves; give av",
        ),
        ({"average": "vote"}, r"values are numbers, about which nothing is decided; leave out average='vote'"),
    ],
)
def test_numbers_are_neither_ranked_nor_voted_about(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    labels = [f"{number}.5" for number in range(12)]
    fingerprint = dataset_of(tmp_path, Values.of(["age"], labels), labels, name="faces").manifest.fingerprint
    origin = Origin(command=[], dataset="faces", fingerprint=fingerprint, runs=[], created="", holds="numbers")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        write_csv(path, "id,age\nx,20\ny,70\n", origin, force=False, predictions="id,age\nx,20\ny,70\n")
    with pytest.raises(SpecError, match=message):
        kit.blend(*paths, output=tmp_path / "out.csv", root=tmp_path, **options)

    assert not (tmp_path / "out.csv").exists()
