from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from forked import run_forked
from trained import SETTINGS, write_images
from typer.main import get_command

import kit
from kit.cli.app import app, main
from kit.datasets import Dataset
from kit.runs import FoldSet, RunDirectory
from kit.specs import recipe_names

README = Path(__file__).parents[2] / "README.md"
REFERENCE = README.parent / "docs" / "reference" / "cli.md"
COMMANDS = sorted(get_command(app).commands)
HEAVY = (
    "tensorflow",
    "keras",
    "matplotlib",
    "sklearn",
    "pandas",
    "cv2",
    "scipy",
    "kaggle",
    "kagglesdk",
    "requests",
    "pyarrow",
)
OF_EVERY_COMMAND = ("typer.rich_utils", "typer._adapters")  # the second brings in pydantic, since Typer 0.29


@dataclass
class Answer:
    status: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command line in this process."""

    def run_command(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["kit", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Answer(int(left.value.code or 0), out, err)

    return run_command


def test_a_setting_that_is_given_twice_is_refused(command: Command) -> None:
    answer = command("bench", "pcam", "--cache", "none", "--set", "train.cache=memory")

    assert 1 == answer.status
    assert "train.cache is given twice, by --cache and by --set" in " ".join(answer.err.split())


def test_help_imports_nothing_heavy() -> None:
    lines = [["--help"], *([name, "--help"] for name in COMMANDS), ["--version"]]
    answers = run_forked(lines, unwanted=HEAVY, imports=["kit.cli.app", *OF_EVERY_COMMAND])

    assert dict.fromkeys(map(" ".join, lines), (0, [])) == answers


def test_sharding_workers_load_no_tensorflow() -> None:
    script = "import sys, kit.conversion.write_shard; sys.exit('tensorflow' in sys.modules or 'pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example_in_the_readme(name: str, command: Command) -> None:
    answer = command(name, "--help")

    assert 0 == answer.status
    assert f"Example: kit {name}" in answer.out
    assert re.search(rf"^kit {name}\b", README.read_text(), re.MULTILINE)
    assert re.search(r" --help +-h +Show this", answer.out)
    assert not re.search(r"<bool>|BOOL", answer.out)


def _words(text: str) -> list[str]:
    return re.sub(r"[\[\]()│]", " ", text).split()


@pytest.mark.parametrize("words", [*COMMANDS, "competitions show", "recipes show"])
def test_no_word_of_a_help_text_is_cut_off_or_swallowed_at_80_columns(
    words: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = {*_words(command(*words.split(), "--help").out)}
    found: Any = get_command(app)
    for word in words.split():
        found = found.commands[word]
    texts = [text for option in found.params for text in (option.help, option.metavar, option.show_default)]

    assert [] == [text for text in texts if isinstance(text, str) and not {*_words(text)} <= shown]


def test_the_reference_tells_flags_from_options_that_take_a_value() -> None:
    reference = REFERENCE.read_text().split("## Command reference")[1]
    rows = [re.split(r"(?<!\\)\|", row) for row in reference.splitlines() if row.startswith("| `")]

    assert {5} == {len(row) for row in rows}
    assert {" `--json` ", " `--force` ", " `--epochs …` ", " `--output DIR`, `-o DIR` "} <= {row[1] for row in rows}


def test_public_names_are_sorted_and_exist() -> None:
    assert sorted(kit.__all__) == kit.__all__
    assert all(getattr(kit, name) is not None for name in kit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kit.nothing


def test_version_is_the_packages(command: Command) -> None:
    from importlib.metadata import version

    assert f"kit {version('kit')}\n" == command("--version").out


def test_unknown_options_are_usage_errors(command: Command) -> None:
    assert 2 == command("shard", "--nonsense").status


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train pcam --optimizer sgd", "--optimizer. It is a setting: --set train.optimizer=VALUE"),
        ("train pcam --momentum=.5", "--set model.bn_momentum=VALUE, or --set train.momentum=VALUE"),
        ("find-lr pcam --augment d4", "--augment. It is a setting: --set augment=VALUE"),
        ("ablate pcam --epochs 3", "--epochs. It is a setting: --set train.epochs=VALUE, or --vary train.epochs=A,B"),
        ("predict pcam --optimizer sgd", "No such option: --optimizer"),  # takes no settings
    ],
)
def test_an_option_that_is_a_setting_here_is_answered_with_how_to_write_it(
    line: str, told: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    answer = command(*line.split())

    assert 2 == answer.status
    assert re.search(rf"{re.escape(told)} +│", answer.err)


def test_an_option_that_is_almost_right_is_answered_with_the_right_one(command: Command) -> None:
    answer = command("train", "pcam", "--epoch", "3")

    assert 2 == answer.status
    assert "--epochs" in answer.err
    assert "It is a setting" not in answer.err


def test_shard_prints_counts_and_the_next_step(command: Command, tmp_path: Path) -> None:
    write_images(tmp_path / "images", 12, ("cat", "dog"))
    answer = command("shard", tmp_path / "images", "--name", "pets", "--root", tmp_path, "--workers", 1)

    assert (0, "") == (answer.status, answer.err)
    assert re.search(r"train\s+8\s+4\s+4", answer.out)
    assert "next: kit train pets" in answer.out


def test_metric_changes_by_the_same_command_and_is_shown(command: Command, tmp_path: Path) -> None:
    write_images(tmp_path / "images", 12, ("cat", "dog"))
    shard = ("shard", tmp_path / "images", "--name", "pets", "--root", tmp_path, "--workers", 1)
    command(*shard)
    changed = command(*shard, "--metric", "auc")
    refused = command(*shard, "--metric", "rmse")
    shown = command("info", "pets", "--root", tmp_path)

    assert "metric: auc, was accuracy; the shards stay as they are" in changed.err
    assert "\nmetric: auc\n" in changed.out
    assert "target: " not in changed.out
    assert (1, 1) == (refused.status, refused.err.count("\n"))
    assert "metric rmse does not fit" in refused.err
    assert "\nmetric: auc\n" in shown.out
    assert "labels: 2 classes" in shown.out


def test_json_is_the_manifest(command: Command, tiny: Dataset, workspace: Path) -> None:
    answer = command("info", "tiny", "--root", workspace, "--json")

    assert json.loads((tiny.folder / "manifest.json").read_text()) == json.loads(answer.out)


def test_info_verifies_and_draws(command: Command, tiny: Dataset, workspace: Path, tmp_path: Path) -> None:
    picture = tmp_path / "preview.png"
    answer = command("info", tiny.manifest.name, "--root", workspace, "--verify", "--preview", picture)

    assert f"all {len(tiny.manifest.shards)} shards are what was written" in answer.out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_info_draws_what_a_recipe_makes_of_the_images(
    command: Command, tiny: Dataset, workspace: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "augmentation.png"
    asked = ("info", tiny.manifest.name, "--root", workspace, "--preview", picture)
    answers = [
        command(*asked, "--augmentation", "chest-xray-transfer", "--set", f"augment.{setting}").status
        for setting in ("rotation=0", "mixup=1")
    ]

    assert [0, 0] == answers
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--augmentation", "chest-xray-transfer"], "give --preview PNG too"),
        (["--set", "augment.rotation=30"], "give --augmentation RECIPE too"),
    ],
)
def test_info_says_which_option_is_missing(
    command: Command, tiny: Dataset, workspace: Path, options: list[str], message: str
) -> None:
    answer = command("info", tiny.manifest.name, "--root", workspace, *options)

    assert 2 == answer.status
    assert message in answer.err


def test_info_refuses_to_draw_an_augmentation_that_changes_nothing(
    command: Command, tiny: Dataset, workspace: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "nothing.png"
    asked = ("--augmentation", "histopathologic-cancer/after", "--preview", picture)
    answer = command("info", tiny.manifest.name, "--root", workspace, *asked)

    assert 1 == answer.status
    assert "augment changes nothing of these images; set, for example, augment.rotation to 30" in answer.err
    assert not picture.exists()


def test_kit_root_is_the_default_root(
    command: Command, tiny: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_ROOT", str(workspace))
    answer = command("info", tiny.manifest.name)

    assert 0 == answer.status
    assert tiny.manifest.fingerprint in answer.out


BAD_INPUT = [
    (["info", "tinny"], r"unknown dataset 'tinny'; did you mean 'tiny'\?"),
    (["train", "tiny", "--recipe", "histology"], r"unknown recipe 'histology'"),
    (["train", "tiny", "--set", "model.bn_momntum=0.5"], r"did you mean 'model.bn_momentum'\?"),
    (["train", "tiny", "--set", "model.bn_momentum=x"], r"model.bn_momentum must be a number, got 'x'"),
    (["train", "tiny", "--set", "model.padding=full"], r"model.padding must be one of valid, same, got 'full'"),
    (["train", "tiny", "--set", "model.pool=30"], r"model.pool=30 does not fit in block 1"),
    (["train", "tiny", "--set", "epochs"], r"'epochs' must read path=value"),
    (["ablate", "tiny", "--momentum", "0.5,0.5"], r"names a value twice"),
    (["ablate", "tiny", "--design", "full"], r"design must be one of grid, one-at-a-time, ladder, random:N, search:N"),
    (["ablate", "tiny", "--against", "last"], r"--against must be one of first, previous, got 'last'"),
    (["ablate", "tiny", "--design", "random"], r"design random needs a number of arms, as in random:20"),
    (["ablate", "tiny", "--design", "random:3"], r"design random:3 needs settings to draw from"),
    (["ablate", "tiny", "--design", "ladder", "--kernel", "2,3"], r"leave model.kernel out, or give --design grid"),
    (["ablate", "tiny", "--dropout", "0..0.5"], r"model.dropout=0.0..0.5 is a range, and design grid takes values"),
    (["ablate", "tiny", "--optimizer", "adam,adan"], r"train.optimizer: unknown optimizer 'adan'; did you mean 'adam'"),
    (["ablate", "tiny", "--learning-rate", "0"], r"train.learning_rate must be above 0, got 0.0"),
    (["ablate", "tiny", "--kernel", "0"], r"model.kernel must be 1 or more, got 0"),
    (["ablate", "tiny", "--filters", "[8,16],[8,0]"], r"model.filters and dense must be 1 or more, got \(8, 0\)"),
    (["ablate", "tiny", "--batch-size", "0"], r"train.batch_size must be 1 or more, got 0"),
    (["ablate", "tiny", "--augment", "none,colors"], r"unknown augmentation 'colors'; did you mean 'colour'"),
    (["train", "tiny", "--set", "augment=d5"], r"unknown augmentation 'd5'"),
    (["ablate", "tiny", "--seeds", "0"], r"seeds must be 1 or more, got 0"),
    (["compare", "nothing"], r"unknown run or ablation 'nothing'"),
    (["evaluate", "nothing"], r"unknown run 'nothing'"),
    (["evaluate", "nothing", "--weights", "first"], r"--weights must be one of best, last, got 'first'"),
    (["predict", "nothing"], r"unknown run 'nothing'"),
    (["export", "nothing"], r"unknown run 'nothing'"),
    (["export", "nothing", "--weights", "first"], r"--weights must be one of best, last, got 'first'"),
    (["train", "tiny", "--epochs", "0"], r"train.epochs must be 1 or more, got 0"),
    (["predict", "nothing", "--threshold", "best"], r"threshold must be a probability, best-f1, .* got 'best'"),
    (["predict", "nothing", "--tta", "d8"], r"tta must be flips, d4, or a number of views, got 'd8'"),
    (["evaluate", "nothing", "some"], r"several runs have no folder of their own for tables; add -o DIR"),
    (["train", "tiny", "--engine", "rya"], r"unknown engine 'rya'; did you mean 'ray'\? Known: local, ray"),
    (["train", "tiny", "--engine", "ray"], r"--engine ray trains folds, one on each machine; add --folds all"),
    (["train", "tiny", "--address", "10.0.0.1:6379"], r"--address is a Ray cluster's; add --engine ray"),
    (["train", "tiny", "--folds", "all"], r"tiny has no folds; shard it with --folds 5"),
    (["shard", "/nowhere", "--name", "x"], r"/nowhere does not exist"),
    (
        ["shard", "s3://lab/images", "--name", "x"],
        r"s3://lab/images is no folder of this machine, and kit reads images from folders; download it, or mount it",
    ),
    (["shard", ".", "--name", "../x"], r"dataset name '../x' must be letters"),
    (["shard", ".", "--name", "x", "--size", "large"], r"size 'large' must read 32, or 240x320"),
    (["shard", ".", "--name", "x", "--split", "70/20"], r"split '70/20' must read 70/30"),
    (["shard", ".", "--name", "x", "--workers", "0"], r"workers must be 1 or more, got 0"),
    (["shard", ".", "--name", "x", "--channels", "4"], r"channels must be 1 or 3, got 4"),
    (["shard", ".", "--name", "x", "--max-rejects", "-1"], r"max_rejects must be 0 or more, got -1"),
    (["shard", ".", "--name", "x", "--seed", "-1"], r"seed must be in \[0, 2147483648\), got -1"),
    (["train", "tiny", "--seed", "-1"], r"seed must be in \[0, 2147483648\), got -1"),
    (["train", "tiny", "--set", "train.threads=-1"], r"train.threads must be 0 or more, got -1"),
    (
        ["train", "tiny", "--set", "model.pool=2", "--set", "train.batch_size=500"],
        r"84 train images, fewer than a batch of 500",
    ),
    (["ablate", "tiny", "--jobs", "0"], r"jobs must be 1 or more, got 0"),
    (["ablate", "tiny", "--momentum", "0.5,0.50"], r"names a value twice: 0.5 and 0.50 are the same"),
    (["ablate", "tiny", "--momentum", "0.5", "--vary", "model.bn_momentum=0.9"], r"model.bn_momentum is varied twice"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT, ids=lambda value: str(value)[:40])
def test_bad_input_is_one_line_and_status_one(
    command: Command,
    tiny: Dataset,
    workspace: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(workspace / "images")
    monkeypatch.setenv("KIT_ROOT", str(tiny.folder.parents[1]))
    before = sorted(path for path in workspace.rglob("*"))
    answer = command(*arguments)

    assert (1, "") == (answer.status, answer.out)
    assert re.match(f"kit: .*{message}", answer.err)
    assert 1 == answer.err.count("\n")
    assert before == sorted(path for path in workspace.rglob("*"))


REFUSED = [
    ["train", "tiny", "--set", "model.pool=30"],
    ["ablate", "tiny", "--set", "model.pool=30"],
    ["evaluate", "RUN", "--split", "tests"],
    ["evaluate", "RUN", "--recall", "2"],
    ["evaluate", "RUN", "--positive", "lights"],
    ["compare", "RUN", "--split", "tests"],
    ["compare", "RUN", "--split", "test"],
    ["compare", "RUN", "--html"],
    ["compare", "RUN", "--metric", "val_acc"],
    ["compare", "RUN", "--baseline", "before"],
    ["predict", "RUN", "-o", "sample_submission.csv"],
    ["predict", "RUN", "--threshold", "2"],
    ["export", "RUN", "--formats", "onx"],
    ["export", "RUN", "-o", "images", "--force"],
    ["predict", "RUN", "--threshold", "recall:2"],
    ["predict", "RUN", "--tta", "8"],
    ["find-lr", "pcam", "--set", "model.pool=2"],
    ["train", "tiny", "--set", "model.pool=2", "--devices", "gpu"],
    ["predict", "RUN", "--split", "tests"],
    ["evaluate", "RUN", "--tta", "8"],
]
# What commands import before they check their input.
CHECKED_WITH = (
    *("kit.ablation", "kit.comparison", "kit.evaluation.evaluate", "kit.exports", "kit.submission"),
    *("kit.reports.evaluation", "kit.reports.lr_range_test", "kit.cli.console", *OF_EVERY_COMMAND),
)


def test_what_is_refused_is_refused_before_tensorflow_loads(run: RunDirectory, workspace: Path) -> None:
    lines = [[str(run.path) if argument == "RUN" else argument for argument in arguments] for arguments in REFUSED]
    answers = run_forked(
        lines,
        unwanted=["tensorflow"],
        imports=CHECKED_WITH,
        folder=workspace,
        environment={"KIT_ROOT": ".", "CUDA_VISIBLE_DEVICES": ""},
    )

    assert dict.fromkeys(map(" ".join, lines), (1, [])) == answers


def test_a_dataset_is_found_by_its_folder_too(command: Command, tiny: Dataset, workspace: Path) -> None:
    answer = command("info", tiny.folder, "--root", workspace)

    assert 0 == answer.status
    assert tiny.manifest.fingerprint in answer.out


def test_a_finished_run_is_said_to_be_finished(command: Command, run: RunDirectory, workspace: Path) -> None:
    settings = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    answer = command("train", "tiny", *settings, "--root", workspace)

    assert "finished before" in answer.err
    assert f"next: kit evaluate {run.path.name} --root {workspace}  (then" in answer.out


def test_train_ends_with_its_figures_and_files(command: Command, run: RunDirectory, workspace: Path) -> None:
    settings = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    answer = command("train", "tiny", *settings, "--root", workspace)
    result = run.result()

    assert f"last ({result.epochs})" in answer.out
    assert re.search(rf"accuracy .* {result.final['accuracy']:.4f} +{result.final['val_accuracy']:.4f}", answer.out)
    assert re.search(rf"{result.epochs} epochs in .*; {result.parameters:,} parameters", answer.out)
    assert f"{run.path}: best.weights.h5, last.weights.h5, history.csv" in answer.out


def test_the_usual_settings_have_options_of_their_own(command: Command, run: RunDirectory, workspace: Path) -> None:
    short = {"--epochs": "train.epochs", "--batch-size": "train.batch_size"}
    options = [part for option, path in short.items() for part in (option, SETTINGS[path])]
    others = [f"{path}={value}" for path, value in SETTINGS.items() if path not in short.values()]
    named = [part for setting in others for part in ("--set", setting)]
    at = ["--root", workspace, "--json"]
    again = command("train", "tiny", *options, *named, *at)
    twice = command("train", "tiny", *options, "--set", "train.batch_size=8", *at)

    assert str(run.path) == json.loads(again.out)["run"]
    assert (1, "kit: train.batch_size is given twice, by --batch-size and by --set; give it once\n") == (
        twice.status,
        twice.err,
    )


def test_a_target_that_cannot_be_written_is_one_line(command: Command, tmp_path: Path) -> None:
    write_images(tmp_path / "images", 8, ("cat", "dog"))
    (tmp_path / "tfrecords").write_text("a file, not a folder")
    answer = command("shard", tmp_path / "images", "--name", "pets", "--root", tmp_path)

    assert (1, 1) == (answer.status, answer.err.count("\n"))
    assert "tfrecords" in answer.err


def test_train_evaluate_predict_and_compare_answer_in_json(
    command: Command, run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    settings = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    at = ["--root", workspace, "--json"]
    trained = json.loads(command("train", "tiny", *settings, *at).out)
    evaluated = json.loads(command("evaluate", run.path.name, *at, "-o", tmp_path / "evaluation").out)
    predicted = json.loads(command("predict", run.path.name, *at, "-o", tmp_path / "s.csv").out)
    compared = json.loads(command("compare", run.path.name, *at).out)

    assert str(run.path) == trained["run"]
    assert run.result().best["val_accuracy"] == pytest.approx(evaluated["evaluation"]["accuracy"])
    assert 10 == predicted["rows"]
    assert [1] == [arm["n"] for arm in compared["arms"]]


def test_train_folds_and_predict_say_what_came_of_them(
    command: Command, fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    settings = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    trained = command("train", "folded", "--folds", "all", *settings, "--root", workspace)
    told = json.loads(command("train", "folded", "--folds", "0", *settings, "--root", workspace, "--json").out)
    asked = ("--threshold", "best-f1", "--tta", "flips", "-o", tmp_path / "s.csv", "--root", workspace)
    predicted = command("predict", fold_set.path.name, *asked)

    assert "finished before: fold 0, fold 1, fold 2" in trained.err
    assert re.search(r"mean ± sd +— +0\.\d{4} ± 0\.\d{4}", trained.out)
    assert f"next: kit evaluate {fold_set.path.name}" in trained.out
    assert (str(fold_set.path), 90) == (told["folds"], told["result"]["pooled"]["images"])
    assert re.search(
        r"^out-of-fold: threshold 0\.\d+ for class light: F1 .* of 90 images$", predicted.out, re.MULTILINE
    )
    assert re.search(
        r"^out-of-fold accuracy 0\.\d{4}, 3 runs, 4 views; by thresholds chosen without each fold$",
        predicted.out,
        re.MULTILINE,
    )


def test_evaluate_says_threshold_and_mistakes_and_writes_a_page(
    command: Command, run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    options = ("--recall", "0.5", "--positive", "dark", "--html", "-o", tmp_path, "--root", workspace)
    answer = command("evaluate", run.path, *options)

    assert 0 == answer.status
    assert re.search(r"^misclassified: \d+ of 36 images \(\d+\.\d%\)$", answer.out, re.MULTILINE)
    assert re.search(r"^threshold 0\.\d+ for class dark: recall .* \(wanted 0.5\), precision", answer.out, re.MULTILINE)
    assert "report.html" in answer.out
    assert (tmp_path / "report.html").is_file()


def test_compare_writes_a_page_where_it_is_told(
    command: Command, run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    refused = command("compare", run.path, "--html", "--root", workspace)
    answer = command("compare", run.path, "--split", "validation", "--html", "-o", tmp_path, "--root", workspace)

    assert "kit: --html needs a folder for report.html; add -o DIR\n" == refused.err
    assert "train_loss" in answer.out
    assert (tmp_path / "report.html").is_file()


def test_tables_go_on_below_where_the_terminal_is_narrow(
    command: Command, run: RunDirectory, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    answer = command("compare", run.path, "--root", workspace)

    assert max(map(len, answer.out.splitlines())) <= 60
    for column in ("accuracy", "gap", "tility", "meters", "s/epoch"):
        assert column in answer.out


@pytest.fixture
def elsewhere(run: RunDirectory, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a run of its own, which is not the current folder's."""
    monkeypatch.delenv("KIT_ROOT", raising=False)
    root = tmp_path / "elsewhere"
    shutil.copytree(run.path, root / "runs" / "mine")
    shutil.copytree(tiny.folder, root / "tfrecords" / tiny.folder.name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return root


def test_runs_of_another_workspace_bring_their_dataset(command: Command, elsewhere: Path) -> None:
    mine = elsewhere / "runs" / "mine"
    for arguments in (
        ["evaluate", mine],
        ["predict", mine],
        ["compare", mine, "--split", "validation"],
        ["export", mine, "--formats", "keras"],
    ):
        assert 0 == command(*arguments).status
    first = elsewhere / "submissions" / "mine.csv"
    (elsewhere / "submissions" / "other.csv").write_bytes(first.read_bytes())

    assert 0 == command("blend", first, elsewhere / "submissions" / "other.csv").status
    assert (elsewhere / "submissions" / "blend.csv").is_file()
    assert not list(Path.cwd().iterdir())


def test_runs_are_compared_again_beside_what_kit_wrote_there(command: Command, elsewhere: Path) -> None:
    runs = elsewhere / "runs"
    before = command("compare", *sorted(runs.iterdir()), "-o", runs / "comparison")
    (runs / "learning-rates").mkdir()
    (runs / "learning-rates" / "mine.csv").write_text("rate,loss\n1e-7,1\n")
    (runs / ".mine.lock").touch()
    (runs / "report.html").touch()
    after = command("compare", *sorted(runs.iterdir()), "-o", runs / "comparison")
    shutil.copytree(runs / "comparison", runs / "ablation" / "comparison")
    shutil.copytree(runs / "mine", runs / "ablation" / "arm" / "seed-0")
    (runs / "ablation" / "ablation.json").write_text('{"arms": ["arm"]}')
    (runs / "ablation" / "retrained.csv").write_text("arm,n\narm,1\n")
    deep = command("compare", *sorted((runs / "ablation").iterdir()))

    assert (0, 0, 0) == (before.status, after.status, deep.status)
    assert before.out == after.out


def test_a_folder_without_runs_is_still_refused_if_kit_did_not_write_it(command: Command, elsewhere: Path) -> None:
    (elsewhere / "runs" / "notes").mkdir()
    answer = command("compare", *sorted((elsewhere / "runs").iterdir()))
    alone = command("compare", elsewhere / "runs" / "mine" / "tensorboard")

    assert (1, f"kit: {elsewhere / 'runs' / 'notes'} holds no run\n") == (answer.status, answer.err)
    assert 1 == alone.status


def test_at_80_columns_the_verdict_stands_in_the_first_table(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    values = {(m, seed): 0.6 + seed / 100 + m / 9 + seed * m / 50 for m in (0.99, 0.75, 0.5) for seed in range(3)}
    others = {"accuracy": [0.5, 0.9], "loss": [1.0, 0.5], "val_loss": [1.0, 0.7]}
    histories = {
        f"bn_position=before,bn_momentum={momentum}=seed-{seed}": {"val_accuracy": [0.5, value], **others}
        for (momentum, seed), value in values.items()
    }
    (tmp_path / "histories.json").write_text(json.dumps(histories))
    answer = command("compare", tmp_path / "histories.json")
    first = answer.out.split("bn_momentum=0.99")[0]

    assert (0, "") == (answer.status, answer.err)
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "verdict" in first
    assert "Δ, 95 %" in first
    assert "(Holm)" not in first
    assert "(Holm)" in answer.out


def test_classes_that_are_not_the_recipe_s_are_said(command: Command, tiny: Dataset, workspace: Path) -> None:
    options = ["--recipe", "chest-xray-transfer", "--size", "16", "--split", "70/30", "--workers", "1"]
    answer = command("shard", workspace / "images", *options, "--name", "other", "--root", workspace)

    assert tiny.manifest.classes == ("dark", "light")
    assert "note: chest-xray-transfer is for the classes NORMAL, PNEUMONIA" in answer.out
    assert "next: kit train other --recipe chest-xray-transfer" in answer.out


def test_recipes_are_listed_and_shown(command: Command) -> None:
    listed = command("recipes").out
    shown = json.loads(command("recipes", "show", "--json").out)
    one = command("recipes", "show", "chest-xray-ladder").out

    assert list(shown) == recipe_names()
    assert all(name in listed for name in recipe_names())
    assert (1_811_403, 1_811_403) == tuple(
        shown["chest-xray-ladder"]["arms"][1][name] for name in ("parameters", "trainable_parameters")
    )
    assert re.search(r"base_cnn +filters = 100, 80, 70, 64 +256x256x1 +1,811,403 +1,811,403", one)
    assert "test_accuracy 0.862" in one


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_tensorflow_is_silent_unless_asked(workspace: Path, tmp_path: Path) -> None:
    quiet = _train_alone(workspace, tmp_path, "--set", "train.epochs=1")
    loud = _train_alone(workspace, tmp_path, "--set", "train.epochs=2", "--verbose")

    assert "" == "".join(line for line in quiet.splitlines(keepends=True) if not line.startswith("train "))
    assert len(loud) > len(quiet)


def _train_alone(workspace: Path, tmp_path: Path, *options: str) -> str:
    (tmp_path / "tfrecords").unlink(missing_ok=True)
    (tmp_path / "tfrecords").symlink_to(workspace / "tfrecords")
    command = [sys.executable, "-m", "kit", "train", "tiny", "--root", str(tmp_path), "--set", "train.batch_size=16"]
    command += ["--set", "model.pool=2", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KIT_"))}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stderr


@pytest.mark.slow
def test_the_demo_makes_the_whole_road(command: Command, tmp_path: Path) -> None:
    answer = command("demo", "--root", tmp_path, "--json")
    done = json.loads(answer.out)
    rows = Path(done["submission"]).read_text().splitlines()

    assert 449 == done["n"] == len(rows) - 1
    assert "id,0,1,2,3,4,5,6,7,8,9" == rows[0]
    assert done["accuracy"] > 0.9
    assert 6 == len(list(Path(done["ablation"]).rglob("result.json")))
    assert re.search(
        rf"^next: kit evaluate {tmp_path}/runs/\S+/seed-\d$", command("demo", "--root", tmp_path).out, re.MULTILINE
    )


def _nested() -> None:
    json.loads("[" * 100_000)


def _exhausted() -> None:
    from kit.compat import tf

    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def _long_cell() -> None:
    list(csv.reader([f'"{"x" * 200_000}"']))


def _too_large() -> None:
    bytearray(1 << 62)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (_nested, "an input is nested too deeply to be read; leave it out, or write it flat: "),
        (_exhausted, "there is not enough memory; take smaller images"),
        (_long_cell, "a CSV file cannot be read; save it anew as CSV in UTF-8: field larger than field limit"),
        (_too_large, "there is not enough memory; take smaller images"),
    ],
)
def test_what_an_input_or_a_machine_causes_is_one_line(
    action: Callable[[], None], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kit.cli import app as module

    monkeypatch.setattr(module, "app", action)
    with pytest.raises(SystemExit) as left:
        module.main()
    said = capsys.readouterr().err

    assert 1 == left.value.code
    assert said.startswith(f"kit: {message}")
    assert 1 == len(said.splitlines())
