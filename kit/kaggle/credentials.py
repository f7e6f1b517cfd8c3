"""Credentials for Kaggle: four sources, in the order of Kaggle's own client."""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from kit.errors import KaggleError
from kit.kaggle.secrets import basic, proxy_secrets, scrubbed

_NEW = "https://www.kaggle.com/settings/api"
_TOKEN_FILES = ("~/.kaggle/access_token", "~/.kaggle/access_token.txt")
_LOGIN = "~/.kaggle/credentials.json"
_LOGIN_SOURCE = f"{_LOGIN} (kaggle auth login)"

HOW_TO = (
    "Kaggle needs to know who you are, and no credentials were found. With an account, do one of these:"
    f" (1) make a token at {_NEW} and set KAGGLE_API_TOKEN to it;"
    " (2) save the token as ~/.kaggle/access_token;"
    " (3) set KAGGLE_USERNAME and KAGGLE_KEY, or save the kaggle.json of that page in ~/.kaggle/;"
    " (4) run: kaggle auth login"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A token, or a user name with its key; the repr hides the secret.

    Attributes:
        source: Place where the credentials were found, in the user's terms.
        username: User name of a key; empty for tokens.
        secret: Token or key; empty for a login, whose token the client requests.
        others: Places with further credentials, unused because this source goes first.
        hidden: Other secrets that are sent, such as the refresh token of a login.
    """

    source: str
    username: str = ""
    secret: str = field(default="", repr=False)
    others: tuple[str, ...] = ()
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_login(self) -> bool:
        """Whether the credentials are those of `kaggle auth login`."""
        return self.source == _LOGIN_SOURCE

    def scrub(self, text: str) -> str:
        """Mask secrets repeated by a server, in any form in which they were sent."""
        sent = (self.secret, basic(self.username, self.secret), *self.hidden, *proxy_secrets())
        return scrubbed(text, sent)

    def refusal(self, said: str) -> str:
        """Describe the next step when Kaggle rejects the credentials."""
        message = f"Kaggle does not take the credentials of {self.source} (401{f': {said}' if said else ''})"
        if self.is_login:
            return f"{message}; log in again: kaggle auth login"
        if not self.others:
            return f"{message}; make new ones at {_NEW}"
        which = "its token goes first" if not self.username else "they go first"
        return (
            f"{message}; {' and '.join(self.others)} may be good, but {which}: remove {self.source} to use the other,"
            f" or make a new token at {_NEW}"
        )


def find_credentials() -> Credentials:
    """Find the first credentials of this machine.

    Raises:
        KaggleError: No credentials were found, with all four ways to provide them in the message, or they cannot be
            sent.
    """
    found = _all_credentials()
    first = next(found, None)
    if first is None:
        raise KaggleError(HOW_TO)
    if not (first.username + first.secret).isascii() or not (first.username + first.secret).isprintable():
        raise KaggleError(f"{first.source} holds characters that no token or key of Kaggle's has; copy it anew: {_NEW}")
    others: list[str] = []
    with contextlib.suppress(KaggleError):  # a damaged file is not needed here
        others.extend(other.source for other in found)
    return replace(first, others=tuple(others))


def _all_credentials() -> Iterator[Credentials]:
    yield from _tokens()
    yield from _keys()
    if Path(_LOGIN).expanduser().is_file():
        yield Credentials(source=_LOGIN_SOURCE, hidden=_refresh_tokens(Path(_LOGIN).expanduser()))


def _refresh_tokens(file: Path) -> tuple[str, ...]:
    """Read the refresh tokens of a login, only to mask them."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        told = msgspec.json.decode(file.read_bytes())
        if isinstance(told, dict):
            return (str(told.get("refresh_token", "")),)
    return ()


def _tokens() -> Iterator[Credentials]:
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE") and (path := os.environ.get("KAGGLE_API_V1_TOKEN")):
        yield from _token_file(path, "KAGGLE_API_V1_TOKEN")
    if given := os.environ.get("KAGGLE_API_TOKEN"):
        if _is_file(given):
            yield from _token_file(given, "KAGGLE_API_TOKEN")
        else:
            yield Credentials(source="KAGGLE_API_TOKEN", secret=given.strip())
    for path in _TOKEN_FILES:
        yield from _token_file(path, path)


def _token_file(path: str, source: str) -> Iterator[Credentials]:
    file = Path(path).expanduser()
    if file.is_file() and (token := file.read_text(encoding="utf-8-sig", errors="replace").strip()):
        yield Credentials(source=source, secret=token)


def _is_file(text: str) -> bool:
    """Whether a token variable holds a path; a token may be too long for a path."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _keys() -> Iterator[Credentials]:
    name, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if name and key:
        yield Credentials(source="KAGGLE_USERNAME and KAGGLE_KEY", username=name.strip(), secret=key.strip())
    for folder in dict.fromkeys((os.environ.get("KAGGLE_CONFIG_DIR") or "~/.kaggle", "~/.kaggle", "~/.config/kaggle")):
        yield from _key_file(f"{folder}/kaggle.json")


class _KeyFile(msgspec.Struct):
    username: str
    key: str


def _key_file(path: str) -> Iterator[Credentials]:
    file = Path(path).expanduser()
    if not file.is_file():
        return
    try:
        read = msgspec.json.decode(file.read_bytes().removeprefix(codecs.BOM_UTF8), type=_KeyFile)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise KaggleError(
            f"{path} is not the file that Kaggle makes: it needs a username and a key; download a new one at {_NEW}"
        ) from None  # the decoder may quote the contents of the file
    yield Credentials(source=path, username=read.username.strip(), secret=read.key.strip())
