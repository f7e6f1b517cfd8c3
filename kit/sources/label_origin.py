"""Where labels were read, and what their columns settle of their meaning."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field


def _no_choice(counts: Mapping[str, int], targets: Collection[str]) -> str:
    del counts, targets
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOrigin:
    """Origin of a source's labels.

    Attributes:
        name: Name of the file or folder, for messages.
        columns: Names of the label columns; empty for folders and arrays of one label per image.
        target: Target that several columns, or the type of an array, settle; empty where labels are to be looked at.
        separator: Sign between the tags of several columns.
        are_folders: Whether labels are names of folders or parts of file names, where numbers measure nothing.
        lines: Line of the first row with each label; empty where there are no lines.
        choose: Function of images by label and of possible targets that chooses between them by the sample submission;
            it returns an empty text where that does not tell.
        notes: Remarks for people on how the labels were read, each a line.
    """

    name: str
    columns: tuple[str, ...] = ()
    target: str = ""
    separator: str = " "
    are_folders: bool = False
    lines: Mapping[str, int] = field(default_factory=dict)
    choose: Callable[[Mapping[str, int], Collection[str]], str] = _no_choice
    notes: tuple[str, ...] = ()

    @property
    def are_columns(self) -> bool:
        """Whether each name has a column of its own; one column alone holds labels, unless it marks a tag."""
        return len(self.columns) > 1 or (bool(self.columns) and self.target == "tags")

    @property
    def in_columns(self) -> str:
        """Columns as the end of a phrase, " in column grade"; empty where there are none."""
        return f" in column{'s' * (len(self.columns) > 1)} {', '.join(self.columns)}" if self.columns else ""

    def where(self, label: str) -> str:
        """Name the file, and the line of the first row with a label, or with a tag among others."""
        line = self.lines.get(label) or min((n for text, n in self.lines.items() if label in text), default=0)
        return f"{self.name}, line {line}" if line else self.name
