"""Architecture of a model as a list of layers, without TensorFlow, so that its size is known before it is built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kit.errors import SpecError, option
from kit.models.layers import (
    Activation,
    Backbone,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Layer,
    MaxPool,
    Parameters,
    Scaling,
    Shape,
    Top,
)
from kit.specs import ModelSpec
from kit.targets import Head


def plan_layers(spec: ModelSpec, shape: tuple[int, int, int], head: Head) -> list[Layer]:
    """List a model's layers, each with a unique name.

    Args:
        spec: Settings of the model.
        shape: Height, width and channels of its input.
        head: Last layer, which a target chooses.

    Raises:
        SpecError: A kernel or pool is larger than its input, or a backbone cannot take the number of channels.
    """
    features = _backbone(spec, shape) if spec.backbone.name else _blocks(spec, shape)
    return [*features, *_dense(spec), Dense("head", head.units, head.activation, is_shared=head.is_shared)]


def count_parameters(spec: ModelSpec, shape: tuple[int, int, int], head: Head) -> Parameters:
    """Count a model's parameters; see `plan_layers`."""
    counts = [layer.parameters(before) for layer, before in _walk(plan_layers(spec, shape, head), shape)]
    return Parameters(sum(count.total for count in counts), sum(count.trainable for count in counts))


def count_operations(spec: ModelSpec, shape: tuple[int, int, int], head: Head) -> int:
    """Count the multiplications, or operations of the same cost, for one image; see `plan_layers`."""
    return sum(layer.operations(before) for layer, before in _walk(plan_layers(spec, shape, head), shape))


def count_values(spec: ModelSpec, shape: tuple[int, int, int], head: Head) -> int:
    """Count the input and output values of the widest layer for one image: an estimate of the memory."""
    steps = _walk(plan_layers(spec, shape, head), shape)
    return max(layer.values(before) + math.prod(before) for layer, before in steps)


def _walk(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    """Yield each layer with its input shape."""
    for layer in layers:
        yield layer, shape
        shape = layer.output(shape)


def _blocks(spec: ModelSpec, shape: tuple[int, int, int]) -> Iterator[Layer]:
    reached: Shape = shape
    number = 0
    blocks = zip(spec.block_filters, spec.block_pools, spec.block_dropouts, strict=True)
    for block, (filters, side, rate) in enumerate(blocks, start=1):
        for _ in range(spec.convolutions):
            number += 1
            convolution = Convolution(
                f"conv_{number}", filters, spec.kernel, spec.stride, spec.padding, spec.initializer
            )
            _refuse_larger("kernel", spec.kernel if spec.padding == "valid" else 1, block, reached, shape)
            reached = convolution.output(reached)
            yield convolution
            drops = rate if spec.dropout_position == "activation" else 0
            yield from _activated(spec, convolution.name, drops=drops)
        if side > 1:
            pool = MaxPool(f"pool_{block}", side, spec.pool_stride or side, spec.pool_padding)
            _refuse_larger("pool", side if spec.pool_padding == "valid" else 1, block, reached, shape)
            reached = pool.output(reached)
            yield pool
        if rate and spec.dropout_position == "pool":
            yield Dropout(f"dropout_{block}", rate)
    yield Top(spec.top, spec.top == "average")
    if spec.flatten_dropout:
        yield Dropout(f"{spec.top}_dropout", spec.flatten_dropout)


def _activated(spec: ModelSpec, name: str, *, drops: float = 0, has_norm: bool = True) -> Iterator[Layer]:
    """Yield an activation with its dropout, and batch norm before or after both."""
    norm = [_batch_norm(spec, f"{name}_norm")] if has_norm else []
    if spec.bn_position == "before":
        yield from norm
    yield Activation(f"{name}_{spec.activation}", spec.activation)
    if drops:
        yield Dropout(f"{name}_dropout", drops)
    if spec.bn_position == "after":
        yield from norm


def _batch_norm(spec: ModelSpec, name: str) -> BatchNorm:
    return BatchNorm(name, spec.bn_momentum, spec.bn_epsilon, spec.bn_synchronized)


def _dense(spec: ModelSpec) -> Iterator[Layer]:
    for number, (units, rate) in enumerate(zip(spec.dense_units, spec.dense_dropouts, strict=True), start=1):
        name = f"dense_{number}"
        yield Dense(name, units, l2=spec.dense_l2)
        yield from _activated(spec, name, has_norm=spec.dense_bn)
        if rate:
            yield Dropout(f"{name}_dropout", rate)


def _backbone(spec: ModelSpec, shape: tuple[int, int, int]) -> Iterator[Layer]:
    backbone = spec.backbone
    if backbone.adapter == "conv":
        yield Convolution("adapter", 3, spec.kernel, 1, "same", spec.initializer)
        yield Activation(f"adapter_{spec.activation}", spec.activation)
    else:
        needed = 3 if backbone.adapter == "none" else 1
        if shape[2] != needed:
            raise SpecError(
                f"model.backbone.adapter={backbone.adapter} takes images of {needed} channel{'s' * (needed > 1)}, the"
                f" dataset has {shape[2]}; set it to {'repeat or ' * (shape[2] == 1)}conv, or shard with"
                f" {option('channels')}"
            )
        yield Scaling("adapter", backbone.name, backbone.adapter == "repeat")
    yield Backbone("backbone", backbone)
    if backbone.bn:
        yield _batch_norm(spec, "backbone_norm")
    yield Top(spec.top, spec.top == "average")
    if spec.flatten_dropout:
        yield Dropout(f"{spec.top}_dropout", spec.flatten_dropout)


def _refuse_larger(part: str, side: int, block: int, reached: Shape, shape: Shape) -> None:
    if side > min(reached[:2]):
        raise SpecError(
            f"model.{part}={side} does not fit in block {block}, which gets {reached[0]}x{reached[1]} pixels of the"
            f" {shape[0]}x{shape[1]} image; shard larger images, or give fewer blocks or a smaller model.{part}"
        )
