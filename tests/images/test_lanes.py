"""Both lanes, the newest TensorFlow and that of TensorFlow Addons with OpenCV 4.11, store the same bytes.

The digests were made in the default lane; these tests run in both, so that they hold in each and do not go stale.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lanes import DATASETS, SHARED, SPECS, awkward_names, awkward_verdict, read, shards_of, stored_pictures


def test_pictures_of_every_kind_are_stored_byte_for_byte_as_in_the_other_lane() -> None:
    expected = read("pictures")

    assert expected == stored_pictures()
    assert len(expected) == 14 * len(SPECS)


@pytest.mark.skipif(not awkward_names(), reason=f"{SHARED / 'awkward'} is not on this machine")
def test_awkward_files_are_shown_or_refused_as_in_the_other_lane() -> None:
    expected = read("awkward")

    assert expected == {name: awkward_verdict(name) for name in awkward_names()}
    assert len(expected) > 200


@pytest.mark.slow
@pytest.mark.parametrize("name", DATASETS)
def test_shards_of_real_images_are_those_of_the_other_lane(name: str, tmp_path: Path) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not on this machine")

    assert read("shards")[name] == shards_of(name, tmp_path)
