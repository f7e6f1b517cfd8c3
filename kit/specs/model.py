"""Settings of a model: blocks of convolutions or a pretrained backbone, then dense layers."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypeVar

import msgspec

from kit.errors import require

BNPosition = Literal["none", "before", "after"]
Padding = Literal["valid", "same"]
Initializer = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "random_uniform",
    "random_normal",
    "truncated_normal",
]
Rates: TypeAlias = float | tuple[float, ...]
Sides: TypeAlias = int | tuple[int, ...]

Number = TypeVar("Number", int, float)

IMAGENET = "imagenet"


class BackboneSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network of keras.applications in place of the blocks of convolutions.

    Attributes:
        name: Name in keras.applications, such as "VGG19"; empty for blocks of convolutions.
        weights: "imagenet" (Keras downloads them), "none", or the path of a weights file.
        frozen_layers: Number of its first layers that are not trained; None freezes all layers, 0 trains all layers.
        adapter: Conversion of images to its three channels. "conv" learns a convolution (as wide as `ModelSpec.kernel`)
            from any number of channels, with padding and the model's activation; "repeat" copies a grey channel; "none"
            keeps RGB. With "repeat" and "none" pixels are scaled as in the backbone's pretraining.
        bn: Whether batch norm follows the backbone.
    """

    name: str = ""
    weights: str = IMAGENET
    frozen_layers: int | None = None
    adapter: Literal["none", "conv", "repeat"] = "none"
    bn: bool = False

    def __post_init__(self) -> None:
        """Refuse a count below zero, and weights without a name."""
        require(
            self.frozen_layers is None or self.frozen_layers >= 0,
            f"frozen_layers must be 0 or more, got {self.frozen_layers}",
        )
        require(bool(self.weights), "weights must be imagenet, none, or the path of a file")


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Blocks of convolutions with norm, activation, pool and dropout; then dense layers; then one unit per class.

    A setting described as "one number, or one per block" is the same in all blocks if it is one number.

    Attributes:
        filters: Filters of the convolutions of each block; as many blocks as numbers. With `conv_layers`, the number
            of filters of the first block.
        conv_layers: Number of blocks derived from one number of filters F: F, F, 2F, 4F, and so on; 0 uses `filters`
            unchanged.
        convolutions: Number of successive convolutions in each block.
        kernel: Side of every convolution, pixels.
        stride: Stride of every convolution, pixels.
        padding: Padding of the convolutions.
        initializer: Distribution of the convolutions' initial weights; dense layers begin with Glorot & Bengio 2010's
            uniform weights.
        activation: Activation of convolutions and hidden dense layers.
        bn_position: "before" is layer, batch norm, activation (Ioffe & Szegedy 2015, arXiv:1502.03167);
            "after" is layer, activation, batch norm; "none" leaves batch norm out.
        bn_momentum: Share of the moving mean and variance kept at each step.
        bn_epsilon: Number added to the variance before its root is taken.
        bn_synchronized: Whether batch norm computes its statistics over all replicas together; otherwise each replica
            uses those of its smaller batch. Without effect on one replica.
        pool: Side of the max pool at the end of a block, one number, or one per block; 1 leaves it out.
        pool_stride: Stride of the pools, pixels; 0 is the side of the pool.
        pool_padding: Padding of the pools.
        dropout: Share of the values that are dropped in a block, one number, or one per block.
        dropout_position: "pool" drops once per block, after its pool; "activation" drops after each convolution's
            activation, before batch norm if `bn_position` is "after".
        top: Step from features to a vector: "flatten", or "average" over all positions.
        flatten_dropout: Share of that vector's values that is dropped.
        dense: Units of each hidden dense layer; may be empty.
        dense_layers: Number of hidden dense layers of 16 F units each, F being the first block's filters; None uses
            `dense`.
        dense_bn: Whether `bn_position` applies to hidden dense layers too; they have no batch norm otherwise.
        dense_dropout: Share of the values that are dropped after each hidden dense layer, one number, or one per layer;
            None uses `dropout`, which must then be one number.
        dense_l2: Factor of the hidden dense layers' squared weights in the loss.
        backbone: Pretrained network instead of the blocks; the settings of blocks, except `kernel` and `activation`,
            are ignored then.
        head: Last layer, one of those of the dataset's target: "classes", "tags", "cumulative" or "value"; empty for
            the target's default.
    """

    filters: tuple[int, ...] = (32, 64)
    conv_layers: int = 0
    convolutions: int = 1
    kernel: int = 3
    stride: int = 1
    padding: Padding = "valid"
    initializer: Initializer = "glorot_uniform"
    activation: Literal["relu", "elu", "gelu", "tanh"] = "relu"
    bn_position: BNPosition = "before"
    bn_momentum: float = 0.99
    bn_epsilon: float = 0.001
    bn_synchronized: bool = True
    pool: Sides = 3
    pool_stride: int = 0
    pool_padding: Padding = "valid"
    dropout: Rates = 0.0
    dropout_position: Literal["pool", "activation"] = "pool"
    top: Literal["flatten", "average"] = "flatten"
    flatten_dropout: float = 0.0
    dense: tuple[int, ...] = (128,)
    dense_layers: int | None = None
    dense_bn: bool = True
    dense_dropout: Rates | None = None
    dense_l2: float = 0.0
    backbone: BackboneSpec = BackboneSpec()
    head: str = ""

    def __post_init__(self) -> None:
        """Refuse settings that no network can have."""
        require(
            all(width >= 1 for width in (*self.filters, *self.dense)),
            f"filters and dense must be 1 or more, got {self.filters} and {self.dense}",
        )
        require(self.conv_layers >= 0, f"conv_layers must be 0 or more, got {self.conv_layers}")
        require(
            not self.conv_layers or len(self.filters) == 1,
            f"conv_layers={self.conv_layers} grows from one number of filters, got {self.filters}",
        )
        require(
            self.dense_layers is None or (self.dense_layers >= 0 and bool(self.filters)),
            f"dense_layers must be 0 or more, and needs filters; got {self.dense_layers}",
        )
        for name in ("convolutions", "kernel", "stride"):
            require(getattr(self, name) >= 1, f"{name} must be 1 or more, got {getattr(self, name)}")
        require(self.pool_stride >= 0, f"pool_stride must be 0 or more, got {self.pool_stride}")
        require(0 <= self.bn_momentum < 1, f"bn_momentum must be in [0, 1), got {self.bn_momentum}")
        require(self.bn_epsilon > 0, f"bn_epsilon must be above 0, got {self.bn_epsilon}")
        require(self.dense_l2 >= 0, f"dense_l2 must be 0 or more, got {self.dense_l2}")
        require(
            self.dense_dropout is not None or not isinstance(self.dropout, tuple),
            "dense_dropout must be given where dropout differs from block to block",
        )
        self._refuse_uneven()

    def _refuse_uneven(self) -> None:
        blocks, layers = len(self.block_filters), len(self.dense_units)
        for name, values, count, of in (
            ("pool", self.pool, blocks, "blocks"),
            ("dropout", self.dropout, blocks, "blocks"),
            ("dense_dropout", self.dense_dropout, layers, "dense layers"),
            ("flatten_dropout", self.flatten_dropout, 1, "places"),
        ):
            listed = values if isinstance(values, tuple) else (values,)
            if isinstance(values, tuple):
                require(len(values) == count, f"{name} must be one number, or one for each of the {count} {of}")
            if name == "pool":
                require(all(side >= 1 for side in listed if side is not None), f"pool must be 1 or more, got {values}")
            else:
                is_share = all(rate is None or 0 <= rate < 1 for rate in listed)
                require(is_share, f"{name} must be in [0, 1), got {values}")

    @property
    def block_filters(self) -> tuple[int, ...]:
        """Filters of each block."""
        if not self.conv_layers:
            return self.filters
        (first,) = self.filters
        return (first, *(first << index for index in range(self.conv_layers - 1)))

    @property
    def block_pools(self) -> tuple[int, ...]:
        """Side of each block's pool."""
        return _each(self.pool, len(self.block_filters))

    @property
    def block_dropouts(self) -> tuple[float, ...]:
        """Dropout of each block."""
        return _each(self.dropout, len(self.block_filters))

    @property
    def dense_units(self) -> tuple[int, ...]:
        """Units of each hidden dense layer."""
        return self.dense if self.dense_layers is None else (16 * self.filters[0],) * self.dense_layers

    @property
    def dense_dropouts(self) -> tuple[float, ...]:
        """Dropout after each hidden dense layer."""
        rates = self.dropout if self.dense_dropout is None else self.dense_dropout
        return _each(rates, len(self.dense_units))


def _each(values: Number | tuple[Number, ...], count: int) -> tuple[Number, ...]:
    return values if isinstance(values, tuple) else (values,) * count
