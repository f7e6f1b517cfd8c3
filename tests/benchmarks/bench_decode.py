"""One image's bytes into stored bytes: kit, and what the other libraries need for their pixels alone.

kit's figures include all that follows decoding: checks, channels, size and the digest that finds duplicates.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from timing import SHARED, interleave, report, with_pcam

ROUNDS = 25
PATCHES = 400
SIDE = 256


def run(pcam: Path, scratch: Path) -> None:
    del scratch
    import cv2
    import numpy as np
    import tifffile
    from PIL import Image

    from kit.images import store_image
    from kit.specs import ImageSpec

    patches = [path.read_bytes() for path in sorted((pcam / "train").glob("*.tif"))[:PATCHES]]
    contestants = {
        "kit: to stored bytes and digest": lambda: [store_image(data, ImageSpec()) for data in patches],
        "OpenCV: pixels": lambda: [cv2.imdecode(np.frombuffer(data, np.uint8), 1) for data in patches],
        "tifffile: pixels": lambda: [tifffile.imread(io.BytesIO(data)) for data in patches],
        "Pillow: pixels": lambda: [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in patches],
    }
    report("96x96 RGB TIFFs, uncompressed", interleave(contestants, ROUNDS), items=PATCHES, unit="images/s")


def run_jpegs(folder: Path, scratch: Path) -> None:
    import numpy as np
    from PIL import Image

    from kit.images import store_image
    from kit.specs import ImageSpec

    files = sorted(folder.rglob("*.jpeg"))
    sized = ImageSpec(size=(SIDE, SIDE), fit="stretch", encoding="raw")

    def with_pillow() -> None:
        for path in files:
            with Image.open(path) as image:
                np.asarray(image.convert("RGB").resize((SIDE, SIDE)))

    contestants = {
        "kit": lambda: [store_image(path.read_bytes(), sized) for path in files],
        "Pillow: open, convert, resize": with_pillow,
    }
    report(
        f"JPEGs of 1,000 to 2,000 pixels to {SIDE}", interleave(contestants, ROUNDS), items=len(files), unit="images/s"
    )
    _run_kept("JPEGs of 1,000 to 2,000 pixels, kept", files, scratch)


def _run_kept(title: str, files: list[Path], scratch: Path) -> None:
    from kit.images import store_image
    from kit.specs import ImageSpec

    def append(*, kept: bool) -> None:
        with (scratch / "all").open("wb") as out:
            for file in files:
                data = file.read_bytes()
                out.write(store_image(data, ImageSpec()).encoded if kept else data)

    contestants = {
        "read the file, append its bytes": lambda: append(kept=False),
        "the same through kit": lambda: append(kept=True),
    }
    report(title, interleave(contestants, ROUNDS), items=len(files), unit="images/s")


def main() -> None:
    with_pcam(run)
    with tempfile.TemporaryDirectory() as scratch:
        if (SHARED / "chest_xray_fullsize").is_dir():
            run_jpegs(SHARED / "chest_xray_fullsize", Path(scratch))
        if (SHARED / "chest_xray").is_dir():
            small = sorted((SHARED / "chest_xray" / "test").rglob("*.jpeg"))
            _run_kept("JPEGs of 224x224, kept", small, Path(scratch))


if __name__ == "__main__":
    main()
