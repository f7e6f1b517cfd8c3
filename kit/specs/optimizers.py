"""Optimizers that `train.optimizer` can name: one entry each, without TensorFlow; Addons' come from their table.

A new optimizer is one more entry in `OWN`: `kit.training.optimizers` makes it from there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec

from kit.errors import SpecError, require, unknown
from kit.specs.addons import PREFIX, Addon, ArgumentType, addons, find_addon
from kit.specs.named import parse_named
from kit.specs.named_arguments import Takes

ADDONS = "tensorflow_addons"
"""Package of the optimizers whose names begin with `PREFIX`."""


class OptimizerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An optimizer that settings can name.

    Attributes:
        name: Name in settings.
        made_by: Dotted path of its class, in Keras, in `kit.optimizers` or in TensorFlow Addons.
        arguments: Arguments that `train.optimizer_args` gives, with their types.
        settings: Arguments that settings of their own give: the argument, and the field of `TrainSpec`.
        choices: Texts that an argument may be, by its name.
        inside_addons: Dotted path of its class within Addons' wrappers, which take optimizers of before Keras 2.11;
            empty if there is none.
        addon: Name of Addons' own in the Addons lane, where it does not run; empty if it runs in both lanes.
        has_rate: Whether it has a learning rate, or the optimizer that it goes around has.
        takes_ema: Whether it can keep the moving average of `train.ema`.
        wraps: Whether it goes around another optimizer.
    """

    name: str
    made_by: str
    arguments: Mapping[str, ArgumentType] = {}
    settings: Mapping[str, str] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    inside_addons: str = ""
    addon: str = ""
    has_rate: bool = True
    takes_ema: bool = True
    wraps: bool = False

    @property
    def is_of_addons(self) -> bool:
        """Whether it is one of TensorFlow Addons."""
        return self.name.startswith(PREFIX)

    @property
    def is_made_by_addons(self) -> bool:
        """Whether its class is one of TensorFlow Addons, as that of adamw is within Addons' wrappers."""
        return self.made_by.startswith(ADDONS)

    @property
    def takes(self) -> Takes:
        """Arguments that it takes, for checks."""
        return Takes(self.name, self.arguments, self.settings, self.choices)


def _numbers(*names: str) -> dict[str, ArgumentType]:
    return dict.fromkeys(names, "number")


_KERAS = "keras.optimizers"
_LEGACY = f"{_KERAS}.legacy"
_KIT = "kit.optimizers"
_BETAS = _numbers("beta_1", "beta_2", "epsilon")
_CLIPS = _numbers("clipnorm", "clipvalue", "global_clipnorm")
COMMON = {**_CLIPS, **_numbers("weight_decay")}
"""Arguments of every optimizer of Keras."""

_AMSGRAD: dict[str, ArgumentType] = {"amsgrad": "boolean"}
_RECTIFIED: dict[str, ArgumentType] = {
    **_numbers("sma_threshold", "warmup_proportion", "min_lr"),
    "total_steps": "integer",
}

