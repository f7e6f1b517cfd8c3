"""What kit asks Kaggle about competitions and submissions."""

from __future__ import annotations

import time

from kagglesdk.competitions.types import competition_api_service as competition_types

from kit.errors import NetworkError
from kit.kaggle.answers import CompetitionInfo, Limits, Listed, score_of
from kit.kaggle.connection import Connection
from kit.kaggle.refusals import BusyError

PAGE = 200  # entries: the most that the service gives at once


class Kaggle(Connection):
    """Calls about competitions; all but those that say otherwise are repeated where that helps."""

    def competition(self, slug: str) -> CompetitionInfo:
        """Describe a competition, and where the user stands in it."""
        request = competition_types.ApiGetCompetitionRequest()
        request.competition_name = slug
        answer = self.ask("asking for the competition", slug, self.competitions.get_competition, request)
        return CompetitionInfo.of(answer, slug)

    def limits(self, slug: str) -> Limits:
        """Say how many files may still be submitted."""
        request = competition_types.ApiGetSubmissionLimitsRequest()
        request.competition_name = slug
        return Limits.of(self.ask("asking for the limits", slug, self.competitions.get_submission_limits, request))

    def submissions(self, slug: str) -> list[Listed]:
        """List the user's submissions."""
        request = competition_types.ApiListSubmissionsRequest()
        request.competition_name = slug
        request.page_size = PAGE
        pages = self.pages("listing your submissions", slug, self.competitions.list_submissions, request)
        return [Listed.of(entry) for page in pages for entry in page.submissions]

    def submission(self, slug: str, ref: int) -> Listed:
        """Look at one submission."""
        request = competition_types.ApiGetSubmissionRequest()
        request.ref = ref
        return Listed.of(self.ask("asking for the score", slug, self.competitions.get_submission, request))

    def leading_scores(self, slug: str) -> list[float]:
        """List the scores at the top of the leaderboard, the best first."""
        request = competition_types.ApiGetLeaderboardRequest()
        request.competition_name = slug
        request.page_size = PAGE
        answer = self.ask("asking for the leaderboard", slug, self.competitions.get_leaderboard, request)
        scores = (score_of(entry) for entry in answer.submissions)
        return [score for score in scores if score is not None]

    def start_upload(self, slug: str, name: str, size: int) -> tuple[str, str]:
        """Ask where to send a file; not repeated.

        Returns:
            A token for the file, and the address to put it at.
        """
        request = competition_types.ApiStartSubmissionUploadRequest()
        request.competition_name = slug
        request.file_name = name
        request.content_length = size
        request.last_modified_epoch_seconds = int(time.time())
        answer = self.once("starting the upload", slug, self.competitions.start_submission_upload, request)
        if not (answer.token and answer.create_url):
            raise NetworkError("starting the upload: Kaggle gave no address; run the same command again")
        return str(answer.token), str(answer.create_url)

    def create_submission(self, slug: str, token: str, message: str) -> int:
        """Submit an uploaded file; repeated only after answers that say nothing was done.

        Returns:
            The submission's number; 0 where Kaggle names none.
        """
        request = competition_types.ApiCreateSubmissionRequest()
        request.competition_name = slug
        request.blob_file_tokens = token
        request.submission_description = message
        call = self.competitions.create_submission
        answer = self.repeated(lambda: self.once("submitting", slug, call, request), after=BusyError)
        return int(answer.ref or 0)
