from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import csv_mutations
from scipy.stats import pearsonr, spearmanr
from standin import KEY, SLUG, Game, StandIn

import kit
from kit import locks
from kit.errors import SubmissionError
from kit.kaggle.ledger import Entry, Ledger, refreshed
from kit.kaggle.responses import Listed
from kit.kaggle.score_correlation import correlate_scores
from kit.reports.submissions import describe_correlation
from kit.submission.origin import Origin, write_csv


def entry(number: int = 0, **fields: str) -> Entry:
    made = Entry(
        time=f"2026-05-{number + 1:02d}T08:30:00.000+00:00",
        competition=SLUG,
        file=f"submissions/{number}.csv",
        sha256=f"{number:064x}",
        message=f"try {number}",
    )
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def scored(points: list[tuple[float, float]], metric: str = "val_auc") -> list[Entry]:
    return [
        entry(number, ref=str(number + 1), status="complete", metric=metric, local_score=repr(x), public_score=repr(y))
        for number, (x, y) in enumerate(points)
    ]


def listed(ref: int, file: str = "0.csv", message: str = "try 0", status: str = "complete") -> Listed:
    return Listed(ref=ref, file=file, message=message, date=None, status=status, public=0.5, private=None, reason="")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)


@settings(max_examples=20)  # each line is on the disk before the next
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_whatever_stands_in_a_message_comes_back(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.csv")
    entries = [entry(number, message=text, reason=text) for number, text in enumerate(texts)]
    for one in entries:
        ledger.write([one])

    assert entries == ledger.entries()


@settings(max_examples=100)
@given(text=st.text(st.characters(), max_size=8), score=st.floats(allow_nan=False))
def test_whatever_kit_writes_is_as_it_wrote_it(
    text: str, score: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.csv")
    ledger.write([entry(0, message=text, reason=f"{text}\r\n", public_score=repr(score)), entry(1)])

    assert (2, []) == (len(ledger.entries()), ledger.remarks())


def test_a_line_is_changed_in_its_place(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write([entry(0), entry(1)])
    ledger.write([entry(0, ref="7", status="pending")])

    assert [entry(0, ref="7", status="pending"), entry(1)] == ledger.entries()
    assert [entry(1)] == ledger.twins(SLUG, entry(1).sha256)
    assert [] == ledger.entries("another")


def test_columns_that_kit_does_not_know_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    Ledger(path).write([entry(0)])
    header, line = path.read_text().splitlines()
    path.write_text(f"note,{header}\nmine,{line}\n")
    Ledger(path).write([entry(1)])

    assert [{"note": "mine"}, {"note": ""}] == [dict(one.others) for one in Ledger(path).entries()]


def test_another_csv_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").write_text("id,label\n1,2\n")
    with pytest.raises(
        SubmissionError, match="is no ledger: it has no column time between commas; restore it, or move it away"
    ):
        Ledger(tmp_path / "ledger.csv").entries()


@pytest.mark.parametrize("data", [b"caf\xe9", "time,competition".encode("utf-16"), b"time," + b"x" * 200_000])
def test_a_ledger_that_cannot_be_read_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").write_bytes(data)
    with pytest.raises(SubmissionError, match=r"ledger.csv is no ledger: .*; save it as CSV in UTF-8, or restore it"):
        Ledger(tmp_path / "ledger.csv").entries()


def test_a_ledger_that_pandas_or_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    entries = [entry(0, sha256="ab" * 32, ref="1000", newest_before="7"), entry(1, sha256="cd" * 32)]
    ledger.write(entries)
    pd.read_csv(ledger.path).to_csv(ledger.path, index=False, encoding="utf-8-sig")

    assert "1000.0" in ledger.path.read_text()
    assert entries == ledger.entries()


def test_a_number_that_is_none_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write([entry(0, ref="see mail", status="pending")])

    assert [""] == [one.ref for one in ledger.entries()]


# Other hands: what was changed is said, what is damaged is refused, and nothing is lost.

HISTORY = [
    entry(0, sha256="ab" * 32, ref="1000", status="complete", metric="auc", local_score="0.9", public_score="0.85"),
    entry(1, sha256="cd" * 32, ref="1001", status="error", reason='row 3, "x"\nis wrong', command="kit predict a"),
    entry(2, sha256="ef" * 32, status="unclear", newest_before="1001", message="last, best"),
]


def outcome(ledger: Ledger) -> str:
    """Say whether the lines are as they were, something is said, or the file is refused by name; else "silent"."""
    try:
        found, said = ledger.entries(), ledger.remarks()
    except SubmissionError as error:
        named = re.search(r"line \d+( is|:) |is no ledger: .*; (save|restore) it", str(error))
        return "refused" if named and str(ledger.path) in str(error) and "\n" not in str(error) else "silent"
    if said:
        return "said"
    plain = [dataclasses.replace(one, others={}) for one in found]
    return "harmless" if sorted(plain, key=lambda one: one.time) == HISTORY else "silent"


def test_no_change_of_a_ledger_is_silent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write(HISTORY)
    data = ledger.path.read_bytes()
    counts: dict[str, list[str]] = {"refused": [], "said": [], "harmless": [], "silent": []}
    for what, mutated in csv_mutations(data):
        ledger.path.write_bytes(mutated)
        counts[outcome(ledger)].append(what)

    assert [] == counts["silent"]
    assert all(counts[kind] for kind in ("refused", "said", "harmless"))


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        (lambda lines: [lines[0], lines[1][:20], *lines[2:]], r"line 2 is cut or damaged \(cells: 1, columns: 19\)"),
        (
            lambda lines: [*lines[:2], "garbage", *lines[2:]],
            r"line 3 is cut or damaged \(cells: 1, columns: 19\); fix",
        ),
        (lambda lines: [*lines, '"'], r"is no ledger: line 6: unexpected end of data"),
        (lambda lines: [*lines, lines[1].replace("complete", "done")], r"line 6: status cannot be 'done'; fix"),
    ],
)
def test_a_damaged_line_is_refused_by_its_number_and_nothing_is_written(
    damaged: Callable[[list[str]], list[str]], told: str, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write(HISTORY)
    text = "\n".join(damaged(ledger.path.read_text().splitlines()))
    ledger.path.write_text(text)
    for call in (ledger.entries, ledger.remarks, lambda: ledger.write([entry(9)])):
        with pytest.raises(SubmissionError, match=told):
            call()

    assert text == ledger.path.read_text()


def test_a_changed_line_is_said_until_its_seal_is_emptied_and_never_lost(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write(HISTORY)
    ledger.path.write_text(ledger.path.read_text().replace("try 0", "my note"))
    said = (
        f"{ledger.path}: line 2 was changed since kit wrote the file; if that is meant, empty the cells in column seal"
    )
    assert [said] == ledger.remarks()

    ledger.write([entry(9)])
    assert [said] == ledger.remarks()
    assert ["my note", "try 1", "last, best", "try 9"] == [one.message for one in ledger.entries()]

    table = pd.read_csv(ledger.path, dtype=str, keep_default_na=False)
    table.loc[0, "seal"] = ""
    table.to_csv(ledger.path, index=False)
    assert [] == ledger.remarks()
    ledger.write([entry(10)])
    assert [] == ledger.remarks()
    assert "my note" == ledger.entries()[0].message


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_line_that_is_gone_is_missed_wherever_it_stood(gone: int, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write(dataclasses.replace(one, reason="") for one in HISTORY)
    lines = ledger.path.read_text().splitlines()
    ledger.path.write_text("\n".join(lines[:gone] + lines[gone + 1 :]))

    assert [
        f"{ledger.path}: lines are missing (1) since kit wrote the file; unless that is meant, restore them from a copy"
    ] == (ledger.remarks())


def save_like_a_spreadsheet(path: Path) -> None:
    """Sort the lines, add a column and blank lines, end lines as Windows does, and write eight digits of numbers."""
    table = pd.read_csv(path)
    table["mine"] = ["", "best?", ""]
    table.sort_values("sha256", ascending=False).to_csv(
        path, index=False, encoding="utf-8-sig", lineterminator="\r\n", float_format="%.9g"
    )
    with path.open("a") as text:
        text.write("," * len(table.columns) + "\r\n\r\n")


def test_what_pandas_and_spreadsheets_do_to_a_ledger_is_no_change(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    history = [dataclasses.replace(one, local_score=repr(number / 7)) for number, one in enumerate(HISTORY)]
    ledger.write(history)
    pd.read_csv(ledger.path).to_csv(ledger.path)  # with a column of row numbers that has no name
    assert [] == ledger.remarks()
    assert [one.sha256 for one in history] == [one.sha256 for one in ledger.entries()]

    ledger.path.unlink()
    ledger.write(history)
    save_like_a_spreadsheet(ledger.path)
    assert [] == ledger.remarks()
    assert ["1000", "1001", ""] == [one.ref for one in sorted(ledger.entries(), key=lambda one: one.time)]
    ledger.write([dataclasses.replace(history[1], status="complete")])
    assert {"", "best?"} == {one.others["mine"] for one in ledger.entries()}


def test_a_ledger_of_an_older_version_is_read_and_sealed_by_the_next_writing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write(HISTORY)
    pd.read_csv(ledger.path, dtype=str, keep_default_na=False).drop(columns="seal").to_csv(ledger.path, index=False)
    assert (HISTORY, []) == (ledger.entries(), ledger.remarks())

    ledger.write([entry(9)])
    assert all(pd.read_csv(ledger.path)["seal"])


def test_names_that_are_not_utf8_are_escaped(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write([entry(0, file="caf\udce9.csv")])

    assert ["caf\\udce9.csv"] == [one.file for one in ledger.entries()]
    assert [] == ledger.remarks()


@pytest.mark.slow
def test_a_ledger_under_thousands_of_wrong_bytes_is_never_silent(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    ledger = Ledger(tmp_path / "ledger.csv")
    ledger.write(HISTORY)
    data = np.frombuffer(ledger.path.read_bytes(), np.uint8)
    silent = []
    for _ in range(4000):
        mutated = data.copy()
        places = rng.integers(0, len(data), rng.integers(1, 4))
        mutated[places] = rng.integers(0, 256, len(places))
        ledger.path.write_bytes(mutated.tobytes())
        found = outcome(ledger)
        if found == "silent":
            silent.append(mutated.tobytes())
        elif found != "refused":  # and nothing is lost when kit writes the file anew
            before = ledger.entries()
            ledger.write([entry(9)])
            *kept, last = ledger.entries()
            assert (before, entry(9)) == (kept, dataclasses.replace(last, others={}))

    assert [] == silent


def test_processes_that_write_at_once_lose_no_line(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from kit.kaggle.ledger import Entry, Ledger
for number in range(10):
    name = f"{sys.argv[2]}-{number}"
    Ledger(Path(sys.argv[1])).write([Entry(time=name, competition="c", file="f", sha256="s", message="m")])
"""
    path = tmp_path / "ledger.csv"
    writers = [subprocess.Popen([sys.executable, "-c", script, path, name]) for name in "ab"]

    assert [0, 0] == [writer.wait() for writer in writers]
    assert {f"{name}-{number}" for name in "ab" for number in range(10)} == {one.time for one in Ledger(path).entries()}


def test_a_line_waits_for_a_slow_disk_under_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_TIMEOUT", 0.01)
    ledger = Ledger(tmp_path / "ledger.csv")
    with ThreadPoolExecutor(1) as pool:
        with locks.alone(ledger.path):
            written = pool.submit(ledger.write, [entry(0)])
            with pytest.raises(TimeoutError):
                written.result(0.2)
        written.result()

    assert [entry(0).time] == [one.time for one in ledger.entries()]


def test_an_unclear_submission_is_found_by_name_message_and_number() -> None:
    unclear = entry(0, newest_before="10")

    assert "11" == refreshed([unclear], [listed(9), listed(11), listed(12)])[0].ref
    assert [unclear] == refreshed([unclear], [listed(9), listed(10), listed(11, message="other"), listed(12, "1.csv")])
    known = entry(1, ref="11", file="submissions/0.csv", message="try 0")
    assert "12" == refreshed([known, unclear], [listed(11), listed(12)])[1].ref


def test_refused_lines_are_left_alone() -> None:
    refused = entry(0, status="refused")

    assert [refused] == refreshed([refused], [listed(1)])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=20))
def test_correlations_are_scipys(points: list[tuple[int, int]]) -> None:
    local, public = np.array(points).T / 50
    (trust,) = correlate_scores(scored([(x / 50, y / 50) for x, y in points]))
    if np.ptp(local) == 0 or np.ptp(public) == 0:
        assert trust.pearson is None
        assert "never varies" in describe_correlation(trust)
    else:
        assert pytest.approx(pearsonr(local, public)[0], abs=1e-9) == trust.pearson
        assert pytest.approx(spearmanr(local, public)[0], abs=1e-9) == trust.spearman


def test_chance_is_told_by_the_t_distribution() -> None:
    assert (
        pytest.approx(0.8783, abs=1e-4)
        == correlate_scores(scored([(x, x * x) for x in (0.1, 0.2, 0.3, 0.4, 0.5)]))[0].needed
    )


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(0.8, 0.7), (0.9, 0.8)], "n = 2: too few points to say anything"),
        ([(0.8, 0.7), (0.9, 0.6), (0.7, 0.65)], "3 points are too few to tell this from chance, which reaches 1.00"),
        (
            [(x / 10, x / 10 - 0.1) for x in range(1, 8)],
            "rises with it, in nearly the same order: trust val_auc to choose",
        ),
        ([(x / 10, 1 - x / 10) for x in range(1, 8)], "falls as it rises .* trust val_auc"),
        (
            [(x / 10, (x + (3 if x % 2 else -3)) / 10) for x in range(1, 14)],
            "but the order often differs: do not rely on val_auc",
        ),
    ],
)
def test_what_correlations_mean_is_said_in_words(points: list[tuple[float, float]], told: str) -> None:
    (trust,) = correlate_scores(scored(points))

    assert re.search(told, describe_correlation(trust))


@pytest.mark.parametrize(("metric", "better"), [("micro_f1", "smaller"), ("rmse", "larger"), ("log_loss", "larger")])
def test_a_falling_correlation_says_for_which_scores_it_is_right(metric: str, better: str) -> None:
    (trust,) = correlate_scores(scored([(x / 10, 1 - x / 10) for x in range(1, 8)], metric))

    assert f"falls as it rises (right only if {better} public scores are better)" in describe_correlation(trust)


def test_metrics_and_competitions_are_kept_apart() -> None:
    entries = [*scored([(0.1, 0.2)]), *scored([(0.3, 0.4)], "val_loss"), entry(9, competition="other")]

    assert [(SLUG, "val_auc", 1), (SLUG, "val_loss", 1)] == [
        (one.competition, one.metric, one.n) for one in correlate_scores(entries)
    ]


# The commands, as they are run.


@pytest.fixture
def root(standin: StandIn, tmp_path: Path) -> Path:
    ids = [f"t{number}" for number in range(10)]
    truth = {one: str(number % 2) for number, one in enumerate(ids)}
    standin.games[SLUG] = Game(
        truth=truth, files={"sample_submission.csv": b"id,label\n" + b"".join(b"%s,0\n" % one.encode() for one in ids)}
    )
    for wrong in range(3):
        rows = (f"{one},{0.9 if (truth[one] == '1') == (place >= wrong) else 0.1}" for place, one in enumerate(ids))
        path = tmp_path / "submissions" / "first.csv" if wrong == 2 else tmp_path / "submissions" / f"more-{wrong}.csv"
        path.parent.mkdir(exist_ok=True)
        origin = Origin(
            command=["kit", "predict", f"pets-{wrong}", "-o", path.name],
            dataset="",
            fingerprint="d06257d6d9be4da8",
            runs=[f"pets-{wrong}"],
            created="2026-01-01T00:00:00+00:00",
            metric="accuracy",
            score=0.9 - wrong / 10,
            scored_on="validation",
        )
        write_csv(path, "id,label\n" + "\n".join(rows) + "\n", origin, force=True)
    return tmp_path


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command without a process of its own, which takes a second."""
    from kit.cli import main

    def run_command(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["kit", *words, "--root", str(root)])
        with pytest.raises(SystemExit) as left:
            main()
        return subprocess.CompletedProcess(words, int(left.value.code or 0), *capsys.readouterr())

    return run_command


@pytest.mark.usefixtures("standin")
def test_a_file_that_was_changed_has_no_runs_in_the_ledger(root: Path, run: Command) -> None:
    path = root / "submissions" / "first.csv"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    kit.fetch(SLUG, files=["sample_submission.csv"], root=root)
    sent = run("submit", str(path), "-c", SLUG, "-m", "by hand")
    (entry,) = Ledger(root / "submissions" / "ledger.csv").entries()

    assert "was changed after kit wrote it" in sent.stderr
    assert ("", "", "by hand") == (entry.runs, entry.local_score, entry.message)


def test_a_dry_run_mentions_that_the_file_was_changed_and_the_ledger_too(root: Path, run: Command) -> None:
    path, ledger = root / "submissions" / "first.csv", Ledger(root / "submissions" / "ledger.csv")
    sample = root / "sample.csv"
    sample.write_text("id,label\n" + "".join(f"t{number},0\n" for number in range(10)))
    ledger.write([entry(0, sha256="ab" * 32)])
    assert () == kit.submit(path, competition=SLUG, dry_run=True, sample=sample, root=root).remarks

    path.write_text(path.read_text().replace("0.9", "0.8"))
    ledger.path.write_text(ledger.path.read_text().replace("try 0", "try 7"))
    submit = ["submit", str(path), "-c", SLUG, "--dry-run", "--sample", str(sample)]
    done = [run(*words) for words in (submit, [*submit, "--json"], ["submissions"])]
    told = [one.stdout for one in done]
    assert [0, 0, 0] == [one.returncode for one in done]
    assert [True, True, False] == [f"{path} was changed after kit wrote it" in one for one in told]
    assert all(f"{ledger.path}: line 2 was changed since kit wrote the file" in one for one in told)


@pytest.mark.usefixtures("standin")
def test_the_whole_round_trip_from_the_command_line(root: Path, run: Command) -> None:
    fetched = run("fetch", SLUG, "--files", "sample_submission.csv")
    checked = run("submit", f"{root}/submissions/first.csv", "-c", SLUG, "--dry-run")
    sent = run("submit", f"{root}/submissions/first.csv", "-c", SLUG, "-m", "first", "--wait")
    again = run("submit", f"{root}/submissions/first.csv", "-c", SLUG, "-m", "again")
    shown = run("submissions")

    assert [0, 0, 0, 1, 0] == [one.returncode for one in (fetched, checked, sent, again, shown)]
    assert "dry run: nothing was submitted" in checked.stdout
    assert "submission 1000 to dark-or-light; 4 left today\npublic score 0.80000\nplace 2 of 4 teams" in sent.stdout
    assert "the same bytes are submission 1000" in again.stderr
    assert re.search(r"first.csv\s+20\S+ \S+\s+complete\s+0.70000\s+accuracy\s+0.80000", shown.stdout)
    assert "first.csv: kit predict pets-2 -o first.csv" in shown.stdout
    assert KEY not in "".join(one.stdout + one.stderr for one in (fetched, checked, sent, again, shown))


def test_a_server_that_takes_no_more_requests_exits_with_3(run: Command, standin: StandIn) -> None:
    standin.faults["GetCompetition"] = ("429", 1)
    standin.retry_after = "3600"
    refused = run("fetch", SLUG)

    assert (3, "") == (refused.returncode, refused.stdout)
    assert re.fullmatch(
        r"kit: asking for the competition: .* \(429: Too many requests\); try again in 1 h 0 min\n", refused.stderr
    )


def test_scores_that_came_late_are_filled_in(root: Path, standin: StandIn) -> None:
    sample = root / "sample.csv"
    sample.write_text("id,label\n" + "".join(f"t{number},0\n" for number in range(10)))
    kit.submit(root / "submissions" / "first.csv", competition=SLUG, message="late", sample=sample, root=root)
    standin.grade(standin.submissions[0], standin.games[SLUG])
    standin.submissions[0]["privateScore"] = "0.75"

    assert ["pending"] == [one.status for one in kit.submissions(root=root).entries]
    (late,) = kit.submissions(SLUG, refresh=True, root=root).entries
    assert ("complete", "0.8", "0.75") == (late.status, late.public_score, late.private_score)


def test_json_holds_all_of_the_ledger(root: Path, run: Command) -> None:
    Ledger(root / "submissions" / "ledger.csv").write(scored([(0.1, 0.2), (0.2, 0.3), (0.4, 0.4)]))
    answer = run("submissions", "--json")
    told = json.loads(answer.stdout)

    assert 0 == answer.returncode
    assert ["0.2", "0.3", "0.4"] == [one["public_score"] for one in told["entries"]]
    assert 3 == told["trust"][0]["n"]


def test_nothing_submitted_yet_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"no submission yet; make one: kit\.submit\(FILE"):
        kit.submissions(root=tmp_path)


def test_a_competition_without_submissions_names_the_nearest(root: Path) -> None:
    Ledger(root / "submissions" / "ledger.csv").write([entry(0)])
    with pytest.raises(SubmissionError, match=rf"unknown competition 'dark-or-lights'; did you mean '{SLUG}'"):
        kit.submissions("dark-or-lights", root=root)


def test_a_dry_run_loads_nothing_that_talks_to_the_network(root: Path) -> None:
    (root / "sample.csv").write_text("id,label\n" + "".join(f"t{number},0\n" for number in range(10)))
    script = f"""
import sys, kit
from pathlib import Path
root = Path("{root}")
kit.submit(root / "submissions/first.csv", competition="{SLUG}", dry_run=True, sample=root / "sample.csv")
sys.exit(any(name in sys.modules for name in ("kagglesdk", "requests", "tensorflow")))
"""
    subprocess.run([sys.executable, "-c", script], check=True)
