"""From a tags dataset to a submission of labels: rules, predictions beside the file, blends, votes, and Kaggle."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from standin import SLUG, Game, StandIn

import kit
from kit.errors import RunError, SpecError, SubmissionError, WorkspaceError
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predictions import Predictions
from kit.kaggle.retries import Retries
from kit.reports.submission import describe_submission
from kit.submission.blend_weights import fit_blend
from kit.submission.cells import Cells
from kit.submission.form import choose_cells, sample_of
from kit.submission.kept_predictions import kept_text
from kit.submission.origin import Origin, kept_file, now, read_origin, write_csv
from kit.submission.votes import ballots, tally, votes
from kit.targets import NO_DECISION, Decision, Target
from kit.targets.common_columns import CommonColumns, align
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

NAMES = ("rust", "scab", "spot")
CALM = Retries(connect_timeout=5, read_timeout=5, attempts=3, backoff=0.01, score_timeout=10)


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a dataset of tags and a run for each of its two folds."""
    root = tmp_path_factory.mktemp("leaves")
    rng = np.random.default_rng(0)
    labels = ["rust", "scab", "spot", "rust scab", "scab spot"] * 12
    for folder, count in (("train", len(labels)), ("test", 8)):
        (root / folder).mkdir()
        for number in range(count):
            cv2.imwrite(str(root / folder / f"{folder}{number}.png"), rng.integers(0, 256, (8, 8, 3), np.uint8))
    rows = "".join(f"train{number}.png,{label}\n" for number, label in enumerate(labels))
    (root / "train.csv").write_text(f"image,labels\n{rows}")
    (root / "sample.csv").write_text(
        "image,labels\n" + "".join(f"test{number}.png,spot\n" for number in range(7, -1, -1))
    )
    kit.shard(
        root / "train",
        name="leaves",
        labels=root / "train.csv",
        test=root / "test",
        sample_submission=root / "sample.csv",
        folds=2,
        root=root,
        workers=1,
    )
    settings = {"train.epochs": 1, "train.batch_size": 16, "model.pool": 2, "model.filters": "4", "model.dense": "8"}
    kit.train_folds("leaves", settings=settings, root=root)
    return root


def runs_of(root: Path) -> Path:
    return next(path for path in (root / "runs").iterdir() if path.is_dir())


def marks(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    return np.array([[name in text.split() for name in NAMES] for text in texts])


def test_tags_are_written_and_scored_as_the_sample_and_the_metric_ask(leaves: Path, tmp_path: Path) -> None:
    made = kit.predict(runs_of(leaves), output=tmp_path / "tags.csv", root=leaves)
    table = pd.read_csv(made.path, dtype=str, keep_default_na=False)
    kept = pd.read_csv(made.predictions)
    oof = pd.read_parquet(runs_of(leaves) / "out_of_fold.parquet")
    chances = oof[list(NAMES)].to_numpy()
    decided = (chances >= 0.5) | (np.arange(3) == chances.argmax(axis=1)[:, None]) & ~(chances >= 0.5).any(axis=1)[
        :, None
    ]

    assert [f"test{number}.png" for number in range(7, -1, -1)] == table["image"].tolist()
    assert all(set(text.split()) <= set(NAMES) and text for text in table["labels"])
    assert ["id", *NAMES] == list(kept.columns)
    assert ("decisions", "micro_f1", "out-of-fold") == (made.holds, made.metric, made.scored_on)
    assert metrics.f1_score(marks(oof["label"]), decided, average="micro") == pytest.approx(made.score)


def test_the_best_rule_decides_the_cells_and_is_scored_without_each_fold(leaves: Path, tmp_path: Path) -> None:
    made = kit.predict(runs_of(leaves), decide="best", output=tmp_path / "best.csv", root=leaves)
    origin = read_origin(made.path)
    assert made.decided is not None
    assert origin is not None
    table = pd.read_csv(made.path, dtype=str, keep_default_na=False).set_index("image")
    kept = pd.read_csv(made.predictions).set_index("id").loc[table.index]
    oof = pd.read_parquet(runs_of(leaves) / "out_of_fold.parquet")
    rule = made.decided.rule
    over = kept.to_numpy() >= np.array(rule.thresholds)
    fitted = metrics.f1_score(
        marks(oof["label"]), oof[list(NAMES)].to_numpy() >= np.array(rule.thresholds), average="micro"
    )

    assert (over <= marks(table["labels"].tolist())).all()
    assert (marks(table["labels"].tolist()).any(axis=1)).all()
    assert (True, made.score, "micro_f1") == (made.is_crossed, origin.score, origin.metric)
    assert made.score == made.decided.crossed
    assert made.score <= fitted + 1e-9 or rule.most is not None
    assert rule == origin.rule
    assert describe_submission(made)[-1].endswith("; by rules chosen without each fold")
    assert re.search(
        r"out-of-fold: best micro_f1 of 60 images: rust 0\.\d+, .* 1 tag or more", describe_submission(made)[0]
    )


def test_predictions_stand_beside_the_file_and_its_origin_knows_them(leaves: Path, tmp_path: Path) -> None:
    made = kit.predict(runs_of(leaves), output=tmp_path / "a.csv", root=leaves)
    origin = read_origin(made.path)

    assert origin is not None
    assert tmp_path / "a.predictions.csv" == made.predictions
    assert hashlib.sha256(made.predictions.read_bytes()).hexdigest() == origin.predictions


def test_a_file_that_stands_where_predictions_go_is_not_replaced(leaves: Path, tmp_path: Path) -> None:
    (tmp_path / "a.predictions.csv").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"a\.predictions\.csv exists; choose another name or add force=True"):
        kit.predict(runs_of(leaves), output=tmp_path / "a.csv", root=leaves)

    assert ["a.predictions.csv"] == [path.name for path in tmp_path.iterdir()]


