"""Addresses of workspaces in object stores, such as s3://lab/retina."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from kit.errors import require

_ADDRESS = re.compile(  # a Path has one slash, or none: that of "s3://" is "s3:"
    r"(?P<scheme>(?:[A-Za-z][A-Za-z0-9+.-]+(?=:/)|[Ss]3|[Gg][Ss])):(?P<slashes>/{0,2})(?P<rest>.*)", re.DOTALL
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

EXTRAS = {"s3": "s3", "gs": "gs"}
"""Schemes of the stores that kit knows, and the extras that bring what they need."""


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a workspace in an object store.

    Attributes:
        scheme: Kind of store: s3 or gs.
        bucket: Name of the bucket.
        prefix: Beginning of the names of all objects, without slashes at its ends; empty for the whole bucket.
    """

    scheme: str
    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> Address:
        """Read an address.

        Raises:
            SpecError: It has another scheme, no bucket, or a character that no name should have.
        """
        match = _ADDRESS.fullmatch(str(text))
        require(match is not None, f"'{text}' is no address of a store, such as s3://bucket/folder")
        scheme, rest = (match["scheme"].lower(), match["rest"].lstrip("/")) if match else ("", "")
        _, secret, public = rest.rpartition("@") if "@" in rest.partition("/")[0] else ("", "", rest)
        require(
            not secret,
            f"{scheme}://…@{public}: an address is shown and kept; write {scheme}://{public}, and give keys in the"
            " environment",
        )
        whole, known = f"{scheme}://{rest}", " and ".join(f"{name}://" for name in EXTRAS)
        require(scheme in EXTRAS, f"{whole}: kit knows stores by {known}; mount others as folders")
        require(not _CONTROL.search(rest), f"{whole!r} has a line break or another control character; write it without")
        require(not rest or bool(match and match["slashes"]), f"'{text}' lacks the slashes; write {whole}")
        bucket, _, prefix = rest.partition("/")
        require(_BUCKET.fullmatch(bucket) is not None, f"{whole} names no bucket; write {scheme}://bucket/folder")
        parts = [part for part in prefix.split("/") if part]
        require(not {".", ".."}.intersection(parts), f"{whole} has . or .. as a folder, which stores do not resolve")
        return cls(scheme, bucket, "/".join(parts))

    def __str__(self) -> str:
        """Write the address as it was given."""
        return f"{self.scheme}://{self.bucket}{self.prefix and f'/{self.prefix}'}"


def is_address(root: str | Path) -> bool:
    """Return whether a workspace lies in a store rather than in a folder; also of an address that became a Path."""
    return _ADDRESS.fullmatch(str(root)) is not None
