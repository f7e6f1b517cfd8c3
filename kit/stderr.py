"""Holds back the standard error of C libraries."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

VERBOSE = "KIT_VERBOSE"  # environment variable, inherited by worker processes


@contextlib.contextmanager
def held_stderr() -> Iterator[None]:
    """Hold back the output to file descriptor 2, and print it if the block fails; do nothing when verbose."""
    if is_verbose():
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:  # Ctrl-C needs no explanation
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def is_verbose() -> bool:
    """Return whether the user asked for the log lines of other libraries."""
    return bool(os.environ.get(VERBOSE))
