"""Files of a competition or dataset on Kaggle: listing, and streaming."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import requests
from kagglesdk.competitions.types import competition_api_service as competition_types
from kagglesdk.datasets.types import dataset_api_service as dataset_types

from kit.errors import NetworkError
from kit.kaggle.client import PAGE, Kaggle
from kit.kaggle.connection import no_data
from kit.kaggle.http_errors import Resource
from kit.kaggle.responses import RemoteFile

_PAGES = 25  # pages of a list, at most: a competition with more than 5,000 files is fetched without a list


class KaggleFiles(Kaggle):
    """Calls about files."""

    def files(self, about: Resource) -> list[RemoteFile] | None:
        """List all files; None if they are too many to list."""
        request: Any
        if about.is_dataset:
            request = dataset_types.ApiListDatasetFilesRequest()
            request.owner_slug, request.dataset_slug = about.name.split("/")
            call = self.datasets.list_dataset_files
        else:
            request = competition_types.ApiListDataFilesRequest()
            request.competition_name = about.name
            call = self.competitions.list_data_files
        request.page_size = PAGE
        found: list[RemoteFile] = []
        for page in self.pages("listing the files", about, call, request, _files):
            if len(found) >= PAGE * _PAGES:
                return None
            found += page
        return found

    @contextlib.contextmanager
    def opened(self, about: Resource, name: str | None, begin: int = 0, tag: str = "") -> Iterator[Any]:
        """Open a file, or the archive of all files, as a stream; not retried.

        Args:
            about: Competition or dataset of the file.
            name: Name of the file; None for the archive of all.
            begin: First byte to read.
            tag: ETag or date of the bytes before; if the file has changed since, the answer has all bytes.

        Yields:
            Response of requests, with status 206 if it begins at `begin`.
        """
        doing = f"downloading {name or about.name}"
        response = self.once(doing, about, self._download, about, name)
        try:
            if begin:
                again = response.request.copy()
                again.headers.update({"Range": f"bytes={begin}-", "If-Range": tag})
                response.close()
                response = self.once(doing, about, self.http.send_again, again)
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                response.close()
                response = self.once(doing, about, self._download, about, name)
            if "text/html" in response.headers.get("Content-Type", "") and not str(name).endswith((".html", ".htm")):
                raise NetworkError(no_data(doing))
            yield response
        finally:
            response.close()

    def _download(self, about: Resource, name: str | None) -> Any:
        request: Any
        if about.is_dataset:
            request = dataset_types.ApiDownloadDatasetRequest()
            request.owner_slug, request.dataset_slug = about.name.split("/")
            request.file_name = name
            return self.datasets.download_dataset(request)
        if name is None:
            request = competition_types.ApiDownloadDataFilesRequest()
            request.competition_name = about.name
            return self.competitions.download_data_files(request)
        request = competition_types.ApiDownloadDataFileRequest()
        request.competition_name, request.file_name = about.name, name
        return self.competitions.download_data_file(request)


def _files(page: Any) -> list[RemoteFile]:
    return [*map(RemoteFile.of, page.dataset_files if hasattr(page, "dataset_files") else page.files)]
