"""Labels of every kind of target, drawn at random: a new kind needs a strategy here, and its contract is tested."""

from __future__ import annotations

from hypothesis import strategies as st

from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=4), min_size=2, max_size=6, unique=True).map(tuple)
NUMBERS = st.floats(-1e6, 1e6, width=32)


@st.composite
def _classes(draw: st.DrawFn) -> tuple[Target, list[str]]:
    target = Classes(names=tuple(sorted(draw(NAMES))))
    return target, draw(st.lists(st.sampled_from(target.names), min_size=1, max_size=20))


@st.composite
def _grades(draw: st.DrawFn) -> tuple[Target, list[str]]:
    target = Grades(names=draw(NAMES))
    return target, draw(st.lists(st.sampled_from(target.names), min_size=1, max_size=20))


@st.composite
def _tags(draw: st.DrawFn) -> tuple[Target, list[str]]:
    separator = draw(st.sampled_from([" ", "|", ", ", ";"]))
    target = Tags(names=draw(NAMES), separator=separator, no_tag=draw(st.sampled_from(["", "NONE"])))
    chosen = draw(st.lists(st.sets(st.sampled_from(target.names)), min_size=1, max_size=20))
    return target, [target.join(name for name in target.names if name in names) for names in chosen]


@st.composite
def values(draw: st.DrawFn) -> tuple[Target, list[str]]:
    count = draw(st.integers(1, 3))
    rows = draw(st.lists(st.tuples(*[NUMBERS] * count), min_size=1, max_size=20))
    labels = [" ".join(f"{value:.9g}" for value in row) for row in rows]
    return Values.of([f"value {index}" for index in range(count)], labels), labels


LABELLED = {"classes": _classes(), "grades": _grades(), "tags": _tags(), "values": values()}
ANY = st.one_of(*LABELLED.values())
