"""Range of seeds that all random number generators accept."""

from __future__ import annotations

from kit.errors import require

MAX_SEED = 1 << 31  # the generators' seeds are 32-bit integers with a sign


def check_seed(seed: int) -> None:
    """Refuse a seed out of range.

    Raises:
        SpecError: The seed is negative, or MAX_SEED or more.
    """
    require(0 <= seed < MAX_SEED, f"seed must be in [0, {MAX_SEED}), got {seed}")
