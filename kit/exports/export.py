"""Exports one run; everything is checked before TensorFlow is loaded."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.arguments import checked_arguments
from kit.datasets import Dataset, find_dataset
from kit.datasets.verify import reading
from kit.errors import RunError, SpecError, WorkspaceError, option, require, unknown, worded
from kit.exports.metadata import FILES, INFO, ExportInfo
from kit.exports.onnx import require_onnx
from kit.files import refuse_overwrite, whole_folder, write_whole
from kit.inference.batch_size import measuring_batch
from kit.inference.predict_split import head_of, trained_model, weights_file
from kit.locks import locked
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, RunSnapshot, open_run
from kit.runs.provenance import Provenance, name_maker, read_provenance, refuse_changed, seal_folder
from kit.specs import ImageSpec, RunSpec, from_json, to_json
from kit.specs.train import Weights
from kit.targets import Head
from kit.workspace import Workspace

if TYPE_CHECKING:
    from kit.exports.inference_model import ServedModel

DEFAULT_FORMATS = ("keras", "saved_model")

_COMPARED = 64  # images: enough to tell a wrong model from rounding
_TOLERANCE = 0.01  # in a probability, or a number by its unit: ten times a GPU's rounding; the difference is reported
_EXTRA = "assets.extra"  # TensorFlow's place for additional files in a SavedModel


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export.

    Attributes:
        folder: Folder of the export.
        info: Contents of its export.json.
        is_new: Whether it was written now; False for an existing export of the same run and weights.
    """

    folder: Path
    info: ExportInfo
    is_new: bool = True

    @property
    def paths(self) -> dict[str, Path]:
        """Path of each format's model."""
        return {name: self.folder / file for name, file in self.info.files.items()}

    def size(self, name: str) -> int:
        """Size of a format's files in bytes."""
        path = self.paths[name]
        return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