OWN: tuple[OptimizerEntry, ...] = (
    OptimizerEntry(
        name="adabelief",
        made_by=f"{_KIT}.AdaBelief",
        arguments={**_BETAS, **_AMSGRAD, "rectify": "boolean", **_RECTIFIED, **COMMON},
        addon="AdaBelief",
    ),
    OptimizerEntry(
        name="adadelta",
        made_by=f"{_KERAS}.Adadelta",
        arguments={**_numbers("rho", "epsilon"), **COMMON},
        inside_addons=f"{_LEGACY}.Adadelta",
    ),
    OptimizerEntry(
        name="adafactor",
        made_by=f"{_KERAS}.Adafactor",
        arguments={
            **_numbers("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold"),
            "relative_step": "boolean",
            **COMMON,
        },
    ),
    OptimizerEntry(
        name="adagrad",
        made_by=f"{_KERAS}.Adagrad",
        arguments={**_numbers("initial_accumulator_value", "epsilon"), **COMMON},
        inside_addons=f"{_LEGACY}.Adagrad",
    ),
    OptimizerEntry(
        name="adam",
        made_by=f"{_KERAS}.Adam",
        arguments={**_BETAS, **_AMSGRAD, **COMMON},
        inside_addons=f"{_LEGACY}.Adam",
    ),
    OptimizerEntry(
        name="adamax",
        made_by=f"{_KERAS}.Adamax",
        arguments={**_BETAS, **COMMON},
        inside_addons=f"{_LEGACY}.Adamax",
    ),
    OptimizerEntry(
        name="adamw",
        made_by=f"{_KERAS}.AdamW",
        arguments={**_BETAS, **_AMSGRAD, **_CLIPS},
        settings={"weight_decay": "weight_decay"},
        inside_addons=f"{ADDONS}.optimizers.AdamW",
    ),
    OptimizerEntry(
        name="cocob", made_by=f"{_KIT}.COCOB", arguments={"alpha": "number", **COMMON}, addon="COCOB", has_rate=False
    ),
    OptimizerEntry(
        name="ftrl",
        made_by=f"{_KERAS}.Ftrl",
        arguments={
            **_numbers("learning_rate_power", "initial_accumulator_value", "beta", "l1_regularization_strength"),
            **_numbers("l2_regularization_strength", "l2_shrinkage_regularization_strength"),
            **COMMON,
        },
        inside_addons=f"{_LEGACY}.Ftrl",
    ),
    OptimizerEntry(name="lamb", made_by=f"{_KERAS}.Lamb", arguments={**_BETAS, **COMMON}, addon="LAMB"),
    OptimizerEntry(name="lion", made_by=f"{_KERAS}.Lion", arguments={**_numbers("beta_1", "beta_2"), **COMMON}),
    OptimizerEntry(
        name="lookahead",
        made_by=f"{_KIT}.Lookahead",
        arguments={"sync_period": "integer", "slow_step_size": "number"},
        addon="Lookahead",
        wraps=True,
    ),
    OptimizerEntry(
        name="nadam",
        made_by=f"{_KERAS}.Nadam",
        arguments={**_BETAS, **COMMON},
        inside_addons=f"{_LEGACY}.Nadam",
    ),
    OptimizerEntry(
        name="novograd",
        made_by=f"{_KIT}.NovoGrad",
        arguments={**_BETAS, **_AMSGRAD, "grad_averaging": "boolean", **COMMON},
        addon="NovoGrad",
    ),
    OptimizerEntry(
        name="rectified_adam",
        made_by=f"{_KIT}.RectifiedAdam",
        arguments={**_BETAS, **_AMSGRAD, **_RECTIFIED, **COMMON},
        addon="RectifiedAdam",
    ),
    OptimizerEntry(
        name="rmsprop",
        made_by=f"{_KERAS}.RMSprop",
        arguments={**_numbers("rho", "momentum", "epsilon"), "centered": "boolean", **COMMON},
        inside_addons=f"{_LEGACY}.RMSprop",
    ),
    OptimizerEntry(
        name="sgd",
        made_by=f"{_KERAS}.SGD",
        arguments={"nesterov": "boolean", **COMMON},
        settings={"momentum": "momentum"},
        inside_addons=f"{_LEGACY}.SGD",
    ),
    OptimizerEntry(
        name="swa",
        made_by=f"{_KIT}.SWA",
        arguments={"start_averaging": "integer", "average_period": "integer"},
        addon="SWA",
        takes_ema=False,
        wraps=True,
    ),
    OptimizerEntry(
        name="yogi",
        made_by=f"{_KIT}.Yogi",
        arguments={
            **_BETAS,
            **_numbers("l1_regularization_strength", "l2_regularization_strength", "initial_accumulator_value"),
            "activation": "text",
            **COMMON,
        },
        choices={"activation": ("sign", "tanh")},
        addon="Yogi",
    ),
)

_ADDONS_SETTINGS = {  # arguments that have settings of their own: those of adamw and sgd
    "AdamW": {"weight_decay": "weight_decay"},
    "SGDW": {"weight_decay": "weight_decay", "momentum": "momentum"},
}


