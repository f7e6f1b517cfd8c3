"""Secrets, blotted out of whatever a server says, in every form they are sent in."""

from __future__ import annotations

import base64
import contextlib
import functools
import re
import urllib.request
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

_SHORTEST = 6  # characters; a shorter text is no secret of Kaggle's, and would blot out half an answer


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """Replace secrets in a text, however JSON, an address or a web page spells their characters.

    Args:
        text: Server's words, or the bytes of its answer as Latin-1.
        secrets: Texts to blot out, as they are sent.
    """
    pattern = _pattern(tuple(sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)))
    return pattern.sub("***", text) if pattern else text


def basic(username: str, secret: str) -> str:
    """Write name and key as the header of basic authentication does, without the padding at its end."""
    return base64.b64encode(f"{username}:{secret}".encode()).decode().rstrip("=") if username else ""


def proxy_secrets() -> Iterator[str]:
    """Yield the passwords of the proxies that requests go through, as they are written and as they are sent."""
    for address in urllib.request.getproxies().values():
        with contextlib.suppress(ValueError):  # no address; requests says so
            found = urlsplit(address if "//" in address else f"//{address}")
            username, password = unquote(found.username or ""), unquote(found.password or "")
            yield from (found.password or "", password, basic(username, password) if password else "")


@functools.cache
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    spelt = ("".join(map(_spelt, secret)) for secret in secrets)
    return re.compile("|".join(spelt), re.IGNORECASE) if secrets else None


def _spelt(character: str) -> str:
    r"""Match a character as it is, after a backslash, or as \u003d, %3d, &#61; or &#x3d;."""
    code = ord(character)
    return rf"(?:\\?{re.escape(character)}|\\u{code:04x}|%{code:02x}|&#(?:0*{code}|x0*{code:x});)"
