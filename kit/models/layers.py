"""ModelSpec as a list of layers with shapes and parameters: pure, so that a model is known before it is built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from kit.errors import SpecError
from kit.specs import ModelSpec
from kit.specs.model import Initializer, Padding

Shape: TypeAlias = tuple[int, ...]


class Parameters(NamedTuple):
    """Numbers that a model holds.

    Attributes:
        total: of them.
        trainable: that the optimizer changes.
    """

    total: int
    trainable: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that keeps the shape and has no parameters, unless it says otherwise.

    Attributes:
        name: unique in the model; initial weights follow from it.
    """

    name: str

    def output(self, shape: Shape) -> Shape:
        """Shape that leaves it, where `shape` (height, width and channels, or units) reaches it."""
        return shape

    def parameters(self, shape: Shape) -> Parameters:
        """Count its weights."""
        del shape
        return Parameters(0, 0)

    def operations(self, shape: Shape) -> int:
        """Count the multiplications, or what costs as much, for one image."""
        return math.prod(self.output(shape))

    def values(self, shape: Shape) -> int:
        """Count the values that leave it for one image."""
        return math.prod(self.output(shape))


@dataclass(frozen=True, slots=True)
class Convolution(Layer):
    """A square convolution with a bias."""

    filters: int
    kernel: int
    stride: int
    padding: Padding
    initializer: Initializer

    def output(self, shape: Shape) -> Shape:
        """Places by filters."""
        return *(_steps(side, self.kernel, self.stride, self.padding) for side in shape[:2]), self.filters

    def parameters(self, shape: Shape) -> Parameters:
        """Count weights and biases."""
        return _all(self.kernel**2 * shape[-1] * self.filters + self.filters)

    def operations(self, shape: Shape) -> int:
        """Count every weight at every place."""
        return math.prod(self.output(shape)) * self.kernel**2 * shape[-1]


@dataclass(frozen=True, slots=True)
class Norm(Layer):
    """Batch norm."""

    def parameters(self, shape: Shape) -> Parameters:
        """Count scales and offsets, and the moving means and variances, which the optimizer leaves alone."""
        return Parameters(4 * shape[-1], 2 * shape[-1])


@dataclass(frozen=True, slots=True)
class Activation(Layer):
    """An activation."""

    kind: str


@dataclass(frozen=True, slots=True)
class MaxPool(Layer):
    """A square max pool."""

    side: int
    stride: int
    padding: Padding

    def output(self, shape: Shape) -> Shape:
        """Places by channels."""
        return *(_steps(side, self.side, self.stride, self.padding) for side in shape[:2]), shape[-1]

    def operations(self, shape: Shape) -> int:
        """Count the values that each place looks at."""
        return math.prod(self.output(shape)) * self.side**2


@dataclass(frozen=True, slots=True)
class Dropout(Layer):
    """Drops values while training (Srivastava et al. 2014, JMLR 15)."""

    rate: float


@dataclass(frozen=True, slots=True)
class Top(Layer):
    """Makes a vector of what the places hold."""

    is_average: bool

    def output(self, shape: Shape) -> Shape:
        """Count of values."""
        return (shape[-1] if self.is_average else math.prod(shape),)


@dataclass(frozen=True, slots=True)
class Dense(Layer):
    """A fully connected layer with a bias."""

    units: int
    activation: str | None = None
    l2: float = 0.0

    def output(self, shape: Shape) -> Shape:
        """Its units."""
        del shape
        return (self.units,)

    def parameters(self, shape: Shape) -> Parameters:
        """Count weights and biases."""
        return _all(shape[-1] * self.units + self.units)

    def operations(self, shape: Shape) -> int:
        """Count every weight."""
        return shape[-1] * self.units


@dataclass(frozen=True, slots=True)
class Scaling(Layer):
    """Gives a backbone three channels, scaled as its authors scaled theirs.

    Attributes:
        backbone: its name.
        is_repeated: whether one grey channel becomes all three.
    """

    backbone: str
    is_repeated: bool

    def output(self, shape: Shape) -> Shape:
        """Three channels."""
        return *shape[:2], 3


