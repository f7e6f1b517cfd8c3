"""Errors from Kaggle's HTTP responses, each with the next step."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from kit.errors import KaggleError, NetworkError
from kit.kaggle.credentials import Credentials
from kit.kaggle.daily_limit import duration_text, is_about_limit, resets

_BAD_REQUEST, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER = 400, 401, 403, 404, 429, 500
_RULES = ("rules", "terms")
_NAMES = 3  # similar names in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A competition or a dataset on Kaggle.

    Attributes:
        name: Slug of a competition, or OWNER/NAME of a dataset.
        is_dataset: Whether it is a dataset, not a competition.
    """

    name: str
    is_dataset: bool = False

    @property
    def kind(self) -> str:
        """Word for the kind of resource."""
        return "dataset" if self.is_dataset else "competition"

    @property
    def slug(self) -> str:
        """Name without the owner, as for a folder."""
        return self.name.rpartition("/")[2]

    @property
    def page(self) -> str:
        """Address for a browser."""
        return f"https://www.kaggle.com/{'datasets' if self.is_dataset else 'competitions'}/{self.name}"

    @property
    def rules(self) -> str:
        """Address of the page to accept its rules on."""
        return self.page if self.is_dataset else f"{self.page}/rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error response.

    Attributes:
        status: HTTP status, at least 400.
        said: Text of the server without secrets; may be empty.
        after: Seconds to wait as requested by the server; None if unknown.
        doing: Purpose of the request, such as "asking for the data files".
    """

    status: int
    said: str
    after: float | None
    doing: str


class RejectedError(NetworkError):
    """Raised if Kaggle rejected a request before acting on it, so that it may be sent again."""


def needs_names(answer: ErrorResponse) -> bool:
    """Whether the refusal may be due to a wrong name, so that similar names help."""
    is_rules = any(word in answer.said.lower() for word in _RULES)
    return answer.status == _NOT_FOUND or (answer.status == _FORBIDDEN and not is_rules)


def refusal(
    answer: ErrorResponse, about: Resource, credentials: Credentials, known: Collection[str] = ()
) -> KaggleError:
    """Turn a refusal into an error that names the next step.

    Args:
        answer: Answer of the server.
        about: Competition or dataset of the request.
        credentials: Credentials that were sent.
        known: Similar names found on Kaggle, if `needs_names`.
    """
    status = f"({answer.status}{f': {answer.said}' if answer.said else ''})"
    if answer.status == _UNAUTHORISED:
        return KaggleError(credentials.refusal(answer.said))
    if answer.status == _TOO_MANY or answer.status >= _SERVER:
        return _for_now(answer, status)
    if needs_names(answer):
        return KaggleError(_not_there(about, status, known))
    return KaggleError(_not_allowed(answer, about, status))


def _for_now(answer: ErrorResponse, status: str) -> NetworkError:
    if answer.status >= _SERVER:
        what = f"{answer.doing}: Kaggle has an error of its own {status}"
        return NetworkError(f"{what}; run the same command again in a few minutes", answer.after)
    when = "in a few minutes" if answer.after is None else f"in {duration_text(answer.after)}"
    return RejectedError(f"{answer.doing}: Kaggle takes no more requests now {status}; try again {when}", answer.after)


def _not_allowed(answer: ErrorResponse, about: Resource, status: str) -> str:
    if answer.status == _FORBIDDEN:
        return f"{about.kind} '{about.name}' has rules to accept first {status}; in a browser: {about.rules}"
    if answer.status == _BAD_REQUEST and is_about_limit(answer.said):
        return f"Kaggle takes no more submissions today {status}; {resets()}"
    if answer.status == _BAD_REQUEST and not about.is_dataset:
        return f"{answer.doing}: Kaggle refuses {status}; if you have not joined the competition: {about.rules}"
    return f"{answer.doing}: Kaggle refuses {status}; see {about.page}"


def not_entered(about: Resource) -> KaggleError:
    """Create the error that tells where to join a competition."""
    return KaggleError(f"you have not joined '{about.name}'; accept its rules in a browser, then again: {about.rules}")


def _not_there(about: Resource, status: str, known: Collection[str]) -> str:
    if about.name in known:
        closed = f"{about.kind} '{about.name}' is not open to this account {status}"
        return f"{closed}; join it, or accept its rules, in a browser: {about.rules}"
    nearest = difflib.get_close_matches(about.name.lower(), sorted(known), n=_NAMES, cutoff=0.4)
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
    return (
        f"no {about.kind} '{about.name}' that this account may see {status}{hint}; if the name is right: {about.page}"
    )
