"""The compiled model of a run: optimizer, loss and metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from kit.compat import averages, build_optimizer, dropout_states, jit_setting, keras, optimizer_variables, tf
from kit.datasets import Dataset
from kit.errors import require
from kit.models.build import build_model
from kit.specs import RunSpec, TrainSpec
from kit.training.check import validating_batch
from kit.training.devices import choose_strategy
from kit.training.losses import make_loss
from kit.training.lr_schedule import first_rate
from kit.training.metrics import make_metrics
from kit.training.optimizers import make_optimizer

_JOINED = 32  # most steps a call: progress, checkpoints and Ctrl-C wait for its end
_JOINED_PIXELS = 1 << 21  # most pixels a call: small networks take about a second for them on a few cores
_KEPT = 8  # cached models of a process, for the arms of its next trials
_SMALL = 1 << 20  # parameters: larger models are not cached; they need memory, and tracing them matters less

_models: dict[tuple[object, ...], Any] = {}


def compiled_model(spec: RunSpec, dataset: Dataset, *, joined: int | None = None) -> Any:
    """Build a run's model on its devices, ready to fit.

    Args:
        spec: Settings of the run.
        dataset: Dataset to train on.
        joined: Number of steps in one call; None for `joined_steps`.
    """
    keras.utils.set_random_seed(spec.seed)
    target, steps = dataset.manifest.target, dataset.full_batches("train", spec.train.batch_size)
    head = target.head(spec.model.head, spec.train.loss)
    strategy = choose_strategy()
    _refuse_replicas(spec, dataset, strategy.num_replicas_in_sync)
    with strategy.scope():
        model = build_model(
            spec.model,
            dataset.shape,
            head,
            seed=spec.seed,
            precision=spec.train.precision,
            is_any_size=bool(spec.train.progressive),
        )
        model.compile(
            optimizer=make_optimizer(spec.train, steps, first_rate(spec.train)),
            loss=make_loss(spec.train, head),
            metrics=make_metrics(spec.train.metrics, target, head, _shown(dataset, spec.train)),
            # a loop of steps in the graph does not run on several CPU devices
            steps_per_execution=(joined or joined_steps(spec, dataset)) if strategy.num_replicas_in_sync == 1 else 1,
            jit_compile=jit_setting(spec.train.jit),
        )
        build_optimizer(model.optimizer, model.trainable_variables)
    return model


@contextlib.contextmanager
def lent_model(spec: RunSpec, dataset: Dataset) -> Iterator[Any]:
    """Yield a run's model, ready to fit, and cache it for the process' next run of the same settings.

    All variables are initialised again from the run's seed, those of the optimizer and dropout too. This saves the time
    in which TensorFlow traces the steps, as long as some epochs of a small model.
    """
    steps, images = dataset.full_batches("train", spec.train.batch_size), _shown(dataset, spec.train)
    settings = (spec.fingerprint, steps, images, spec.model, spec.train)
    model = compiled_model(spec, dataset)
    kept = _models.pop(settings, None)  # cached again only if the run succeeds
    if kept is not None:
        for variable, begun in zip(_variables(kept), _variables(model), strict=True):
            variable.assign(begun)
        model = kept
    yield model
    if model.count_params() <= _SMALL:
        _models[settings] = model
        while len(_models) > _KEPT:
            del _models[next(iter(_models))]


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *dropout_states(model), *optimizer_variables(model.optimizer)]


def _refuse_replicas(spec: RunSpec, dataset: Dataset, replicas: int) -> None:
    """Refuse batches that devices cannot share equally: the means of unequal parts would have equal weights.

    Raises:
        SpecError: The batch size does not divide by the devices, or XLA is requested where it does not work.
    """
    batch = spec.train.batch_size
    left = batch % replicas
    require(
        left == 0,
        f"train.batch_size={batch} does not divide by {replicas} devices;"
        f" take {f'{batch - left} or ' if batch > left else ''}{batch - left + replicas}",
    )
    validating_batch(spec.model, dataset, replicas)
    require(
        spec.train.jit != "on" or (replicas == 1 and bool(tf.config.list_logical_devices("GPU"))),
        "train.jit=on needs one GPU: on CPUs operations are deterministic, which XLA's are not; leave it at auto",
    )


def joined_steps(spec: RunSpec, dataset: Dataset) -> int:
    """Choose the number of steps in one call: between calls TensorFlow waits for Python.

    An epoch consists of whole calls, because Keras would take further steps to fill the last one. Long steps are calls
    of their own. The results do not depend on it.
    """
    steps = dataset.full_batches("train", spec.train.batch_size)
    height, width, _ = dataset.shape
    most = max(1, min(steps, _JOINED, _JOINED_PIXELS // (spec.train.batch_size * height * width)))
    return next(count for count in range(most, 0, -1) if steps % count == 0)


def _shown(dataset: Dataset, spec: TrainSpec) -> int:
    """Return the number of images in the larger of train and validation epochs."""
    trained = spec.batch_size * dataset.full_batches("train", spec.batch_size)
    return max(trained, dataset.manifest.records("validation"))


@contextlib.contextmanager
def averaged(model: Any) -> Iterator[bool]:
    """Replace the weights by their moving average within a block, if the optimizer keeps one.

    Yields whether it does.
    """
    kept = averages(model.optimizer, model.trainable_variables)
    if kept is None:
        yield False
        return
    _swap(model.trainable_variables, kept)
    try:
        yield True
    finally:
        _swap(model.trainable_variables, kept)


def _swap(weights: Sequence[Any], averages: Sequence[Any]) -> None:
    for weight, average in zip(weights, averages, strict=True):
        kept = weight.numpy()
        weight.assign(average)
        average.assign(kept)
