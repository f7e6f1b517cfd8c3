"""Status line: shown while a command starts, until other output appears."""

from __future__ import annotations

import os
import sys
import threading

_QUIET = 0.4  # seconds before the line appears: shorter work needs none
_ERASE = "\r\x1b[K"  # the line currently on the screen


class WaitingLine:
    """A line on a terminal's stderr that disappears when something else is written.

    It has a descriptor of its own: while TensorFlow is imported, which takes seconds, stderr is held back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptor = -1
        self._is_drawn = False

    def begin(self, text: str, *, after: float = _QUIET) -> None:
        """Show a line after some seconds unless ended before; nothing if stderr is not a terminal."""
        if self._descriptor >= 0 or not sys.stderr.isatty():
            return
        self._descriptor = os.dup(sys.stderr.fileno())
        timer = threading.Timer(after, self._draw, [text])
        timer.daemon = True  # a finished command does not wait for the thread
        timer.start()

    def end(self) -> None:
        """Remove the line for good."""
        with self._lock:
            if self._is_drawn:
                os.write(self._descriptor, _ERASE.encode())
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor, self._is_drawn = -1, False

    def _draw(self, text: str) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.write(self._descriptor, f"\r{text}".encode())
                self._is_drawn = True


WAITING = WaitingLine()
