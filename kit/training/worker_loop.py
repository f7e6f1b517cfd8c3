"""Keras' loop over epochs for several machines, which its `fit` does not train on; the steps are Keras' own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from kit.compat import keras, tf
from kit.pipeline import Share
from kit.training.peers import Peers


def fit_with_workers(
    model: Any,
    batches: Any,
    validation: Any,
    *,
    steps: int,
    validation_steps: int,
    epochs: range,
    callbacks: Sequence[Any],
    peers: Peers,
) -> None:
    """Train and validate a model on all machines in step.

    Every machine goes on with the chief's figures, so that all decide alike.

    Args:
        model: Compiled model of a tf.distribute.MultiWorkerMirroredStrategy.
        batches: This machine's share of the training batches, endless.
        validation: Validation batches, whole.
        steps: Number of steps of an epoch.
        validation_steps: Number of batches of the validation.
        epochs: Indices of the epochs to train.
        callbacks: Keras callbacks of this machine.
        peers: All machines.
    """
    strategy = model.distribute_strategy
    train = iter(strategy.distribute_datasets_from_function(lambda _: local_parts(batches, strategy)))
    validated = strategy.distribute_datasets_from_function(
        lambda context: validation_parts(validation, context.input_pipeline_id, strategy)
    )
    train_step, test_step = _step(model.train_step, strategy), _step(model.test_step, strategy)
    heard = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs.stop, steps=steps)
    model.stop_training = False
    heard.on_train_begin()
    for epoch in epochs:
        model.reset_metrics()
        heard.on_epoch_begin(epoch)
        for step in range(steps):
            heard.on_train_batch_begin(step)
            train_step(train)
            heard.on_train_batch_end(step)
        logs = _figures(model)
        model.reset_metrics()
        heard.on_test_begin()
        passing = iter(validated)
        for _ in range(validation_steps):
            test_step(passing)
        logs |= {f"val_{name}": value for name, value in _figures(model).items()}
        heard.on_test_end()
        logs = json.loads(peers.told(json.dumps(logs)))
        heard.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    heard.on_train_end()


def _step(step: Callable[[Any], Any], strategy: Any) -> Callable[[Any], None]:
    """Compile a step of all devices; what it returns, the metrics so far, is not asked for in each step."""

    @tf.function  # type: ignore[untyped-decorator]
    def compiled(iterator: Any) -> None:
        strategy.run(step, args=(next(iterator),))

    return compiled  # type: ignore[no-any-return]


def _figures(model: Any) -> dict[str, float]:
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def local_parts(batches: Any, strategy: Any) -> Any:
    """Cut a machine's batches into the parts of its devices, one after another."""
    local = len(strategy.extended.worker_devices)
    parts = batches if local == 1 else batches.flat_map(lambda *batch: _parts_of(batch, range(local), local))
    return _endless(parts)


def validation_parts(batches: Any, worker: int, strategy: Any) -> Any:
    """Cut whole batches into the parts of a machine's devices, as TensorFlow cuts them for devices of one machine."""
    local = len(strategy.extended.worker_devices)
    own = range(worker * local, (worker + 1) * local)
    return _endless(batches.flat_map(lambda *batch: _parts_of(batch, own, strategy.num_replicas_in_sync)))


def _parts_of(batch: tuple[Any, ...], indices: range, count: int) -> Any:
    """Make a dataset of some of `count` parts of a batch; the last part has what is left."""
    size = -(-tf.shape(batch[0])[0] // count)
    parts = tf.data.Dataset.range(indices.start, indices.stop)
    return parts.map(lambda index: tuple(values[tf.cast(index, tf.int32) * size :][:size] for values in batch))


def _endless(parts: Any) -> Any:
    """Say that a dataset does not end: else all machines ask each other before each step whether it has."""
    return parts.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))


def share_of(peers: Peers) -> Share:
    """Return the share of each batch that this machine takes."""
    return Share(peers.cluster.index, len(peers.cluster.addresses))
