"""Client for Kaggle's competitions and submissions."""

from __future__ import annotations

import time

from kagglesdk.competitions.types import competition_api_service as competition_types

from kit.errors import NetworkError
from kit.kaggle.connection import Connection
from kit.kaggle.daily_limit import Limits
from kit.kaggle.http_errors import RejectedError
from kit.kaggle.responses import CompetitionInfo, Listed, score_of

PAGE = 200  # entries: the service's largest page


class Kaggle(Connection):
    """Calls about competitions, retried unless stated otherwise."""

    def competition(self, slug: str) -> CompetitionInfo:
        """Get a competition and the user's place in it."""
        request = competition_types.ApiGetCompetitionRequest()
        request.competition_name = slug
        call = self.competitions.get_competition
        return self.ask(
            "asking for the competition", slug, call, request, lambda answer: CompetitionInfo.of(answer, slug)
        )

    def limits(self, slug: str) -> Limits:
        """Get the limit of submissions."""
        request = competition_types.ApiGetSubmissionLimitsRequest()
        request.competition_name = slug
        return self.ask("asking for the limits", slug, self.competitions.get_submission_limits, request, Limits.of)

    def submissions(self, slug: str) -> list[Listed]:
        """List the user's submissions."""
        request = competition_types.ApiListSubmissionsRequest()
        request.competition_name = slug
        request.page_size = PAGE
        call = self.competitions.list_submissions
        pages = self.pages(
            "listing your submissions", slug, call, request, lambda page: [*map(Listed.of, page.submissions)]
        )
        return [listed for page in pages for listed in page]

    def submission(self, slug: str, ref: int) -> Listed:
        """Get one submission."""
        request = competition_types.ApiGetSubmissionRequest()
        request.ref = ref
        return self.ask("asking for the score", slug, self.competitions.get_submission, request, Listed.of)

    def leading_scores(self, slug: str) -> list[float]:
        """List the top scores of the leaderboard, best first."""
        request = competition_types.ApiGetLeaderboardRequest()
        request.competition_name = slug
        request.page_size = PAGE
        call = self.competitions.get_leaderboard
        scores = self.ask(
            "asking for the leaderboard", slug, call, request, lambda answer: [*map(score_of, answer.submissions)]
        )
        return [score for score in scores if score is not None]

    def start_upload(self, slug: str, name: str, size: int) -> tuple[str, str]:
        """Request an upload address for a file; not retried.

        Returns:
            Token for the file, and the address to upload it to.
        """
        request = competition_types.ApiStartSubmissionUploadRequest()
        request.competition_name = slug
        request.file_name = name
        request.content_length = size
        request.last_modified_epoch_seconds = int(time.time())
        call = self.competitions.start_submission_upload
        token, address = self.once(
            "starting the upload", slug, call, request, read=lambda answer: (answer.token, answer.create_url)
        )
        if not (token and address and isinstance(token, str) and isinstance(address, str)):
            raise NetworkError("starting the upload: Kaggle gave no address; run the same command again")
        return token, address

    def create_submission(self, slug: str, token: str, message: str) -> int:
        """Submit an uploaded file; retried only after answers that confirm that nothing was done.

        Returns:
            Number of the submission; 0 if Kaggle returns none.
        """
        request = competition_types.ApiCreateSubmissionRequest()
        request.competition_name = slug
        request.blob_file_tokens = token
        request.submission_description = message
        call = self.competitions.create_submission
        return self.retried(
            lambda: int(self.once("submitting", slug, call, request, read=lambda answer: int(answer.ref or 0))),
            after=RejectedError,
        )