def test_label_files_are_blended_by_the_predictions_beside_them(leaves: Path, tmp_path: Path) -> None:
    runs = runs_of(leaves)
    paths = [kit.predict(runs / f"fold-{n}", output=tmp_path / f"{n}.csv", root=leaves).path for n in range(2)]
    whole = kit.predict(runs, output=tmp_path / "whole.csv", root=leaves)
    made = kit.blend(*paths, output=tmp_path / "blend.csv", root=leaves)
    given = kit.blend(*map(kept_file, paths), output=tmp_path / "given.csv", root=leaves)
    mean = np.mean([pd.read_csv(kept_file(path))[list(NAMES)] for path in paths], axis=0)
    origin = read_origin(tmp_path / "blend.csv")

    assert whole.path.read_text() == (tmp_path / "blend.csv").read_text() == (tmp_path / "given.csv").read_text()
    assert mean == pytest.approx(pd.read_csv(kept_file(tmp_path / "blend.csv"))[list(NAMES)].to_numpy(), rel=1e-6)
    assert made.rows == given.rows == 8
    assert origin is not None
    assert ("leaves", "decisions") == (origin.dataset, origin.holds)


def test_a_blend_of_labels_is_fitted_and_decided_on_out_of_fold_predictions(leaves: Path, tmp_path: Path) -> None:
    runs = runs_of(leaves)
    paths = [kit.predict(runs, output=tmp_path / f"{n}.csv", root=leaves).path for n in range(2)]
    made = kit.blend(*paths, oof=[runs, runs], decide="best", output=tmp_path / "blend.csv", root=leaves)
    origin = read_origin(tmp_path / "blend.csv")
    oof = pd.read_parquet(runs / "out_of_fold.parquet")

    assert made.fit is not None
    assert origin is not None
    assert "micro_f1" == made.fit.metric == origin.metric
    alone = metrics.f1_score(marks(oof["label"]), oof[list(NAMES)].to_numpy() >= 0.5, average="micro")
    assert [alone] * 2 == pytest.approx(made.fit.inputs)
    assert origin.is_crossed
    assert kit.predict(runs, decide="best", output=tmp_path / "p.csv", root=leaves).score == pytest.approx(origin.score)