@functools.cache
def optimizer_entries() -> Mapping[str, OptimizerEntry]:
    """List all optimizers by name: kit's and Keras' first, then those of TensorFlow Addons."""
    own = {entry.name: entry for entry in OWN}
    return own | {f"{PREFIX}{one.name}": _of_addons(one) for one in addons("optimizer") if not one.reason}


def _of_addons(addon: Addon) -> OptimizerEntry:
    settings = _ADDONS_SETTINGS.get(addon.name, {})
    return OptimizerEntry(
        name=f"{PREFIX}{addon.name}",
        made_by=f"{ADDONS}.{addon.module}.{addon.name}",
        arguments={name: kind for name, kind in addon.arguments.items() if name not in settings},
        settings=settings,
        choices=addon.choices,
        has_rate=addon.learning_rate or addon.wraps,
        takes_ema=False,
        wraps=addon.wraps,
    )


def in_addons(text: str) -> str:
    """Write an optimizer by the names of TensorFlow Addons, where it has them.

    >>> in_addons("lookahead(adamw)")
    'addons/Lookahead(adamw)'
    """
    own = {entry.name: f"{PREFIX}{entry.addon}" for entry in OWN if entry.addon}
    return _renamed(text, own)


def out_of_addons(text: str) -> str:
    """Write an optimizer of TensorFlow Addons by kit's names; empty where one has none.

    >>> out_of_addons("addons/Lookahead(addons/RectifiedAdam)")
    'lookahead(rectified_adam)'
    """
    theirs = {f"{PREFIX}{entry.addon}": entry.name for entry in OWN if entry.addon}
    renamed = _renamed(text, theirs)
    return "" if PREFIX in renamed else renamed


def _renamed(text: str, names: Mapping[str, str]) -> str:
    *outer, last = (names.get(name, name) for name in parse_named(text).names)
    return "".join(f"{name}(" for name in outer) + last + ")" * len(outer)


@functools.cache
def find_optimizer(text: str) -> tuple[OptimizerEntry, ...]:
    """Find an optimizer by its name, and those that it goes around.

    Args:
        text: Name as in `train.optimizer`, such as "lookahead(adamw)".

    Returns:
        Entries, the outermost first; within Addons' wrappers those of the classes that they take.

    Raises:
        SpecError: A name is unknown, with the nearest known one, or the names do not fit into each other.
    """
    outer, *inner = (_find(name) for name in parse_named(text).names)
    entries = (outer, *(_within(outer, one) for one in inner))
    for one in entries[:-1]:
        require(one.wraps, f"optimizer {one.name} goes around no other one, got '{text}'")
    last = entries[-1]
    require(not last.wraps, f"optimizer {last.name} goes around another one, as in {last.name}(adam); got '{text}'")
    return entries


def _find(name: str) -> OptimizerEntry:
    if name.startswith(PREFIX):
        addon = find_addon("optimizer", name.removeprefix(PREFIX))
        require(not addon.reason, f"kit does not take optimizer {name}: {addon.reason}")
    known = optimizer_entries()
    if name not in known:
        near = [theirs] if (theirs := f"{PREFIX}{name}") in known else []
        raise SpecError(unknown("optimizer", name, [*near, *(entry.name for entry in OWN)]))
    return known[name]


def _within(outer: OptimizerEntry, inner: OptimizerEntry) -> OptimizerEntry:
    """Return an optimizer as a wrapper takes it; Addons' wrappers read the learning rate of a single inner one.

    Raises:
        SpecError: The wrapper takes no such optimizer.
    """
    if not outer.is_of_addons:
        require(not inner.is_of_addons, f"optimizer {outer.name} goes around optimizers of Keras 3, not {inner.name}")
        return inner
    if inner.is_of_addons:
        require(not inner.wraps, f"optimizer {outer.name} goes around no other wrapper, got {inner.name}")
        return inner
    if not inner.inside_addons:
        known = ", ".join(entry.name for entry in OWN if entry.inside_addons)
        raise SpecError(f"optimizer {outer.name} goes around {known} or one of Addons, not {inner.name}")
    kept = {name: kind for name, kind in inner.arguments.items() if name not in COMMON}  # a wrapper ignores the others
    return msgspec.structs.replace(inner, made_by=inner.inside_addons, arguments=kept)
