"""Connections to Kaggle: its SDK with timeouts, limited retries, and errors that name the next step."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from kagglesdk.competitions.services.competition_api_service import CompetitionApiClient
from kagglesdk.competitions.types import competition_api_service as competition_types
from kagglesdk.datasets.services.dataset_api_service import DatasetApiClient
from kagglesdk.datasets.types import dataset_api_service as dataset_types
from kagglesdk.kaggle_creds import KaggleCredentials
from kagglesdk.kaggle_env import get_endpoint, get_env
from kagglesdk.users.services.account_service import AccountClient

from kit.errors import KaggleError, NetworkError
from kit.kaggle.credentials import Credentials, find_credentials
from kit.kaggle.http_errors import ErrorResponse, Resource, needs_names, refusal
from kit.kaggle.retries import Result, Retries, retried
from kit.kaggle.transport import SdkTransport, discreet_logs, network_error
from kit.progress import NO_PROGRESS, Progress

_SAID = 300  # characters of a server's text in a message
_REFUSED, _BROKEN, _LAST = 400, 500, 599  # HTTP statuses: the first and the last client error, and server errors
_PAGES = 1000  # pages of a list, at most
_SECONDS = re.compile(r"[0-9]{1,9}")
# Errors of the SDK and of kit's parsing on undocumented answers, deep nesting included.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)


class Connection:
    """Connection to Kaggle; a context manager.

    Args:
        retries: Timeouts and number of attempts.
        progress: Receiver of waits.

    Raises:
        KaggleError: No credentials were found.
    """

    def __init__(self, retries: Retries, progress: Progress = NO_PROGRESS) -> None:
        self.retries = retries
        self.progress = progress
        self._credentials = find_credentials()

    def __enter__(self) -> Self:
        """Open the session; a login requests its token."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(discreet_logs())
            if self._credentials.is_login:
                self._credentials = replace(self._credentials, secret=self._login_token())
            self.http = stack.enter_context(SdkTransport(self._credentials, self.retries))
            self._open = stack.pop_all()
        self.competitions = CompetitionApiClient(self.http)
        self.datasets = DatasetApiClient(self.http)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session."""
        self._open.close()

    def retried(
        self,
        once: Callable[[], Result],
        *,
        after: type[NetworkError] = NetworkError,
        gained: Callable[[], int] = lambda: 0,
    ) -> Result:
        """Retry a call; see `kit.kaggle.retries.retried`."""
        return retried(once, self.retries, self.progress, after=after, gained=gained)

    def ask(
        self,
        doing: str,
        about: str | Resource,
        call: Callable[[Any], Any],
        request: Any,
        read: Callable[[Any], Result],
    ) -> Result:
        """Make a call, with retries.

        Args:
            doing: Purpose of the call, such as "asking for the limits".
            about: Competition or dataset of the call.
            call: Method of the SDK.
            request: Argument of the method.
            read: Parser of the answer; an unreadable answer is requested again.
        """

        def attempt() -> Result:
            found: Result = self.once(doing, about, call, request, read=read)
            return found

        return self.retried(attempt)

    def pages(
        self,
        doing: str,
        about: str | Resource,
        call: Callable[[Any], Any],
        request: Any,
        read: Callable[[Any], list[Result]],
    ) -> Iterator[list[Result]]:
        """Make a call for every page of a list; see `ask`."""
        for _ in range(_PAGES):
            found, following = self.ask(
                doing, about, call, request, lambda answer: (read(answer), str(answer.next_page_token or ""))
            )
            yield found
            if not following or following == request.page_token:
                return
            request.page_token = following
        raise NetworkError(f"{doing}: the list has no end after {_PAGES:,} pages; run the same command again")

    def once(
        self,
        doing: str,
        about: str | Resource,
        call: Callable[..., Any],
        *request: Any,
        read: Callable[[Any], Any] = lambda answer: answer,
    ) -> Any:
        """Make a call without retries; errors contain no address or header."""
        try:
            return read(call(*request))
        except requests.HTTPError as error:
            refused = self._refusal(error.response, doing, Resource(name=about) if isinstance(about, str) else about)
        except requests.exceptions.JSONDecodeError:
            refused = NetworkError(no_data(doing))
        except requests.RequestException as error:
            refused = network_error(error, doing, self.retries)
        except UNREADABLE:
            refused = NetworkError(no_data(doing))
        raise refused from None

    def _refusal(self, response: Any, doing: str, about: Resource) -> KaggleError:
        if response is None:
            return NetworkError(no_data(doing))
        status, said = _said(response, self._credentials)
        answer = ErrorResponse(status=status, said=said, after=_after(response), doing=doing)
        if urlsplit(response.url).hostname != urlsplit(get_endpoint(get_env())).hostname:
            return NetworkError(f"{doing}: the file store refuses ({status}); run the same command again", answer.after)
        return refusal(answer, about, self._credentials, self._names(about) if needs_names(answer) else ())

    def _names(self, about: Resource) -> set[str]:
        """Find names similar to one unknown to Kaggle; none if Kaggle cannot be reached."""
        words = about.slug.lower().replace("_", "-").split("-")
        for words_asked in dict.fromkeys([" ".join(words), *sorted(words, key=len, reverse=True)[:2]]):
            try:
                found = self._search(about, words_asked)
            except (requests.RequestException, *UNREADABLE):
                return set()
            if found:
                return found
        return set()

    def _search(self, about: Resource, words: str) -> set[str]:
        request: Any
        if about.is_dataset:
            request = dataset_types.ApiListDatasetsRequest()
            request.search = words
            return {str(entry.ref) for entry in self.datasets.list_datasets(request).datasets}
        request = competition_types.ApiListCompetitionsRequest()
        request.search = words
        answer = self.competitions.list_competitions(request)
        return {str(entry.ref).rpartition("/")[2] for entry in answer.competitions}  # the service returns addresses

    def _login_token(self) -> str:
        """Request the token of `kaggle auth login`, valid for some hours."""
        with SdkTransport(self._credentials, self.retries) as http:
            client = SimpleNamespace(users=SimpleNamespace(account_client=AccountClient(http)))
            try:
                login = KaggleCredentials.load(client=client)
            except UNREADABLE:
                source = self._credentials.source
                raise KaggleError(f"{source} is damaged; log in again: kaggle auth login") from None
            token = self.ask(
                "asking for a token", "", lambda _: login and login.get_access_token(), None, lambda told: told or ""
            )
        if not token:
            raise KaggleError(self._credentials.refusal(""))
        return str(token)


def _said(response: Any, credentials: Credentials) -> tuple[int, str]:
    """Extract status and text of a refusal, without secrets; a web page has no text."""
    status = int(response.status_code)
    try:
        told = response.json()
    except (ValueError, RecursionError):
        return status, ""
    if not isinstance(told, dict):
        return status, ""
    if status < _REFUSED:  # the refusal is in the text of the answer
        code = told.get("code")
        status = code if isinstance(code, int) and _REFUSED <= code <= _LAST else _BROKEN
    error = told.get("error")
    words = told.get("message") or (error.get("message") if isinstance(error, dict) else error)
    said = credentials.scrub(words) if isinstance(words, str) else ""  # before it is cut, which may split a secret
    return status, " ".join(said.split())[:_SAID]


def _after(response: Any) -> float | None:
    """Parse Retry-After, in seconds or as a date; None for anything else."""
    told = response.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(told):
        return float(told)
    try:
        date = email.utils.parsedate_to_datetime(told)
        known = date if date.tzinfo else date.replace(tzinfo=dt.UTC)
        return max(0.0, (known - dt.datetime.now(dt.UTC)).total_seconds())
    except UNREADABLE:
        return None


def no_data(doing: str) -> str:
    """Create the error for an answer that is not Kaggle's."""
    return (
        f"{doing}: a web page came instead of data; a proxy or a log-in page of this network may stand between;"
        " open https://www.kaggle.com in a browser, then run the same command again"
    )
