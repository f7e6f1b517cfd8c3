"""Claims on the temporary folder of a dataset: the inputs and settings that its shards are made from."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from kit.conversion.conversion import Conversion
from kit.conversion.existing_dataset import differences
from kit.datasets.manifest import SourceInfo
from kit.errors import ShardError, SpecError, option
from kit.files import sweep, write_whole
from kit.locks import are_parts_at_work
from kit.specs import ShardSpec, to_json
from kit.specs.serialization import from_json

PLAN = "plan.json"


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Contents of plan.json.

    Attributes:
        source: Source of the images.
        settings: Settings of the shards.
        parts: Whether several commands write a part of the shards each.
    """

    source: SourceInfo
    settings: ShardSpec
    parts: bool = False

    @classmethod
    def of(cls, conversion: Conversion, *, parts: bool) -> Claim:
        """Make the claim of a conversion."""
        return cls(source=conversion.info, settings=conversion.spec, parts=parts)

    def changes(self, now: Claim) -> list[str]:
        """List the inputs and settings in which another claim differs."""
        changes = differences(self.settings, now.settings) + differences(self.source.spec, now.source.spec)
        return changes or ["images, labels or sample submission changed since"]


def claim_whole(partial: Path, conversion: Conversion, *, force: bool, elsewhere: bool = False) -> bool:
    """Claim the temporary folder for a command that writes all shards, and is alone.

    The folder of an earlier, stopped command at the same dataset is kept; that of another is begun anew.

    Args:
        partial: Temporary folder of the dataset.
        conversion: Inputs and settings.
        force: Whether to begin anew where parts wrote shards from others.
        elsewhere: Whether parts uploaded shards that are not in the folder.

    Returns:
        Whether the folder holds what parts wrote.

    Raises:
        ShardError: Parts wrote shards from other inputs or settings, and `force` is not set.
    """
    is_of_parts = _claim(partial, conversion, parts=False, force=force, at_work=False, elsewhere=elsewhere)
    sweep(partial)
    return is_of_parts


def claim_part(final: Path, partial: Path, conversion: Conversion, *, force: bool, elsewhere: bool = False) -> None:
    """Claim the temporary folder for one of several commands that write a part each; see `claim_whole`.

    Raises:
        ShardError: Parts wrote shards from other inputs or settings, and `force` is not set, or they are at work.
    """
    _claim(partial, conversion, parts=True, force=force, at_work=are_parts_at_work(final), elsewhere=elsewhere)


def _claim(partial: Path, conversion: Conversion, *, parts: bool, force: bool, at_work: bool, elsewhere: bool) -> bool:
    before = _read(partial / PLAN)
    now = Claim.of(conversion, parts=parts or bool(before and before.parts))
    if before is None or to_json(msgspec.structs.replace(before, parts=now.parts)) != to_json(now):
        are_written = elsewhere or any(partial.glob("*.tfrecord"))
        _refuse_to_remove(partial, before, now, force=force or not are_written, at_work=at_work)
        if partial.exists():
            shutil.rmtree(partial)
        before, now = None, Claim.of(conversion, parts=parts)
    if before is None or before.parts != now.parts:
        write_whole(partial / PLAN, to_json(now))
    return now.parts


def _read(plan: Path) -> Claim | None:
    try:
        return from_json(plan, Claim)
    except (FileNotFoundError, SpecError):  # damaged: its shards are written anew
        return None


def _refuse_to_remove(partial: Path, before: Claim | None, now: Claim, *, force: bool, at_work: bool) -> None:
    """Refuse to remove what parts wrote, or are writing, from other inputs or settings."""
    changes = "; ".join(before.changes(now)) if before else f"{PLAN} is damaged"
    if at_work:
        raise ShardError(
            f"{partial / PLAN}: parts are writing shards from other inputs or settings: {changes}; give every part the"
            f" same ones, or choose another {option('name')}"
        )
    if before and before.parts and not force:
        raise ShardError(
            f"{partial / PLAN}: parts wrote shards from other inputs or settings: {changes}; give every part the"
            f" same ones, or begin anew with {option('force', True)}"
        )
