"""What every kind of target answers about labels: as texts, as arrays, and as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from kit.targets.label import Features, Stores, Truth
from kit.targets.reading import Reading, listed


class Labels:
    """Labels of a target."""

    __slots__ = ()

    noun: ClassVar[str]
    """What one of the names is called in messages: class, tag, grade or value."""
    is_named: ClassVar[bool] = True
    """Whether labels are names, not numbers."""
    is_partition: ClassVar[bool]
    """Whether each labelled image has exactly one of the names, so that their counts sum to the images."""
    is_counted: ClassVar[bool] = True
    """Whether images are counted by name: every image has every value."""
    may_have_several: ClassVar[bool] = False
    """Whether an image may have several of the names: one cell joins them, and each is decided by itself."""

    is_first_kind: ClassVar[bool] = False
    """Whether datasets had this kind before there were others, so that their digests do not name it."""
    stores: ClassVar[Stores]
    """Contents of `features`: the index of a name, indices of names, or numbers."""

    names: tuple[str, ...]

    @classmethod
    def kind(cls) -> str:
        """Name the kind, as a manifest and `--target` do."""
        return cls.__name__.lower()

    def counted(self) -> str:
        """Count the names, as in "6 tags" or "1 value"."""
        return f"{len(self.names):,} {self.kind() if len(self.names) != 1 else self.noun}"

    def encode(self, labels: Sequence[str | None]) -> Truth:
        """Turn labels of n images into an array; see `kit.targets.Truth`.

        Args:
            labels: Texts: the name of a class or grade, tags joined as `text` joins them, or numbers with blanks
                between them; None for an unlabelled image.

        Raises:
            ValueError: A text is no label of this target.
        """
        raise NotImplementedError

    def text(self, truth: Any) -> str | None:
        """Turn one image's row of `encode` back into a text; None where it is unlabelled."""
        raise NotImplementedError

    def features(self, truth: Any) -> Features:
        """Turn one image's row of `encode` into what its record stores."""
        raise NotImplementedError

    def stored(self, features: Mapping[str, object]) -> Any:
        """Turn a record's features back into a row of `encode`.

        Raises:
            ValueError: They hold no label of this target.
        """
        raise NotImplementedError

    def named(self, label: str) -> Iterable[str]:
        """Name what an image with this label counts as: its class, its tags, its grade, or each value."""
        return (label,)

    def count(self, labels: Iterable[str]) -> dict[str, int]:
        """Count images by name, in the order of the names, without zeros."""
        counts = Counter(name for label in labels for name in self.named(label))
        return {name: counts[name] for name in self.names if counts[name]}

    def strata(self, labels: Sequence[str]) -> list[tuple[str, ...]]:
        """Name the strata of each image, which every split and fold gets its share of."""
        return [tuple(self.named(label)) for label in labels]

    def reading(self, columns: Sequence[str]) -> Reading:
        """Describe the labels in words.

        Args:
            columns: Columns of the label file that hold them; empty for folders and arrays.
        """
        del columns
        return Reading(self.counted(), f" ({listed(self.names)})")

    def statistics(self) -> Mapping[str, tuple[float, ...]]:
        """Return figures of each name's numbers over the labelled images by their titles; none where labels are names.

        Returns:
            Figures in the order of the names, such as the mean of each value.
        """
        return {}
