"""Keras' loop over epochs for several machines, which its `fit` does not train on; the steps are Keras' own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from kit.compat import keras, tf
from kit.pipeline import BatchShare
from kit.runs import Position
from kit.training.peers import Peers


def fit_with_workers(
    model: Any,
    batches: Any,
    validation: Any,
    *,
    steps: int,
    validation_steps: int,
    begin: Position,
    epochs: int,
    callbacks: Sequence[Any],
    peers: Peers,
) -> None:
    """Train and validate a model on all machines in step.

    Callbacks count the steps of an epoch from where it resumes, as in Keras' `fit`. Every machine continues with the
    chief's figures, so that all decide alike.

    Args:
        model: Compiled model of a tf.distribute.MultiWorkerMirroredStrategy.
        batches: This machine's share of the training batches, endless.
        validation: Validation batches, whole.
        steps: Number of steps of an epoch.
        validation_steps: Number of batches of the validation.
        begin: Position of the model in the training, from which `batches` begin.
        epochs: Number of epochs of the whole training.
        callbacks: Keras callbacks of this machine.
        peers: All machines.
    """
    strategy, worker = model.distribute_strategy, peers.cluster.index
    local, replicas = len(strategy.extended.worker_devices), strategy.num_replicas_in_sync
    own = parts_of_batches(batches, range(local), local)
    own_validation = parts_of_batches(validation.repeat(), range(worker * local, (worker + 1) * local), replicas)
    train = iter(strategy.distribute_datasets_from_function(lambda _: own))
    validated = strategy.distribute_datasets_from_function(lambda _: own_validation)
    train_step, test_step = _step(model.train_step, strategy), _step(model.test_step, strategy)
    heard = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, steps=steps)
    model.stop_training = False
    heard.on_train_begin()
    for epoch in range(begin.epochs, epochs):
        left = steps - begin.steps if epoch == begin.epochs else steps
        heard.set_params({"epochs": epochs, "steps": left, "verbose": 0})
        model.reset_metrics()
        heard.on_epoch_begin(epoch)
        for step in range(left):
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


def parts_of_batches(batches: Any, indices: range, count: int) -> Any:
    """Cut batches as TensorFlow cuts them for the devices of one machine: the last part has what is left.

    Args:
        batches: Dataset (tf.data.Dataset) of tuples of tensors [batch, ...], endless.
        indices: Indices of the parts to take, one after another.
        count: Number of parts of a batch.

    Returns:
        A tf.data.Dataset of parts.
    """

    def parts(*batch: Any) -> Any:
        size = -(-tf.shape(batch[0])[0] // count)
        starts = tf.range(indices.start, indices.stop) * size
        return tf.data.Dataset.from_tensor_slices(starts).map(
            lambda start: tuple(values[start : start + size] for values in batch)
        )

    taken = batches if indices == range(count) == range(1) else batches.flat_map(parts)
    # else all machines ask each other before each step whether one of them is at its end
    return taken.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))


def share_of(peers: Peers) -> BatchShare:
    """Return the share of each batch that this machine takes."""
    return BatchShare(peers.cluster.index, len(peers.cluster.addresses))
