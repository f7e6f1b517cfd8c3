from __future__ import annotations

import contextlib
import csv
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import KEY, SIGNATURE, SLUG, TOKEN, Game, StandIn

import kit
from kit.errors import KaggleError, KitError, NetworkError, SubmissionError, WorkspaceError
from kit.kaggle.retries import Retries
from kit.submission.origin import Origin, write_csv
from tests.waiting import wait_until

IDS = [f"t{number:02d}" for number in range(20)]
TRUTH = {one: str(number % 2) for number, one in enumerate(IDS)}
CALM = Retries(connect_timeout=5, read_timeout=5, attempts=3, backoff=0.01, score_timeout=10)
HASTE = Retries(
    connect_timeout=0.3, read_timeout=0.3, attempts=3, backoff=0.01, score_timeout=10
)  # for servers that stall


@pytest.fixture
def file(tmp_path: Path, standin: StandIn) -> Path:
    """A submission with three of twenty labels wrong, and the sample where kit fetch puts it."""
    standin.games[SLUG] = Game(truth=TRUTH)
    folder = tmp_path / "data" / SLUG
    folder.mkdir(parents=True)
    (folder / "sample_submission.csv").write_text("id,label\n" + "".join(f"{one},0.5\n" for one in IDS))
    return write(tmp_path / "first.csv", wrong=3)


def write(path: Path, wrong: int) -> Path:
    rows = ((one, 0.9 if (TRUTH[one] == "1") == (place >= wrong) else 0.1) for place, one in enumerate(IDS))
    path.write_text("id,label\n" + "".join(f"{one},{value}\n" for one, value in rows))
    return path


def submit(file: Path, kind: str = "", **options: Any) -> Any:
    retries = HASTE if kind == "stall" else CALM
    given = {"competition": SLUG, "message": "first try", "root": file.parent, "retries": retries, **options}
    return kit.submit(file, **given)