@checked_arguments
def export(
    run: str | Path,
    *,
    formats: Sequence[str] | None = None,
    output: Path | str | None = None,
    weights: Weights | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Export:
    """Export a run's model with the preprocessing inside, for programs without kit; an existing export is returned.

    The model takes uint8 images [batch, height, width, channels] of any height and width, resizes them to the dataset's
    size as `kit shard` did, scales them to 0 to 1, and returns predictions as `kit predict` makes them, float32 [batch,
    columns]: the probability of each class, tag or grade, or numbers. Every file is read back and compared with the
    run's own predictions before the export gets its final name.

    Args:
        run: Path of a run, or its name below runs/.
        formats: "keras" (model.keras: plain Keras 3), "saved_model" (saved_model/1: TensorFlow Serving; takes the
            bytes of JPEG and PNG files too), "onnx" (model.onnx; needs the extra kit[onnx]). The first two by default,
            in the TensorFlow Addons lane "saved_model" alone.
        output: Folder to write; export/ of the run by default.
        weights: Weights to export, those of the "best" or the "last" epoch; the run's setting `train.evaluate` by
            default.
        force: Whether to replace an existing export.
        root: Root of the workspace; by default KIT_ROOT, the workspace of the runs, or the current folder.
        progress: Receiver of every format.

    Raises:
        RunError: No such run, its dataset is another one, its predictions are not numbers, or the predictions of a
            format differ.
        SpecError: No such format.
        WorkspaceError: The folder exists and `force` is not set, it holds something other than an export or files
            changed since, or another process is writing it.
        MissingDependencyError: A package is not installed, or a format needs Keras 3.
        OSError: The disk is full; no part of the export is left there.
    """
    workspace = Workspace.holding([run], root)
    directory = RunSnapshot.of(open_run(run, workspace))
    dataset = find_dataset(directory.spec().dataset, root=workspace.root)
    folder = Path(output) if output else directory.path / "export"
    _refuse_others(folder, force=force)
    formats = _default_formats() if formats is None else formats
    _check_formats(formats)
    name = workspace.run_name(directory.path)
    weights = weights or directory.spec().train.evaluate
    provenance = _provenance(directory, name, dataset, weights)
    if existing := _existing(folder, provenance, formats, force=force):
        return existing
    other_lane = _check_lane(directory, formats)
    network = trained_model(directory, dataset, weights)
    if provenance != _provenance(directory, name, dataset, weights):
        raise RunError(f"{directory.path} was trained on meanwhile, so its weights changed; wait until it is finished")
    head = head_of(directory, dataset)
    compared = _predict(network, head, directory.spec(), dataset)
    with locked(folder):
        if existing := _existing(folder, provenance, formats, force=force):  # another command finished first
            return existing
        with whole_folder(folder) as partial:
            progress.start(f"export {directory.spec().arm}", len(formats))
            if other_lane:
                progress.advance(0, other_lane)
            image = dataset.manifest.settings.image
            served = _served(network, head, image)
            differences = _write(partial, served, image, formats, compared, progress=progress)
            info = ExportInfo(
                classes=dataset.manifest.classes,
                shape=dataset.shape,
                image=image,
                weights=weights,
                run=directory.spec(),
                files={name: FILES[name] for name in formats},
                compared=len(compared.images),
                largest_difference=differences,
                versions=_versions(),
            )
            _describe(partial, info, provenance)
            progress.finish()
    return Export(folder, info)


class _Compared(NamedTuple):
    """Reference predictions of the run's own model.

    Attributes:
        images: Uint8 [batch, height, width, channels].
        predictions: Float32 [batch, columns].
        scale: Unit of each column, in which differences are measured: 1 of probabilities, the deviation of numbers.
    """

    images: NDArray[np.uint8]
    predictions: NDArray[np.float32]
    scale: NDArray[np.float64]


def _predict(network: Any, head: Head, spec: RunSpec, dataset: Dataset) -> _Compared:
    """Predict the first validation images as `kit predict` does."""
    from kit.pipeline import as_float, damage_named, eval_batches  # noqa: PLC0415 (TensorFlow, after all checks)

    dataset = dataset.for_fold(spec.fold)
    count = min(_COMPARED, measuring_batch(spec.model, dataset))
    with reading(dataset, ["validation"]), damage_named(dataset):
        batch = next(iter(eval_batches(dataset, "validation", batch_size=count)))
    predictions = head.predictions(network.predict_on_batch(as_float(batch["image"])))
    if not np.isfinite(predictions).all():
        raise RunError("the run's predictions are not numbers; the training diverged: lower train.learning_rate")
    return _Compared(batch["image"].numpy(), predictions, np.asarray(head.scale or 1.0))


def _served(network: Any, head: Head, image: ImageSpec) -> ServedModel:
    from kit.exports.inference_model import served_model  # noqa: PLC0415 (TensorFlow, after all checks)

    return served_model(network, head, image)


def _write(
    folder: Path,
    served: ServedModel,
    image: ImageSpec,
    formats: Sequence[str],
    compared: _Compared,
    *,
    progress: Progress,
) -> dict[str, float]:
    """Write every format, read it back, and measure the largest difference from the run's own predictions."""
    from kit.exports.formats import FORMATS  # noqa: PLC0415 (TensorFlow, after all checks)
    from kit.training.full_disk import full_disk_named  # noqa: PLC0415

    differences = {}
    for name in formats:
        path = folder / FILES[name]
        path.parent.mkdir(exist_ok=True)
        with full_disk_named(path):
            FORMATS[name].write(served, image, path)
        differences[name] = _difference(name, FORMATS[name].read(path, compared.images), compared)
        progress.advance()
    return differences


def _versions() -> dict[str, str]:
    from kit.training.devices import describe_environment  # noqa: PLC0415 (TensorFlow)

    environment = describe_environment()
    return {name: environment[name] for name in ("kit", "keras", "tensorflow")}


def _describe(folder: Path, info: ExportInfo, provenance: Provenance) -> None:
    """Write export.json, also into a SavedModel, and seal.json last."""
    write_whole(folder / INFO, to_json(info))
    if "saved_model" in info.files:
        extra = folder / FILES["saved_model"] / _EXTRA
        extra.mkdir()
        shutil.copyfile(folder / INFO, extra / INFO)
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    seal_folder(folder, provenance, [path.relative_to(folder).as_posix() for path in written])


def _difference(name: str, given: NDArray[np.float32], compared: _Compared) -> float:
    what = "numbers, in their own units," if compared.scale.ndim else "probabilities"
    largest = float((np.abs(given - compared.predictions) / compared.scale).max())
    if not largest <= _TOLERANCE:
        raise RunError(
            f"format '{name}' does not predict what the run predicts: {what} differ by up to {largest:.2g};"
            " nothing was written, leave the format out"
        )
    return largest


def _check_formats(formats: Sequence[str]) -> None:
    require(bool(formats), f"formats must be some of {', '.join(FILES)}, got none")
    for name in formats:
        if name not in FILES:
            raise SpecError(unknown("format", name, FILES))
    require(len(set(formats)) == len(formats), f"formats must be different, got {', '.join(formats)}")
    if "onnx" in formats:
        require_onnx()


def _check_lane(run: RunDirectory, formats: Sequence[str]) -> str:
    """Refuse a format that needs Keras 3 where there is none; say if the run was trained in the other lane."""
    from kit.compat import needs_keras_3, note_other_lane  # noqa: PLC0415 (TensorFlow, after all checks)

    if "keras" in formats:
        others = [name for name in formats if name != "keras"] or ["saved_model"]
        needs_keras_3("format 'keras'", f"give {option('formats', others, typed=','.join(others))}")
    return note_other_lane(run.keras)


def _provenance(run: RunDirectory, name: str, dataset: Dataset, weights: Weights) -> Provenance:
    return Provenance(
        kind="export",
        dataset=dataset.manifest.name,
        fingerprint=dataset.manifest.fingerprint,
        split="validation",
        weights=weights,
        made_by=(name_maker(run, weights_file(run, dataset, weights), name),),
    )


def _default_formats() -> tuple[str, ...]:
    """Return the formats that every TensorFlow writes."""
    from kit.compat import writes_keras_files  # noqa: PLC0415 (TensorFlow)

    return DEFAULT_FORMATS if writes_keras_files() else tuple(name for name in DEFAULT_FORMATS if name != "keras")


def _refuse_others(folder: Path, *, force: bool) -> None:
    """Refuse to replace a folder that is no export of kit's."""
    if force and folder.exists() and not (folder / INFO).is_file():
        raise WorkspaceError(f"{folder} exists and is no export of kit's; move it away, or choose another folder")


def _existing(folder: Path, provenance: Provenance, formats: Sequence[str], *, force: bool) -> Export | None:
    """Return the existing export if it matches the request; None if one has to be written.

    Raises:
        WorkspaceError: Another export exists, or its files were changed, and `force` is not set; or the folder is no
            export of kit's, even with `force`.
    """
    if not folder.exists():
        return None
    _refuse_others(folder, force=force)
    before = None if force else read_provenance(folder)
    if before is not None and not provenance.is_made_like(before):
        raise WorkspaceError(
            f"{folder} holds the {before}; choose another {worded('-o', 'output=')}, or replace it with"
            f" {option('force', True)}"
        )
    info = from_json(folder / INFO, ExportInfo) if before and (folder / INFO).is_file() else None
    if before is None or info is None or set(info.files) != set(formats):
        refuse_overwrite(folder, force=force)
        return None
    refuse_changed(folder, before)
    return Export(folder, info, is_new=False)
