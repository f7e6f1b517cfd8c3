"""Refusals of object stores in one line: the cause, and the next step."""

from __future__ import annotations

import re

from kit.errors import StoreError, UnreachableError
from kit.storage.address import Address

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# Beginnings of obstore's messages.
_STORE = re.compile(r"Generic \w+ error: |The operation lacked .*: (?=\w+Error: )")
_DENIED = {"401", "403"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"}  # S3's, with status 400
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}
_NOT_IMPLEMENTED = "501"
_MAY_PASS = re.compile(r"408|429|5\d\d")  # too slow, too many requests, or the store's own trouble
# The services of rented machines that are asked last, so that whoever has no credentials hears of them.
_METADATA = ("169.254.169.254", "metadata.google", "/latest/api/token")
_REGION = ("incorrectly configured region", "PermanentRedirect", "AuthorizationHeaderMalformed")
_REQUESTS = ("Error performing", "HTTP error")  # of messages about a request; others come before any
_NEEDS_BUCKET = re.compile(r"Error performing (list request|PUT|POST)")  # others need an object, too
_LOGIN = {
    "s3": "log in with 'aws configure', or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "log in with 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS",
}


def refusal(address: Address, where: str, said: str) -> StoreError:
    """Describe a store's answer, or that there is none.

    Args:
        address: Address of the workspace.
        where: Address of the object.
        said: Message of the error of obstore, or of AWS' tools.
    """
    if any(name in said for name in _METADATA):
        return no_credentials(address)
    if lasting := _lasting(address, where, said):
        return StoreError(lasting)
    seen = f"answers {_first(_STATUS, said)}{_code(said)}" if _first(_STATUS, said) else "does not answer"
    return UnreachableError(f"{where}: the store {seen}; check the network and the address, and try again")


def no_credentials(address: Address) -> StoreError:
    """Describe that the environment and the user's files have no credentials for a store."""
    return StoreError(f"{address}: no credentials were found; {_LOGIN[address.scheme]}")


def lacks_bucket(said: str) -> bool:
    """Return whether a store answered that there is no such bucket, rather than no such object."""
    code = _first(_CODE, said)
    if _first(_STATUS, said) == "404" and not code:  # from a server that is no store
        return _NEEDS_BUCKET.search(said) is not None
    return code == "NoSuchBucket"


def lacks_conditions(said: str) -> bool:
    """Return whether a store answered that it cannot write on a condition."""
    return _first(_STATUS, said) == _NOT_IMPLEMENTED


def _lasting(address: Address, where: str, said: str) -> str:
    """Describe a refusal that another attempt would meet again; empty for others."""
    answer, status = _STORE.sub("", said.splitlines()[0]).rstrip(": "), _first(_STATUS, said)
    bucket, login = f"{address.scheme}://{address.bucket}", _LOGIN[address.scheme]
    denied = f"{where}: the store refuses these credentials{_code(said)}; {login}"
    is_denied = (
        status in _DENIED or _first(_CODE, said) in _EXPIRED or (status.startswith("4") and "token request" in answer)
    )
    skewed = f"{where}: this machine's clock differs from the store's{_code(said)}; set it"
    is_before_requests = not status and not any(sign in answer for sign in _REQUESTS)
    stays = status == _NOT_IMPLEMENTED or (status and not _MAY_PASS.fullmatch(status))
    reasons = (
        (lacks_bucket(said), f"there is no bucket {bucket}; make it, or correct the address"),
        (any(sign in said for sign in _REGION), f"{bucket} lies in another region; set AWS_REGION to its region"),
        (_first(_CODE, said) in _SKEWED, skewed),
        (is_denied, f"{denied}, or ask for the right to list, read and write there"),
        (is_before_requests, f"{where}: {answer}; correct the settings, or {login}"),
        (stays, f"{where}: the store answers {status}{_code(said)}"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _code(said: str) -> str:
    code = _first(_CODE, said)
    return code and f" ({code})"


def _first(pattern: re.Pattern[str], said: str) -> str:
    match = pattern.search(said)
    return match[1] if match else ""