def ledger(file: Path) -> list[dict[str, str]]:
    with (file.parent / "submissions" / "ledger.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def test_a_file_is_uploaded_scored_and_entered_in_the_ledger(file: Path, standin: StandIn) -> None:
    done = submit(file, wait=True)

    assert [file.read_bytes()] == [one["data"] for one in standin.submissions]
    assert ("complete", 1000, 0.85, 4) == (done.status, done.ref, done.public, done.left)
    assert (2, 4, None) == (done.standing.place, done.standing.teams, done.standing.best)
    (row,) = ledger(file)
    assert (SLUG, "1000", "complete", "0.85", "first try") == tuple(
        row[name] for name in ("competition", "ref", "status", "public_score", "message")
    )
    assert {"Upload": 1, "CreateSubmission": 1} == {
        name: standin.steps(name) for name in ("Upload", "CreateSubmission")
    }


@pytest.mark.usefixtures("standin")
def test_a_better_file_shows_its_gain_over_the_own_best(file: Path) -> None:
    submit(file, wait=True)
    done = submit(write(file.with_name("second.csv"), wrong=1), wait=True)

    assert 0.85 == done.standing.best
    assert pytest.approx(0.1) == done.standing.gain


def test_a_falling_leaderboard_makes_a_smaller_score_the_gain(file: Path, standin: StandIn) -> None:
    standin.games[SLUG].others = (0.1, 0.4, 0.9)
    submit(file, wait=True)
    done = submit(write(file.with_name("second.csv"), wrong=5), wait=True)

    assert pytest.approx(0.1) == done.standing.gain


def test_a_leaderboard_of_one_score_is_ordered_by_the_metric_of_the_file(file: Path, standin: StandIn) -> None:
    standin.games[SLUG].others = ()
    first = submit(file, wait=True)
    for path, metric in ((file.with_name("second.csv"), "rmse"), (file.with_name("third.csv"), "auc")):
        text = write(path, wrong=1 if metric == "rmse" else 2).read_text()
        origin = Origin(command=[], dataset="", fingerprint="", runs=[], created="", metric=metric, score=0.5)
        write_csv(path, text, origin, force=True)
    second = submit(file.with_name("second.csv"), wait=True)
    third = submit(file.with_name("third.csv"), wait=True)

    assert 0.85 == first.public
    assert (0.85, pytest.approx(-0.1)) == (second.standing.best, second.standing.gain)
    assert (0.95, None) == (third.standing.best, third.standing.gain)


def test_a_score_that_kaggle_refuses_keeps_its_reason(file: Path, standin: StandIn) -> None:
    standin.games[SLUG].truth = dict.fromkeys(IDS[:5], "1")
    with pytest.raises(KaggleError, match=r"could not score .*first.csv \(submission 1000\): .*wrong row: 't05'; fix"):
        submit(file, wait=True)

    (row,) = ledger(file)
    assert ("error", "Submission has a wrong row: 't05'") == (row["status"], row["reason"])


def test_the_same_bytes_are_not_submitted_twice_unless_forced(file: Path, standin: StandIn) -> None:
    submit(file, wait=True)
    copy = file.with_name("copy.csv")
    copy.write_bytes(file.read_bytes())
    with pytest.raises(
        SubmissionError, match=r"the same bytes are submission 1000 .*public score 0.85\); .* add force=\['known'\]"
    ):
        submit(copy, dry_run=True)
    assert 1 == len(standin.submissions)

    submit(copy, force=["known"])
    assert 2 == len(standin.submissions)


def test_a_submission_that_waits_for_its_score_is_waited_for_and_not_sent_again(file: Path, standin: StandIn) -> None:
    assert "pending" == submit(file).status

    assert 0.85 == submit(file, wait=True).public
    assert 1 == len(standin.submissions)


@pytest.mark.usefixtures("closed_port")
def test_a_dry_run_needs_no_credentials_and_no_network(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME")
    done = submit(file, dry_run=True)

    assert ("checked", 20, None) == (done.status, done.checked.rows, done.ref)
    assert not (file.parent / "submissions").exists()


# What goes wrong before Kaggle is asked to submit: repeated, or left for the next call; never more than one.

BEFORE = ("GetCompetition", "ListSubmissions", "GetSubmissionLimits", "StartSubmissionUpload", "Upload")
PASSING = ("500", "503", "502", "drop", "stall", "429")


@pytest.mark.parametrize("step", BEFORE)
@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_repeated(step: str, kind: str, file: Path, standin: StandIn) -> None:
    standin.faults[step] = (kind, 1)
    assert 0.85 == submit(file, kind, wait=True).public
    assert 1 == len(standin.submissions)


@pytest.mark.parametrize("step", BEFORE[:4])
def test_a_web_page_instead_of_an_answer_is_asked_for_again(step: str, file: Path, standin: StandIn) -> None:
    standin.faults[step] = ("html", 1)

    assert 0.85 == submit(file, wait=True).public


@pytest.mark.parametrize("step", BEFORE)
@pytest.mark.parametrize("kind", ["500", "drop", "stall"])
def test_what_lasts_ends_with_a_next_step_and_the_same_command_goes_on(
    step: str, kind: str, file: Path, standin: StandIn
) -> None:
    standin.faults[step] = (kind, 99)
    with pytest.raises(NetworkError, match="run the same command again") as told:
        submit(file, kind, wait=True)
    assert 3 == told.value.exit_status
    assert not standin.submissions

    standin.faults.clear()
    assert 0.85 == submit(file, wait=True).public
    assert 1 == len(standin.submissions)


@pytest.mark.parametrize("times", [1, 2])
def test_an_upload_cut_in_the_middle_is_sent_again_from_its_beginning(times: int, file: Path, standin: StandIn) -> None:
    standin.faults["Upload"] = ("cut", times)
    submit(file, wait=True)

    assert [file.read_bytes()] == [one["data"] for one in standin.submissions]
    assert times + 1 == standin.steps("Upload")


# What goes wrong while Kaggle submits: the list of submissions is looked at, and nothing is asked twice.


@pytest.mark.parametrize("kind", ["lost", "noref"])
def test_a_submission_whose_answer_is_lost_is_found_in_the_list(kind: str, file: Path, standin: StandIn) -> None:
    standin.faults["CreateSubmission"] = (kind, 9)
    done = submit(file, kind, wait=True)

    assert (1000, 0.85, 1) == (done.ref, done.public, standin.steps("CreateSubmission"))


@pytest.mark.parametrize("kind", ["500", "503", "502", "drop", "stall", "html", "garbage"])
def test_a_submission_that_never_arrived_is_sent_by_the_next_call(kind: str, file: Path, standin: StandIn) -> None:
    standin.faults["CreateSubmission"] = (kind, 1)
    with pytest.raises(NetworkError, match=r"unclear whether Kaggle took .*first.csv .* run the same command again"):
        submit(file, kind)
    assert ["unclear"] == [row["status"] for row in ledger(file)]
    assert (0, 1) == (len(standin.submissions), standin.steps("CreateSubmission"))

    assert 0.85 == submit(file, wait=True).public
    assert 1 == len(standin.submissions)
    assert ["refused", "complete"] == [row["status"] for row in ledger(file)]


def test_a_lost_answer_is_found_by_the_next_call_if_the_list_fails_too(file: Path, standin: StandIn) -> None:
    standin.faults |= {"CreateSubmission": ("lost", 1)}
    before = submit_with_list_failing_after_creation(file, standin)

    assert 1 == len(standin.submissions)
    assert 1000 == submit(file, wait=True).ref
    assert 1 == len(standin.submissions)
    assert before == standin.steps("CreateSubmission")


def submit_with_list_failing_after_creation(file: Path, standin: StandIn) -> int:
    take = standin.take_fault

    def take_fault(step: str) -> str:
        return "500" if step == "ListSubmissions" and standin.submissions else take(step)

    standin.take_fault = take_fault  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="unclear"):
        submit(file)
    standin.take_fault = take  # type: ignore[method-assign]
    return standin.steps("CreateSubmission")


def test_a_killed_command_is_gone_on_with_and_a_second_one_waits_its_turn(file: Path, standin: StandIn) -> None:
    standin.faults["CreateSubmission"] = ("held", 1)
    words = ["submit", str(file), "-c", SLUG, "-m", "first try", "--root", str(file.parent)]
    with subprocess.Popen([sys.executable, "-m", "kit", *words], stderr=subprocess.DEVNULL) as first:
        wait_until(lambda: standin.submissions, first)
        with pytest.raises(WorkspaceError, match=r"another kit command is writing .*; wait until it has finished"):
            submit(file)
        first.kill()
    assert ["unclear"] == [row["status"] for row in ledger(file)]

    assert 1000 == submit(file, wait=True).ref
    assert 1 == len(standin.submissions)


def test_what_another_command_sent_meanwhile_is_not_sent_again(
    file: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["kit.kaggle.submit"]
    lock = module.locked

    @contextlib.contextmanager
    def locked_late(path: Path) -> Iterator[None]:
        monkeypatch.setattr(module, "locked", lock)
        submit(file)
        with lock(path):
            yield

    monkeypatch.setattr(module, "locked", locked_late)

    assert 1000 == submit(file).ref
    assert 1 == len(standin.submissions)


def test_a_submission_that_kaggle_lists_late_is_not_sent_again(file: Path, standin: StandIn) -> None:
    standin.faults["CreateSubmission"] = ("lost", 1)
    take, late = standin.take_fault, list[dict[str, Any]]()

    def take_fault(step: str) -> str:
        if step == "ListSubmissions" and standin.submissions and not late:
            late.append(standin.submissions.pop())
        if step == "ListSubmissions" and standin.steps(step) == looks + 3:
            standin.submissions += late
        return take(step)

    looks = 1000
    standin.take_fault = take_fault  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="unclear"):
        submit(file)
    looks = standin.steps("ListSubmissions")

    assert 1000 == submit(file).ref
    assert (1, 1) == (len(standin.submissions), standin.steps("CreateSubmission"))


def test_an_older_submission_of_the_same_name_and_message_is_not_taken_for_this_one(
    file: Path, standin: StandIn
) -> None:
    submit(file, wait=True)
    (file.parent / "submissions" / "ledger.csv").unlink()
    second = write(file, wrong=1)
    standin.faults["CreateSubmission"] = ("drop", 1)
    with pytest.raises(NetworkError, match="unclear"):
        submit(second)

    assert 0.95 == submit(second, wait=True).public


@pytest.mark.parametrize("told", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", ""])
def test_too_many_requests_while_submitting_are_waited_for(told: str, file: Path, standin: StandIn) -> None:
    standin.retry_after = told
    standin.faults["CreateSubmission"] = ("429", 1)

    assert 1000 == submit(file).ref


def test_a_wait_that_is_too_long_is_left_to_the_user(file: Path, standin: StandIn) -> None:
    standin.faults["GetCompetition"] = ("429", 1)
    standin.retry_after = "3600"
    with pytest.raises(NetworkError, match=r"Kaggle takes no more requests now \(429: .*\); try again in 1 h 0 min"):
        submit(file)


@pytest.mark.parametrize("kind", ["500", "drop", "stall", "html"])
def test_a_score_that_cannot_be_asked_for_comes_later(kind: str, file: Path, standin: StandIn) -> None:
    standin.faults["GetSubmission"] = (kind, 99)
    with pytest.raises(NetworkError, match=rf"submission 1000 is made, but .*; kit\.submissions\('{SLUG}', refr"):
        submit(file, kind, wait=True)

    standin.faults.clear()
    assert 0.85 == submit(file, wait=True).public
    assert 1 == len(standin.submissions)


def test_a_score_that_kaggle_does_not_tell_leaves_the_submission_made(file: Path, standin: StandIn) -> None:
    standin.faults["GetSubmission"] = ("404", 9)
    with pytest.raises(
        KaggleError, match=r"submission 1000 is made, but .* \(404: Not found\); kit\.submissions.*later"
    ):
        submit(file, wait=True)
    assert ["pending"] == [row["status"] for row in ledger(file)]


def test_a_score_that_takes_too_long_comes_later(file: Path, standin: StandIn) -> None:
    standin.polls = 10**6
    with pytest.raises(NetworkError, match=r"not scored after 0.1 s; kit\.submissions"):
        submit(file, wait=True, retries=Retries(backoff=0.01, score_timeout=0.1))


@pytest.mark.parametrize("step", ["GetLeaderboard"])
def test_a_leaderboard_that_fails_takes_nothing_from_the_score(step: str, file: Path, standin: StandIn) -> None:
    standin.faults[step] = ("500", 99)
    done = submit(file, wait=True)

    assert (0.85, None) == (done.public, done.standing)


# Refusals, each with its next step.


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [
        (
            "GetCompetition",
            "401",
            r"does not take the credentials of KAGGLE_USERNAME and KAGGLE_KEY .* make new ones at https",
        ),
        ("GetCompetition", "rules", rf"has rules to accept first .*https://www.kaggle.com/competitions/{SLUG}/rules"),
        ("StartSubmissionUpload", "rules", rf"rules to accept first .*competitions/{SLUG}/rules"),
        ("StartSubmissionUpload", "400", rf"if you have not joined the competition: https://.*{SLUG}/rules"),
        ("CreateSubmission", "limit", r"takes no more submissions today .*resets at 00:00 UTC, in "),
        ("GetCompetition", "denied", r"is not open to this account .*join it"),
    ],
)
def test_refusals_name_the_next_step(step: str, kind: str, told: str, file: Path, standin: StandIn) -> None:
    standin.faults[step] = (kind, 1)
    with pytest.raises(KaggleError, match=told) as refused:
        submit(file, kind)

    assert 1 == refused.value.exit_status
    assert not standin.submissions


@pytest.mark.usefixtures("standin")
def test_a_wrong_slug_names_the_nearest(file: Path) -> None:
    sample = file.parent / "data" / SLUG / "sample_submission.csv"
    with pytest.raises(KaggleError, match=rf"no competition 'dark-or-lihgt' .*did you mean {SLUG}\?"):
        submit(file, competition="dark-or-lihgt", sample=sample)


def test_who_has_not_joined_is_told_where(file: Path, standin: StandIn) -> None:
    standin.games[SLUG].entered = False
    with pytest.raises(KaggleError, match=rf"not joined .*/competitions/{SLUG}/rules"):
        submit(file)


def test_a_competition_of_notebooks_takes_no_files(file: Path, standin: StandIn) -> None:
    standin.games[SLUG].notebooks_only = True
    with pytest.raises(KaggleError, match="takes notebooks, not files"):
        submit(file)


def test_a_used_up_day_is_said_before_anything_is_uploaded(file: Path, standin: StandIn) -> None:
    standin.games[SLUG].daily = 0
    with pytest.raises(
        KaggleError, match=r"no submission to .* is left today, 0 are made; the limit resets at 00:00 UTC"
    ):
        submit(file)

    assert 0 == standin.steps("StartSubmissionUpload")


@pytest.mark.usefixtures("standin")
def test_a_stale_token_beside_a_good_key_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "stale-" + "x" * 300)
    with pytest.raises(
        KaggleError, match=r"of KAGGLE_API_TOKEN .*KAGGLE_USERNAME and KAGGLE_KEY may be good.*remove"
    ) as told:
        submit(file)

    assert "stale-" not in str(told.value)


