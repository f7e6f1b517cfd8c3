"""Settings of stores in the environment: what obstore would fail at without a line for people."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from kit.errors import StoreError

ENDPOINTS = {"s3": ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"), "gs": ("GOOGLE_BASE_URL",)}
"""Variables with the address of another server, by kind of store."""

_SENT = re.compile(r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|DEFAULT_REGION)")
_SENDABLE = re.compile(r"[ -~]*")  # in the headers of a request
_SPACE = re.compile(r"\s")


def check_environment(scheme: str) -> None:
    """Refuse variables that no request can be made of.

    Raises:
        StoreError: A key or a region has a line break, or the address of a server is none.
    """
    for name in sorted(os.environ):
        if scheme == "s3" and _SENT.fullmatch(name) and not _SENDABLE.fullmatch(os.environ[name]):
            raise StoreError(f"{name} has a character that no request can have, such as a line break; set it again")
    for name in ENDPOINTS[scheme]:
        if name in os.environ and not _is_server(os.environ[name]):
            raise StoreError(
                f"{name} is '{os.environ[name]}', which is no address of a server; write http://HOST:PORT or"
                " https://HOST, or unset it"
            )


def _is_server(text: str) -> bool:
    if _SPACE.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or too large
        return False
