"""Masks secrets in a server's text, in every form in which they are sent."""

from __future__ import annotations

import base64
import contextlib
import functools
import re
import urllib.request
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

_SHORTEST = 6  # characters; Kaggle's secrets are longer, and shorter texts would mask half an answer


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """Mask secrets in a text, in any escaping by JSON, URLs or web pages.

    Args:
        text: Text of the server, or the bytes of its answer as Latin-1.
        secrets: Strings to mask, as sent.
    """
    pattern = _pattern(tuple(sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)))
    return pattern.sub("***", text) if pattern else text


def basic(username: str, secret: str) -> str:
    """Encode name and key as in the header of basic authentication, without the padding."""
    return base64.b64encode(f"{username}:{secret}".encode()).decode().rstrip("=") if username else ""


def proxy_secrets() -> Iterator[str]:
    """Yield the passwords of the proxies in use, as written and as sent."""
    for address in urllib.request.getproxies().values():
        with contextlib.suppress(ValueError):  # not an address; requests reports it
            found = urlsplit(address if "//" in address else f"//{address}")
            username, password = unquote(found.username or ""), unquote(found.password or "")
            yield from (found.password or "", password, basic(username, password) if password else "")


@functools.cache
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    spelt = ("".join(map(_spelt, secret)) for secret in secrets)
    return re.compile("|".join(spelt), re.IGNORECASE) if secrets else None


def _spelt(character: str) -> str:
    r"""Match a character literally, after a backslash, or as \u003d, %3d, &#61; or &#x3d;."""
    code = ord(character)
    return rf"(?:\\?{re.escape(character)}|\\u{code:04x}|%{code:02x}|&#(?:0*{code}|x0*{code:x});)"