@pytest.mark.usefixtures("closed_port")
def test_nobody_listening_is_a_network_error(file: Path) -> None:
    with pytest.raises(NetworkError, match="refuses connections; check the connection and run the same command again"):
        submit(file)


def test_a_file_that_is_not_what_was_asked_for_is_never_sent(file: Path, standin: StandIn) -> None:
    file.write_text(file.read_text().replace("t03,", "t99,"))
    with pytest.raises(SubmissionError, match=r"ids missing: t03 \(1\); ids that were not asked for: t99 \(1\)"):
        submit(file)

    assert not standin.seen


# Secrets.


def test_secrets_show_nowhere(
    file: Path, standin: StandIn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    for step in ("GetCompetition", "StartSubmissionUpload", "Upload", "CreateSubmission"):
        for kind in ("drop", "stall", "echo", "401"):
            standin.faults[step] = (kind, 9)
            with pytest.raises(KitError) as error:
                submit(file, kind)
            told.append(f"{error.value} {error.getrepr(style='long', chain=True)}")
    standin.faults.clear()
    submit(file, wait=True)
    everything = "".join(
        [*told, caplog.text, *capfd.readouterr(), (file.parent / "submissions/ledger.csv").read_text()]
    )

    assert "Starting new HTTP connection" in caplog.text
    assert not re.findall(f"{KEY}|{TOKEN}|{SIGNATURE}", everything)


def test_only_kaggle_itself_gets_the_credentials(file: Path, standin: StandIn) -> None:
    submit(file, wait=True)
    given = {step: "Authorization" in headers for step, headers in standin.seen}

    assert given.pop("Upload") is False
    assert all(given.values())
