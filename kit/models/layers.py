"""Layers with their shapes, parameters and operations, without TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from kit.specs.model import BackboneSpec, Initializer, Padding

Shape: TypeAlias = tuple[int, ...]


class Parameters(NamedTuple):
    """Numbers of parameters.

    Attributes:
        total: Number of all parameters.
        trainable: Number of parameters that the optimizer changes.
    """

    total: int
    trainable: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer; by default it keeps the shape and has no parameters.

    Attributes:
        name: Unique name in the model, which seeds the initial weights.
    """

    name: str

    def output(self, shape: Shape) -> Shape:
        """Compute the output shape for an input of `shape`: height, width and channels, or units."""
        return shape

    def parameters(self, shape: Shape) -> Parameters:
        """Count its weights."""
        del shape
        return Parameters(0, 0)

    def operations(self, shape: Shape) -> int:
        """Count the multiplications, or operations of the same cost, for one image."""
        return math.prod(self.output(shape))

    def values(self, shape: Shape) -> int:
        """Count the output values for one image."""
        return math.prod(self.output(shape))


@dataclass(frozen=True, slots=True)
class Convolution(Layer):
    """A square convolution with a bias.

    Attributes:
        filters: Number of output channels.
        kernel: Side of the kernel, pixels.
        stride: Stride, pixels.
        padding: Keras' "valid" or "same".
        initializer: Distribution of the initial weights.
    """

    filters: int
    kernel: int
    stride: int
    padding: Padding
    initializer: Initializer

    def output(self, shape: Shape) -> Shape:
        """Compute height, width and filters."""
        return *(_steps(side, self.kernel, self.stride, self.padding) for side in shape[:2]), self.filters

    def parameters(self, shape: Shape) -> Parameters:
        """Count weights and biases."""
        return _all(self.kernel**2 * shape[-1] * self.filters + self.filters)

    def operations(self, shape: Shape) -> int:
        """Count every weight at every position."""
        return math.prod(self.output(shape)) * self.kernel**2 * shape[-1]


@dataclass(frozen=True, slots=True)
class BatchNorm(Layer):
    """Batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167).

    Attributes:
        momentum: Share of the moving mean and variance kept at each step.
        epsilon: Number added to the variance before its root is taken.
        is_synchronized: Whether statistics are computed over all replicas together.
    """

    momentum: float
    epsilon: float
    is_synchronized: bool

    def parameters(self, shape: Shape) -> Parameters:
        """Count scales and offsets, and the moving means and variances, which are not trainable."""
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
        """Compute height, width and channels."""
        return *(_steps(side, self.side, self.stride, self.padding) for side in shape[:2]), shape[-1]

    def operations(self, shape: Shape) -> int:
        """Count the values in all windows."""
        return math.prod(self.output(shape)) * self.side**2


@dataclass(frozen=True, slots=True)
class Dropout(Layer):
    """Dropout (Srivastava et al. 2014, JMLR 15)."""

    rate: float


@dataclass(frozen=True, slots=True)
class Top(Layer):
    """Conversion of a feature map to a vector: global average pooling or flattening."""

    is_average: bool

    def output(self, shape: Shape) -> Shape:
        """Compute the vector's length."""
        return (shape[-1] if self.is_average else math.prod(shape),)


@dataclass(frozen=True, slots=True)
class Dense(Layer):
    """A fully connected layer with a bias.

    Attributes:
        units: Number of units.
        activation: Activation; None for none.
        l2: Factor of the squared weights in the loss.
        is_shared: Whether all units share their weights and differ in their biases.
    """

    units: int
    activation: str | None = None
    l2: float = 0.0
    is_shared: bool = False

    def output(self, shape: Shape) -> Shape:
        """Compute the units."""
        del shape
        return (self.units,)

    def parameters(self, shape: Shape) -> Parameters:
        """Count weights and biases."""
        return _all(self.operations(shape) + self.units)

    def operations(self, shape: Shape) -> int:
        """Count every weight."""
        return shape[-1] * (1 if self.is_shared else self.units)


@dataclass(frozen=True, slots=True)
class Scaling(Layer):
    """Conversion of images to a backbone's three channels, scaled as in its pretraining.

    Attributes:
        backbone: Name in keras.applications.
        is_repeated: Whether a grey channel is repeated three times.
    """

    backbone: str
    is_repeated: bool

    def output(self, shape: Shape) -> Shape:
        """Compute height, width and three channels."""
        return *shape[:2], 3


@dataclass(frozen=True, slots=True)
class Backbone(Layer):
    """A network of keras.applications; its shapes and parameters are computed by Keras.

    Attributes:
        spec: Network, weights and frozen layers.
    """

    spec: BackboneSpec

    def output(self, shape: Shape) -> Shape:
        """Compute height, width and channels."""
        from kit.models.backbone import backbone_output  # noqa: PLC0415 (TensorFlow)

        return backbone_output(self.spec.name, shape)

    def parameters(self, shape: Shape) -> Parameters:
        """Count all parameters, and those of layers that are not frozen."""
        from kit.models.backbone import backbone_parameters  # noqa: PLC0415 (TensorFlow)

        return Parameters(*backbone_parameters(self.spec.name, shape, self.spec.frozen_layers))

    def operations(self, shape: Shape) -> int:
        """Count every parameter at every position of the output: an estimate."""
        return self.parameters(shape).total * math.prod(self.output(shape)[:2])

    def values(self, shape: Shape) -> int:
        """Count 64 channels at every position, as in the first layers of VGG and ResNet: an estimate."""
        return 2 * 64 * math.prod(shape[:2])


def _steps(side: int, window: int, stride: int, padding: Padding) -> int:
    """Count the positions of a window along a side."""
    return math.ceil((side if padding == "same" else side - window + 1) / stride)


def _all(count: int) -> Parameters:
    return Parameters(count, count)
