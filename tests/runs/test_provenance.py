"""Evaluations, exports and predictions know the runs and the weights that made them, and are not mixed with others."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from mutations import json_mutations

import kit
from kit.cli import main
from kit.errors import RunError, ShardError, SpecError, WorkspaceError
from kit.files import xxh128_file
from kit.inference.out_of_fold import read_out_of_fold
from kit.locks import locked
from kit.progress import NoProgress
from kit.runs import FoldSet, RunDirectory
from kit.runs.provenance import SEALED, Maker, Provenance, read_provenance, refuse_changed, refuse_other, seal_folder
from kit.submission.origin import read_origin

BEST = Maker(run="a", identity="1", weights="w1")
MADE = Provenance(kind="evaluation", dataset="d", fingerprint="f", split="test", weights="best", made_by=(BEST,))


class When(NoProgress):
    """Does something once, when a task of this name begins."""

    def __init__(self, task: str, action: Callable[[], object]) -> None:
        self.task, self.action = task, action

    def start(self, task: str, total: int) -> None:
        del total
        if task.startswith(self.task):
            self.task = "\0"
            self.action()


@pytest.fixture
def copy(run: RunDirectory, workspace: Path, tmp_path: Path) -> RunDirectory:
    """A workspace of its own, with the run."""
    shutil.copytree(workspace / "tfrecords" / "tiny", tmp_path / "copy" / "tfrecords" / "tiny")
    path = tmp_path / "copy" / run.path.relative_to(workspace)
    shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("export", "evaluation-*"))  # of other tests
    return RunDirectory(path)


@pytest.fixture
def unfinished(copy: RunDirectory) -> RunDirectory:
    """A run in training: its best weights may change at any time."""
    (copy.path / "result.json").unlink()
    return copy


def test_an_evaluation_is_sealed_with_its_run_weights_split_and_files(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    files = kit.write_evaluation(kit.evaluate(run.path, root=workspace), tmp_path / "evaluated", html=True)
    made = read_provenance(tmp_path / "evaluated")

    assert made
    assert ("evaluation", "tiny", "validation", "best") == (made.kind, made.dataset, made.split, made.weights)
    assert run.spec().fingerprint == made.fingerprint
    assert (Maker(run=run.path.name, identity=run.identity, weights=xxh128_file(run.best_weights)),) == made.made_by
    assert {path.name: xxh128_file(path) for path in files} == made.files


def test_an_evaluation_of_the_same_is_written_anew_and_one_of_others_refused(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "evaluated"
    folder.mkdir()
    seal_folder(folder, kit.evaluate(run.path, root=workspace).provenance, [])
    kit.write_evaluation(kit.evaluate(run.path, recall=0.5, root=workspace), folder)
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    for options in ({"weights": "last"}, {"split": "train"}, {"tta": "flips"}):
        other = kit.evaluate(run.path, root=workspace, **options)  # type: ignore[arg-type]
        with pytest.raises(
            WorkspaceError, match=f"evaluated holds the evaluation of {run.path.name}, best weights, spl"
        ):
            kit.write_evaluation(other, folder)

    assert json.loads(written["evaluation.json"])["threshold"]
    assert written == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_of_an_evaluation_that_was_changed_is_named_and_not_written_over(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    evaluation = kit.evaluate(run.path, root=workspace)
    kit.write_evaluation(evaluation, tmp_path)
    (tmp_path / "misclassified.csv").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"misclassified\.csv was changed after kit wrote it; move it away"):
        kit.write_evaluation(evaluation, tmp_path)
    (tmp_path / "misclassified.csv").unlink()
    kit.write_evaluation(evaluation, tmp_path)

    assert "mine" != (tmp_path / "misclassified.csv").read_text()


def test_an_evaluation_that_was_stopped_while_its_files_took_their_places_is_written_by_the_next_command(
    run: RunDirectory, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.write_evaluation(kit.evaluate(run.path, root=workspace), tmp_path)
    other, replace = kit.evaluate(run.path, recall=0.5, root=workspace), Path.replace

    def stopped(file: Path, target: Path) -> Path:
        if target.name == "predictions.csv":
            raise KeyboardInterrupt
        return replace(file, target)

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        kit.write_evaluation(other, tmp_path)
    monkeypatch.undo()
    kit.write_evaluation(other, tmp_path)

    assert json.loads((tmp_path / "evaluation.json").read_text())["threshold"]
    refuse_changed(tmp_path, read_provenance(tmp_path))


def test_every_change_of_a_seal_is_refused_or_harmless(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    seal_folder(tmp_path, kit.evaluate(run.path, root=workspace).provenance, [])
    before, written = read_provenance(tmp_path), (tmp_path / SEALED).read_bytes()
    silent = []
    for what, changed in [*json_mutations(written)]:
        (tmp_path / SEALED).write_bytes(changed)
        try:
            silent += [what] if read_provenance(tmp_path) != before else []
        except SpecError as error:
            silent += [what] if "\n" in str(error) else []

    assert not [what for what in silent if not what.startswith("('seal',)")]


def test_what_is_made_by_more_runs_goes_on_from_what_fewer_made() -> None:
    new = msgspec.structs.replace
    other = new(BEST, identity="2")
    both = new(MADE, made_by=(BEST, other))
    later = new(MADE, made_by=(new(BEST, weights="w2"),))

    assert both.goes_on(MADE)
    assert not MADE.goes_on(both)
    assert later.goes_on(MADE)
    assert not later.is_made_like(MADE)
    assert not any(
        new(MADE, **{name: "x"}).goes_on(MADE) for name in ("kind", "fingerprint", "split", "weights", "views")
    )


def test_a_seal_that_names_files_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    before = msgspec.structs.replace(MADE, files={"../secret": "0"})
    (tmp_path / "folder").mkdir()
    with pytest.raises(WorkspaceError, match=r"name '\.\.' "):
        refuse_changed(tmp_path / "folder", before)


def test_a_folder_from_before_there_were_seals_is_taken(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text("{}")
    refuse_other(tmp_path, MADE)

    assert read_provenance(tmp_path) is None


def test_out_of_fold_predictions_of_an_evaluation_that_were_changed_are_refused(
    fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    kit.write_evaluation(kit.evaluate(fold_set.path, tta="flips", root=workspace), tmp_path)
    path = tmp_path / "out_of_fold.parquet"
    read_out_of_fold(path)
    shutil.copy(fold_set.predictions, path)

    with pytest.raises(WorkspaceError, match=r"out_of_fold\.parquet was changed after kit wrote it"):
        read_out_of_fold(path)


def test_an_export_of_the_same_weights_is_not_written_again(
    copy: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    root = copy.path.parents[1]
    first = kit.export(copy.path, formats=["keras"], root=root)
    times = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    again = kit.export(copy.path, formats=["keras"], root=root)
    main_said(["export", str(copy.path), "--formats", "keras", "--root", str(root)])

    assert (True, False) == (first.is_new, again.is_new)
    assert (first.folder, first.info) == (again.folder, again.info)
    assert times == {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    assert f"{first.folder}: the same run by the same weights, nothing to export" in capsys.readouterr().out
    made = read_provenance(first.folder)
    assert made
    assert xxh128_file(copy.best_weights) == made.made_by[0].weights
    assert {"export.json", "model.keras"} == set(made.files)


def main_said(arguments: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["kit", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
    assert 0 == left.value.code


def test_an_export_of_other_weights_or_with_a_changed_file_is_refused_by_name(copy: RunDirectory) -> None:
    root = copy.path.parents[1]
    folder = kit.export(copy.path, formats=["keras"], root=root).folder
    with pytest.raises(WorkspaceError, match=f"export holds the export of {copy.path.name}, best weights"):
        kit.export(copy.path, formats=["keras"], weights="last", root=root)
    (folder / "model.keras").write_bytes(b"mine")
    with pytest.raises(WorkspaceError, match=r"model\.keras was changed after kit wrote it"):
        kit.export(copy.path, formats=["keras"], root=root)

    assert b"mine" == (folder / "model.keras").read_bytes()
    assert kit.export(copy.path, formats=["keras"], force=True, root=root).is_new


def test_a_prediction_names_its_weights(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    for weights in ("best", "last"):
        kit.predict(run.path, weights=weights, output=tmp_path / f"{weights}.csv", root=workspace)  # type: ignore[arg-type]
    best, last = (read_origin(tmp_path / f"{weights}.csv") for weights in ("best", "last"))

    assert best
    assert last
    assert (xxh128_file(run.best_weights),) == tuple(maker.weights for maker in best.made_by)
    assert (xxh128_file(run.last_weights),) == tuple(maker.weights for maker in last.made_by)


def test_weights_that_change_while_they_predict_are_noticed(unfinished: RunDirectory, tmp_path: Path) -> None:
    root, kept = unfinished.path.parents[1], unfinished.best_weights.read_bytes()

    def train_on() -> None:
        shutil.copy(unfinished.last_weights, unfinished.best_weights)

    for task, command in (
        (
            "predict test",
            lambda seen: kit.predict(unfinished.path, output=tmp_path / "x.csv", root=root, progress=seen),
        ),
        ("predict train", lambda seen: kit.evaluate(unfinished.path, split="train", root=root, progress=seen)),
    ):
        unfinished.best_weights.write_bytes(kept)
        with pytest.raises(RunError, match="was trained further meanwhile, so its weights changed"):
            command(When(task, train_on))

    assert not (tmp_path / "x.csv").exists()


def test_a_prediction_that_appears_meanwhile_is_not_written_over(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    path = tmp_path / "first.csv"
    with pytest.raises(WorkspaceError, match=r"first\.csv exists; choose another name or add force=True"):
        kit.predict(
            run.path, output=path, root=workspace, progress=When("predict test", lambda: path.write_text("mine"))
        )

    assert "mine" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_an_export_that_appears_meanwhile_is_not_replaced(copy: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    room = importlib.import_module("kit.exports.export")  # kit.exports.export is the function
    predict, folder = room._predict, copy.path / "export"  # noqa: SLF001

    def slowly(*given: object) -> object:
        folder.mkdir()
        (folder / "export.json").write_text("mine")
        return predict(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "_predict", slowly)
    with pytest.raises(WorkspaceError, match="export exists; choose another name or add force=True"):
        kit.export(copy.path, formats=["keras"], root=copy.path.parents[1])

    assert "mine" == (folder / "export.json").read_text()


def test_a_folder_that_another_command_writes_is_not_written_to(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    from kit.reports.comparison import write_comparison

    evaluation, comparison = kit.evaluate(run.path, root=workspace), kit.compare(run.path, root=workspace)
    (tmp_path / "linked").symlink_to(tmp_path / "folder")
    with locked(tmp_path / "folder"):
        for write in (
            lambda: kit.write_evaluation(evaluation, tmp_path / "linked"),
            lambda: write_comparison(comparison, tmp_path / "folder"),
        ):
            with pytest.raises(WorkspaceError, match="another kit command is writing"):
                write()

    assert not (tmp_path / "folder").exists()


def test_the_current_folder_can_be_written_to(
    run: RunDirectory, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kit.write_evaluation(kit.evaluate(run.path, root=workspace), Path())

    assert (tmp_path / "evaluation.json").is_file()


def test_pictures_are_not_of_a_dataset_that_was_replaced(copy: RunDirectory, tmp_path: Path) -> None:
    root = copy.path.parents[1]
    evaluation = kit.evaluate(copy.path, root=root)
    manifest = root / "tfrecords" / "tiny" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(evaluation.dataset.manifest.fingerprint, "0" * 16))

    with pytest.raises(ShardError, match="was replaced while it was in use"):
        kit.write_evaluation(evaluation, tmp_path / "evaluated")

    assert not (tmp_path / "evaluated").exists()
