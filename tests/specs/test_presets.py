from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.ablation.arms import plan_arms
from kit.ablation.axis import normalized
from kit.errors import SpecError
from kit.specs import AugmentSpec, override, read_recipe, value_of
from kit.specs.presets import KNOWN

BASE = read_recipe().base


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("none", {}),
        ("d4", {"horizontal_flip": True, "vertical_flip": True, "quarter_turns": True}),
        ("mixup+mirror", {"mixup": 0.2, "horizontal_flip": True}),
        ("affine+none", {"rotation": 15, "shear": 5, "zoom": 0.1, "height_shift": 0.1, "width_shift": 0.1}),
        (
            "cifar10-ladder/augmentation",
            {"horizontal_flip": True, "width_shift": 0.1, "height_shift": 0.1, "rotation": 15},
        ),
        ("histopathologic-cancer", {}),
    ],
)
def test_augmentations_are_known_by_name(name: str, settings: dict[str, object]) -> None:
    base = override(BASE, {"augment.hue": 0.5})

    assert AugmentSpec(**settings) == override(base, {"augment": name}).augment


@given(st.lists(st.sampled_from(sorted(set(KNOWN) - {"shifts"})), unique=True))
def test_a_name_and_what_it_names_are_written_alike(names: list[str]) -> None:
    changed = override(BASE, {"augment": "+".join(names) or "none"})
    name = value_of(changed, "augment")

    assert changed == override(BASE, {"augment": name})
    assert set(name.split("+")) <= {*names, "none"}


def test_a_table_without_a_name_is_the_recipe_s_own() -> None:
    base = override(BASE, {"augment.rotation": 7})

    assert "recipe" == value_of(base, "augment")
    assert base == override(base, {"augment": "recipe"})
    assert base == override(base, {"augment.hue": 0.5, "augment": "recipe"})


def test_names_and_settings_change_one_after_another() -> None:
    assert 9 == override(BASE, {"augment": "affine", "augment.rotation": "9"}).augment.rotation
    assert 15 == override(BASE, {"augment.rotation": "9", "augment": "affine"}).augment.rotation


def test_an_axis_of_augmentations_makes_named_arms() -> None:
    base = override(BASE, {"augment.rotation": 7})
    axis = normalized(kit.parse_axis("augment", "none,recipe,d4+colour,chest-xray-transfer"), base)
    arms = plan_arms([axis], base, "grid")

    assert ["augment=none", "augment=recipe", "augment=d4+colour", "augment=chest-xray-transfer"] == [
        arm.name for arm in arms
    ]
    assert [0, 7, 0, 108] == [override(base, dict(arm.settings)).augment.rotation for arm in arms]
    assert "augment=recipe" == plan_arms([axis], base, "one-at-a-time")[0].name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("d5", r"unknown augmentation 'd5'. Known: .*d4"),
        ("d4+coulour", r"unknown augmentation 'coulour'; did you mean 'colour'"),
        ("cifar10-ladder/augment", r"unknown arm 'augment'; did you mean 'augmentation'"),
        ("own.toml", r"recipe file own.toml does not exist"),
        ("none,recipe", r"augment names a value twice: none and recipe are the same"),
    ],
)
def test_augmentations_that_are_not_known_name_the_nearest(values: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        normalized(kit.parse_axis("augment", values), BASE)
