"""A stand-in for Google Cloud Storage: the part of its XML API that kit's object stores are read and written by.

https://cloud.google.com/storage/docs/xml-api/reference-methods describes it.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

_PAGE = 1000  # objects in an answer to a listing
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_CONDITION = "HTTP_X_GOOG_IF_GENERATION_MATCH"

Answer = tuple[str, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    generation: int
    written: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def e_tag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": self.e_tag,
            "x-goog-generation": str(self.generation),
            "Last-Modified": format_datetime(self.written, usegmt=True),
        }


class GoogleStorage:
    """Buckets and their objects, as a WSGI application."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, _Object]] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}  # parts by the id of their upload
        self._numbers = itertools.count(1_700_000_000_000_001)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        bucket, _, name = environ["PATH_INFO"].encode("latin-1").decode().lstrip("/").partition("/")
        query = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._lock:
            status, headers, data = self._answer(environ, bucket, name, query, body)
        length = headers.pop("Content-Length", str(len(data)))
        start_response(status, [("Content-Length", length), *headers.items()])
        return [data]

    def _answer(self, environ: dict[str, Any], bucket: str, name: str, query: dict[str, str], body: bytes) -> Answer:
        if bucket not in self.buckets:
            return _refusal("404 Not Found", "NoSuchBucket")
        objects, method = self.buckets[bucket], environ["REQUEST_METHOD"]
        if not name:
            return _listing(objects, query)
        if "uploads" in query or "uploadId" in query:
            return self._upload(objects, method, name, query, body)
        if method == "PUT":
            return self._write(objects, name, body, environ.get(_CONDITION))
        if name not in objects:
            return _refusal("404 Not Found", "NoSuchKey")
        return self._remove(objects, name) if method == "DELETE" else _content(objects[name], environ)

    @staticmethod
    def _remove(objects: dict[str, _Object], name: str) -> Answer:
        del objects[name]
        return "204 No Content", {}, b""

    def _write(self, objects: dict[str, _Object], name: str, data: bytes, condition: str | None = None) -> Answer:
        there = objects[name].generation if name in objects else 0
        if condition is not None and int(condition) != there:
            return _refusal("412 Precondition Failed", "PreconditionFailed")
        objects[name] = _Object(data, next(self._numbers))
        return "200 OK", objects[name].headers, b""

    def _upload(
        self, objects: dict[str, _Object], method: str, name: str, query: dict[str, str], body: bytes
    ) -> Answer:
        """Begin an upload in parts, take a part, or end it."""
        if "uploads" in query:
            self._uploads[upload := f"upload-{next(self._numbers)}"] = {}
            return _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
        if method == "PUT":
            self._uploads[query["uploadId"]][int(query["partNumber"])] = body
            return "200 OK", {"ETag": _Object(body, 0).e_tag}, b""
        if method == "POST":
            return self._combine(objects, name, query["uploadId"])
        self._uploads.pop(query["uploadId"], None)
        return "204 No Content", {}, b""

    def _combine(self, objects: dict[str, _Object], name: str, upload: str) -> Answer:
        parts = self._uploads.pop(upload)
        self._write(objects, name, b"".join(parts[number] for number in sorted(parts)))
        return _xml("CompleteMultipartUploadResult", f"<ETag>{escape(objects[name].e_tag)}</ETag>")


def _content(found: _Object, environ: dict[str, Any]) -> Answer:
    data, status, headers = found.data, "200 OK", found.headers
    if match := _RANGE.fullmatch(environ.get("HTTP_RANGE", "")):
        first, last = int(match[1]), min(int(match[2] or len(data)), len(data) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        data, status = data[first : last + 1], "206 Partial Content"
    if environ["REQUEST_METHOD"] == "HEAD":
        return status, {**headers, "Content-Length": str(len(data))}, b""
    return status, headers, data


def _listing(objects: dict[str, _Object], query: dict[str, str]) -> Answer:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token", "")
    found, folders = [], set()
    for name in sorted(name for name in objects if name.startswith(prefix)):
        head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
        if cut:
            folders.add(f"{prefix}{head}{delimiter}")
        elif name > after:
            found.append(name)
    page = "".join(
        f"<Contents><Key>{escape(name)}</Key><Size>{len(objects[name].data)}</Size>"
        f"<LastModified>{objects[name].written:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
        f"<ETag>{escape(objects[name].e_tag)}</ETag></Contents>"
        for name in found[:_PAGE]
    )
    page += "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders))
    if len(found) > _PAGE:
        page += f"<NextContinuationToken>{escape(found[_PAGE - 1])}</NextContinuationToken>"
    return _xml("ListBucketResult", page)


def _xml(root: str, text: str) -> Answer:
    return "200 OK", {"Content-Type": "application/xml"}, f"<{root}>{text}</{root}>".encode()


def _refusal(status: str, code: str) -> Answer:
    return status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode()
