"""HTTP sessions with timeouts, readable network errors, and logs without secrets."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from kagglesdk.kaggle_http_client import KaggleHttpClient
from requests.adapters import HTTPAdapter

from kit.errors import NetworkError
from kit.kaggle.credentials import Credentials
from kit.kaggle.retries import Retries

_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry", "urllib3.poolmanager")
_PROXY_REFUSES = "does not connect; https_proxy may need a name and a password"
_AGAIN = "check the connection and run the same command again; what is done is kept"


class _TimedAdapter(HTTPAdapter):  # type: ignore[misc]  # requests is untyped here
    """Sends requests with the timeouts of `Retries`, and masks secrets in answers.

    requests alone would wait forever, and a server may repeat secrets in any field.
    """

    def __init__(self, retries: Retries, credentials: Credentials | None) -> None:
        self._timeout = (retries.connect_timeout, retries.read_timeout)
        self._credentials = credentials
        super().__init__()

    def send(self, request: Any, **settings: Any) -> Any:
        """Send `request` with timeouts."""
        response = super().send(request, **{**settings, "timeout": self._timeout})
        if self._credentials and not settings.get("stream"):  # files are streamed, and not changed
            body = self._credentials.scrub(response.content.decode("latin-1")).encode("latin-1")
            response._content = body  # noqa: SLF001 (requests has no other way to change what an answer holds)
        return response


def _guard(session: Any, retries: Retries, credentials: Credentials | None = None) -> None:
    """Add timeouts and masking of secrets to all requests of a session."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _TimedAdapter(retries, credentials))


class SdkTransport(KaggleHttpClient):  # type: ignore[misc]  # kagglesdk is untyped here
    """The SDK's own transport, with timeouts and the credentials found by kit."""

    def __init__(self, credentials: Credentials, retries: Retries) -> None:
        super().__init__(
            api_token=credentials.secret or "none"
        )  # otherwise the SDK looks for a token itself, and fails on long ones
        self._given, self._retries = credentials, retries

    def _init_session(self) -> Any:
        is_new = self._session is None
        super()._init_session()
        session: Any = self._session
        if is_new:
            given = self._given
            token = self.BearerAuth(given.secret) if given.secret else lambda request: request
            session.auth = (given.username, given.secret) if given.username else token
            session.headers["Accept-Encoding"] = "identity"  # so that sizes of downloads are sizes of files
            _guard(session, self._retries, given)
        return session

    def send_again(self, request: Any) -> Any:
        """Send a prepared request again as a stream; "range not satisfiable" counts as an answer."""
        settings = self._session.merge_environment_settings(request.url, {}, True, None, None)
        response = self._session.send(request, **settings)
        if response.status_code != requests.codes.requested_range_not_satisfiable:
            response.raise_for_status()
        return response


def plain_session(retries: Retries) -> Any:
    """Open a session without credentials, for signed addresses."""
    session = requests.Session()
    session.auth = lambda request: request  # otherwise ~/.netrc is searched for credentials
    _guard(session, retries)
    return session


class _NoQueries(logging.Filter):
    """Removes queries from addresses in log lines: those of signed addresses work like a password."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every line, without queries."""
        if isinstance(record.args, tuple):
            record.args = tuple(part.partition("?")[0] if isinstance(part, str) else part for part in record.args)
        return True


@contextlib.contextmanager
def discreet_logs() -> Iterator[None]:
    """Keep signed addresses out of the log lines of network libraries."""
    watch = _NoQueries()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(watch)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(watch)


def network_error(error: Exception, doing: str, retries: Retries) -> NetworkError:
    """Describe in words why a request failed.

    Args:
        error: Error of requests or urllib3; its own text may contain a signed address.
        doing: Purpose of the request.
        retries: Timeouts and number of attempts of the request.
    """
    return NetworkError(f"{doing}: {_host(error)} {_reason(error, retries)}; {_AGAIN}")


def _host(error: Exception) -> str:
    request = getattr(error, "request", None)
    return (urlsplit(request.url).hostname if request is not None and request.url else None) or "Kaggle"


def _reason(error: Exception, retries: Retries) -> str:
    kinds = {type(one).__name__ for one in _chain(error)}
    if "ProxyError" in kinds and kinds & {"OSError", "ConnectionRefusedError"}:
        refuses = "refuses connections" if "ConnectionRefusedError" in kinds else _PROXY_REFUSES
        return f"cannot be reached: the proxy {refuses}"
    reasons = {
        "shows a certificate that cannot be verified; a proxy may stand between": {"SSLError"},
        "cannot be found: there seems to be no network": {"NameResolutionError", "gaierror"},
        f"cannot be reached within {retries.connect_timeout:g} s": {"ConnectTimeout", "ConnectTimeoutError"},
        f"sent nothing for {retries.read_timeout:g} s": {"ReadTimeout", "ReadTimeoutError", "TimeoutError"},
        "refuses connections": {"ConnectionRefusedError"},
    }
    return next((reason for reason, names in reasons.items() if kinds & names), "cut the connection")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors wrapped in it."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