def test_kept_predictions_that_are_gone_or_changed_are_refused(leaves: Path, tmp_path: Path) -> None:
    paths = [kit.predict(runs_of(leaves), output=tmp_path / f"{n}.csv", root=leaves).path for n in range(2)]
    text = kept_file(paths[1]).read_text()
    kept_file(paths[1]).write_text(text.replace("0.", "1.", 1))
    with pytest.raises(RunError, match=r"1\.predictions\.csv was changed after kit wrote it; predict it again"):
        kit.blend(*paths, output=tmp_path / "blend.csv", root=leaves)
    kept_file(paths[1]).unlink()
    with pytest.raises(RunError, match=r"1\.predictions\.csv is missing, which kit predict wrote beside 1\.csv"):
        kit.blend(*paths, output=tmp_path / "blend.csv", root=leaves)

    assert not (tmp_path / "blend.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.5}, r"threshold= applies to two classes only; this dataset has 3 tags; decide= is for all"),
        ({"threshold": 0.5, "decide": 0.5}, r"threshold= and decide= exclude each other"),
        ({"decide": "most"}, r"decide must be none, best or a probability from 0 to 1, got 'most'"),
        ({"decide": 1.5}, r"decide must be none, best or a probability from 0 to 1, got '1.5'"),
    ],
)
def test_rules_that_do_not_fit_are_refused(leaves: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        kit.predict(runs_of(leaves), output=tmp_path / "a.csv", root=leaves, **options)

    assert not list(tmp_path.iterdir())


def test_a_file_of_tags_is_checked_sent_scored_and_entered_with_its_metric(
    leaves: Path, tmp_path: Path, standin: StandIn
) -> None:
    made = kit.predict(runs_of(leaves), output=tmp_path / "tags.csv", root=leaves)
    truth = {f"test{number}.png": "rust scab" for number in range(8)}
    standin.games[SLUG] = Game(truth=truth)

    def grade(submission: dict[str, Any], game: Game) -> None:
        rows = {row["image"]: row["labels"] for row in csv.DictReader(io.StringIO(submission["data"].decode()))}
        found = metrics.f1_score(
            marks(list(game.truth.values())), marks([rows[one] for one in game.truth]), average="micro"
        )
        submission |= {"status": "COMPLETE", "publicScore": f"{found:.5f}"}

    standin.grade = grade  # type: ignore[method-assign]
    dry = kit.submit(made.path, competition=SLUG, dry_run=True, root=leaves)
    done = kit.submit(made.path, competition=SLUG, message="tags", wait=True, root=leaves, retries=CALM)
    with (leaves / "submissions" / "ledger.csv").open(newline="") as text:
        (entry,) = csv.DictReader(text)

    assert ("checked", "complete") == (dry.status, done.status)
    assert [made.path.read_bytes()] == [one["data"] for one in standin.submissions]
    assert ("micro_f1", repr(made.score)) == (entry["metric"], entry["local_score"])
    assert entry["public_score"] == str(done.public)


STAGES = Grades(names=("0", "1", "2"))
SPOTS = Tags(names=("a", "b", "c"), separator=" ")


def test_ballots_mark_what_is_decided() -> None:
    ballot = ballots(np.array([0, 2]), STAGES, CommonColumns(np.zeros((1, 2, 3))))

    assert [[1, 0, 0], [0, 0, 1]] == ballot.tolist()
    assert [[1, 0, 1]] == ballots(np.array([[True, False, True]]), SPOTS, CommonColumns(np.zeros((1, 1, 3)))).tolist()


def voted(leaves: Path, tmp_path: Path, rows: Sequence[Sequence[float]], weights: str) -> list[str]:
    """Give files the same predictions of every image each, and let them vote."""
    first = kit.predict(runs_of(leaves), output=tmp_path / "first.csv", root=leaves)
    origin, kept, paths = read_origin(first.path), pd.read_csv(first.predictions), []
    assert origin is not None
    for index, row in enumerate(rows):
        kept[list(NAMES)] = np.tile(np.float32(row), (len(kept), 1))
        paths.append(tmp_path / f"{index}.csv")
        text = first.path.read_text()
        write_csv(paths[-1], text, origin, force=False, predictions=kept.to_csv(index=False))
    kit.blend(*paths, average="vote", weights=weights, output=tmp_path / "vote.csv", root=leaves)
    return list(pd.read_csv(tmp_path / "vote.csv")["labels"].unique())


@pytest.mark.parametrize(
    ("rows", "weights", "won"),
    [
        ([[0.9, 0.1, 0.6], [0.8, 0.1, 0.1], [0.1, 0.9, 0.1]], "1,1,1", "rust"),
        ([[0.9, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.9, 0.1]], "1,1,3", "scab"),
        ([[0.9, 0.1, 0.1], [0.2, 0.8, 0.6]], "1,1", "rust"),  # ties: the mean is .55 for rust, .45 for scab
        ([[0.6, 0.1, 0.1], [0.2, 0.95, 0.6]], "1,1", "scab"),
        ([[0.9, 0.1, 0.1], [0.1, 0.9, 0.6]], "2,1", "rust"),
    ],
)
def test_files_vote_by_their_weights(
    leaves: Path, tmp_path: Path, rows: list[list[float]], weights: str, won: str
) -> None:
    assert [won] == voted(leaves, tmp_path, rows, weights)


def shares(models: int, *, seed: int, images: int = 400) -> np.ndarray[Any, Any]:
    """Make probabilities of three names in quarters, in which equal votes are frequent: [models, images, 3]."""
    drawn = np.random.default_rng(seed).multinomial(16, [0.3, 0.4, 0.3], (models, images))
    return np.float32(drawn / 16)


def majority(outputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Count votes with collections.Counter; of the names with most, the likeliest on average wins."""
    winners = []
    for image in outputs.transpose(1, 0, 2):
        counts = Counter(map(int, image.argmax(axis=1)))
        tied = [name for name in sorted(counts) if counts[name] == max(counts.values())]
        means = image.astype(np.float64).mean(axis=0)
        winners.append(next(name for name in tied if means[name] == max(means[tied])))
    return np.array(winners)


@pytest.mark.parametrize("models", [2, 3, 4, 6])
def test_equal_votes_are_decided_by_the_mean_probability_and_then_by_the_first_name(models: int) -> None:
    outputs = shares(models, seed=models)
    voted = votes(list(outputs), STAGES, align(list(outputs)), [NO_DECISION] * models)
    most = np.sort([np.bincount(row, minlength=3) for row in outputs.argmax(axis=2).T])[:, 1:]

    assert np.array_equal(majority(outputs), STAGES.decide(tally(voted, [1 / models] * models)))
    assert (most[:, 0] == most[:, 1]).sum() > 20


def test_equal_votes_on_grades_as_numbers_take_the_one_nearer_to_the_mean() -> None:
    outputs = [np.float32([[0.0], [0.4]]), np.float32([[1.6], [2.0]])]
    voted = votes(outputs, STAGES, align(outputs), [NO_DECISION] * 2)

    assert [0, 2] == STAGES.decide(tally(voted, [0.5, 0.5])).tolist()  # means .8 and 1.2


def test_votes_are_cast_and_weighed_by_the_rules_that_made_the_files() -> None:
    """The first model is right by the rule of its file alone, the second by the target's own."""
    truth = np.int8(np.random.default_rng(0).integers(0, 2, (40, 3)))
    low, high = np.float32(0.3 * truth), np.float32(0.9 * truth)
    inputs = [
        OutOfFold(np.int32(np.arange(40) % 4), Predictions([str(n) for n in range(40)], truth, one, SPOTS))
        for one in (low, 1 - high)
    ]
    rule = Decision(thresholds=(0.2, 0.2, 0.2))
    by_rule, by_target = (fit_blend(inputs, "micro_f1", "vote", rules=rules)[0] for rules in ((rule, NO_DECISION), ()))

    assert (1.0, (1.0, 0.0)) == (by_rule.inputs[0], by_rule.weights)
    assert 0.0 == by_target.inputs[0]
    assert 1.0 == by_rule.blend


def test_nothing_is_voted_about_numbers() -> None:
    target = Values.of(["x"], ["1", "2"])
    scores = Predictions(["a", "b"], np.float32([[1], [2]]), np.float32([[1], [2]]), target)
    with pytest.raises(SpecError, match=r"average='vote' counts what is decided, and values are numbers; average them"):
        fit_blend([OutOfFold(np.int32([0, 1]), scores)] * 2, "rmse", "vote")


def test_a_blend_of_votes_uses_the_rules_of_its_files(leaves: Path, tmp_path: Path) -> None:
    runs = runs_of(leaves)
    made = kit.predict(runs, decide="best", output=tmp_path / "0.csv", root=leaves)
    other = kit.predict(runs, output=tmp_path / "1.csv", root=leaves)
    blended = kit.blend(made.path, other.path, oof=[runs, runs], average="vote", output=tmp_path / "b.csv", root=leaves)
    oof = pd.read_parquet(runs / "out_of_fold.parquet")
    assert made.decided is not None
    assert blended.fit is not None
    decided = SPOTS.decide(oof[list(NAMES)].to_numpy(), made.decided.rule)

    assert metrics.f1_score(marks(oof["label"]), decided, average="micro") == pytest.approx(blended.fit.inputs[0])
    assert blended.fit.inputs[0] != blended.fit.inputs[1]


def test_out_of_fold_predictions_of_other_views_than_a_decided_file_s_are_refused(leaves: Path, tmp_path: Path) -> None:
    runs = runs_of(leaves)
    seen = kit.evaluate(runs, tta="flips", root=leaves)
    kit.write_evaluation(seen, seen.folder)
    one = kit.predict(runs, decide="best", output=tmp_path / "one.csv", root=leaves).path
    other = kit.predict(runs, decide="best", tta="flips", output=tmp_path / "other.csv", root=leaves).path
    made = kit.blend(one, other, oof=[runs, seen.folder], output=tmp_path / "b.csv", root=leaves)
    with pytest.raises(
        RunError, match=r"does not belong to .*one\.csv: its micro_f1 is 0\.\d+, that of the file's own"
    ):
        kit.blend(one, other, oof=[seen.folder, runs], output=tmp_path / "c.csv", root=leaves)

    assert made.fit is not None
    assert not (tmp_path / "c.csv").exists()


def test_a_file_of_numbers_removes_the_predictions_of_the_one_that_it_replaces(leaves: Path, tmp_path: Path) -> None:
    made = kit.predict(runs_of(leaves), output=tmp_path / "a.csv", root=leaves)
    for name in "xy":
        (tmp_path / f"{name}.csv").write_text("id,label\na,0.5\n")
    own = tmp_path / "own.predictions.csv"
    own.write_text("mine")
    kit.blend(tmp_path / "x.csv", tmp_path / "y.csv", output=made.path, force=True, root=leaves)
    kit.blend(tmp_path / "x.csv", tmp_path / "y.csv", output=tmp_path / "own.csv", force=True, root=leaves)

    assert "id,label\na,0.5\n" == made.path.read_text()
    assert not made.predictions.exists()
    assert "mine" == own.read_text()


@pytest.mark.parametrize(("metric", "reference"), [("qwk", "quadratic"), ("kappa", None)])
def test_weights_are_fitted_to_metrics_of_decisions(metric: str, reference: str | None) -> None:
    rng = np.random.default_rng(1)
    truth = np.int32(rng.integers(0, 3, 120))
    inputs = []
    for sharpness in (0.5, 2.0):
        values = np.exp(sharpness * np.eye(3)[truth] + rng.normal(size=(120, 3)))
        shares = np.float32(values / values.sum(axis=1, keepdims=True))
        scores = Predictions([str(n) for n in range(120)], truth, shares, STAGES)
        inputs.append(OutOfFold(np.int32(np.arange(120) % 4), scores))
    fit = fit_blend(inputs, metric)[0]
    alone = [
        metrics.cohen_kappa_score(truth, one.scores.probabilities.argmax(axis=1), weights=reference) for one in inputs
    ]

    assert alone == pytest.approx(fit.inputs)
    assert fit.weights[1] > fit.weights[0]


def test_expected_grades_join_numbers_and_probabilities_of_grades() -> None:
    truth = np.int32([0, 1, 2, 1] * 5)
    keys, folds = [str(n) for n in range(20)], np.int32(np.arange(20) // 10)
    chances = np.eye(3, dtype=np.float32)[truth]
    numbers = truth[:, None].astype(np.float32)
    fit = fit_blend([OutOfFold(folds, Predictions(keys, truth, one, STAGES)) for one in (chances, numbers)], "qwk")[0]

    assert (1.0, 1.0) == fit.inputs


def stood(tmp_path: Path, name: str, target: Target, outputs: Sequence[Sequence[float]]) -> Path:
    keys = [f"i{n}" for n in range(len(outputs))]
    scores = Predictions(keys, target.encode([None] * len(keys)), np.float32(outputs), target)
    cells: Cells = choose_cells(target, None, None)
    origin = Origin(command=["kit"], dataset="gone", fingerprint="0" * 16, runs=[], created=now(), holds="decisions")
    write_csv(
        tmp_path / name, cells.table(scores).to_csv(index=False), origin, force=False, predictions=kept_text(scores)
    )
    return tmp_path / name


def test_a_blend_of_labels_needs_the_dataset(tmp_path: Path) -> None:
    paths = [stood(tmp_path, f"{n}.csv", SPOTS, [[0.1, 0.9, 0.6]]) for n in range(2)]
    with pytest.raises(SubmissionError, match=r"0\.csv is of dataset gone, which is not in .*tfrecords as it was"):
        kit.blend(*paths, output=tmp_path / "b.csv", root=tmp_path)


def test_an_origin_of_an_earlier_version_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("id,label\na,cat\n")
    fields = {"command": ["kit"], "dataset": "d", "fingerprint": "f", "runs": [], "created": "", "metric": "accuracy"}
    path.with_name("old.csv.origin.json").write_bytes(msgspec.json.encode(fields))
    origin = read_origin(path)

    assert origin is not None
    assert ("", "", True) == (origin.holds, origin.predictions, origin.has_decisions)


def test_a_sample_in_long_form_is_filled_from_one_prediction_an_image() -> None:
    table = pd.DataFrame({"id": ["i0_b", "i0_a", "i0_c"], "p": ["0.5"] * 3}, dtype=str)
    cells = choose_cells(SPOTS, sample_of(Path("s.csv"), table, SPOTS, 1), None)
    scores = Predictions(["i0"], np.int8([[-1] * 3]), np.float32([[0.25, 0.5, 0.75]]), SPOTS)

    assert [0.5, 0.25, 0.75] == cells.table(scores, table["id"].tolist())["p"].tolist()