@dataclass(frozen=True, slots=True)
class Backbone(Layer):
    """A network of keras.applications; only Keras knows its shapes and parameters, and is asked for them."""

    network: str
    weights: str
    frozen_layers: int | None

    def output(self, shape: Shape) -> Shape:
        """Places by channels."""
        from kit.models.backbone import backbone_output  # noqa: PLC0415 (TensorFlow)

        return backbone_output(self.network, shape)

    def parameters(self, shape: Shape) -> Parameters:
        """Count all, and those of layers that are not frozen."""
        from kit.models.backbone import backbone_parameters  # noqa: PLC0415 (TensorFlow)

        return Parameters(*backbone_parameters(self.network, shape, self.frozen_layers))

    def operations(self, shape: Shape) -> int:
        """Count every parameter at every place that leaves it: an estimate."""
        return self.parameters(shape).total * math.prod(self.output(shape)[:2])

    def values(self, shape: Shape) -> int:
        """Count its first layers' 64 channels at every place, as VGG and ResNet have them: an estimate."""
        return 2 * 64 * math.prod(shape[:2])


def plan_layers(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """List a model's layers, each with a name of its own.

    Args:
        spec: of the model.
        shape: height, width and channels of its input.
        classes: 2 give one sigmoid unit for the second class; more give a softmax over all.

    Raises:
        SpecError: a kernel or pool is larger than the image that reaches it, or channels that a backbone cannot take.
    """
    features = _backbone(spec, shape) if spec.backbone.name else _blocks(spec, shape)
    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")  # noqa: PLR2004 (binary)
    return [*features, *_dense(spec), Dense("head", units, activation)]


def count_parameters(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> Parameters:
    """Count a model's parameters; see `plan_layers`."""
    counts = [layer.parameters(before) for layer, before in _walk(plan_layers(spec, shape, classes), shape)]
    return Parameters(sum(count.total for count in counts), sum(count.trainable for count in counts))


def count_operations(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> int:
    """Count the multiplications, or what costs as much, of one image's way through a model; see `plan_layers`."""
    return sum(layer.operations(before) for layer, before in _walk(plan_layers(spec, shape, classes), shape))


def count_values(spec: ModelSpec, shape: tuple[int, int, int], classes: int) -> int:
    """Count the values that one image takes where most of them stand: before and behind the widest layer."""
    steps = _walk(plan_layers(spec, shape, classes), shape)
    return max(layer.values(before) + math.prod(before) for layer, before in steps)


def _walk(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    """Yield each layer with the shape that reaches it."""
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
    """Activation with its dropout, and batch norm on the side of both that the spec names."""
    norm = [Norm(f"{name}_norm")] if has_norm else []
    if spec.bn_position == "before":
        yield from norm
    yield Activation(f"{name}_{spec.activation}", spec.activation)
    if drops:
        yield Dropout(f"{name}_dropout", drops)
    if spec.bn_position == "after":
        yield from norm


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
                f" dataset has {shape[2]}; set it to {'repeat or ' * (shape[2] == 1)}conv, or shard with --channels"
            )
        yield Scaling("adapter", backbone.name, backbone.adapter == "repeat")
    yield Backbone("backbone", backbone.name, backbone.weights, backbone.frozen_layers)
    if backbone.bn:
        yield Norm("backbone_norm")
    yield Top(spec.top, spec.top == "average")
    if spec.flatten_dropout:
        yield Dropout(f"{spec.top}_dropout", spec.flatten_dropout)


def _refuse_larger(part: str, side: int, block: int, reached: Shape, shape: Shape) -> None:
    if side > min(reached[:2]):
        raise SpecError(
            f"model.{part}={side} does not fit in block {block}, which gets {reached[0]}x{reached[1]} pixels of the"
            f" {shape[0]}x{shape[1]} image; shard larger images, or give fewer blocks or a smaller model.{part}"
        )


def _steps(side: int, window: int, stride: int, padding: Padding) -> int:
    """Count the places of a window along a side."""
    return math.ceil((side if padding == "same" else side - window + 1) / stride)


def _all(count: int) -> Parameters:
    return Parameters(count, count)
