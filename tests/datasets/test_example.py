from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from kit.datasets.example import Feature, decode_example, encode_example
from kit.errors import ShardError

FIELD = descriptor_pb2.FieldDescriptorProto
INT64 = st.integers(-(2**63), 2**63 - 1)
INTEGERS = st.lists(INT64, max_size=9).filter(lambda values: len(values) != 1).map(tuple)  # one is read as an integer
FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9).map(tuple)
FEATURES = st.dictionaries(
    st.text(max_size=20),
    st.one_of(st.binary(max_size=300), st.binary(min_size=1020, max_size=1030), INT64, INTEGERS, FLOATS),
    max_size=12,
)


def _encoded(features: dict[str, Any]) -> bytes:
    return b"".join(encode_example(features))


def _example_class() -> Any:
    """Build tf.train.Example from its published schema (tensorflow/core/example), so that TensorFlow stays out."""
    file = descriptor_pb2.FileDescriptorProto(name="kit_tests_example.proto", package="kit_tests", syntax="proto3")
    for name, value_type in (
        ("BytesList", FIELD.TYPE_BYTES),
        ("FloatList", FIELD.TYPE_FLOAT),
        ("Int64List", FIELD.TYPE_INT64),
    ):
        values = file.message_type.add(name=name).field.add(
            name="value", number=1, label=FIELD.LABEL_REPEATED, type=value_type
        )
        if value_type != FIELD.TYPE_BYTES:
            values.options.packed = True
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("BytesList", "FloatList", "Int64List"), start=1):
        _message(feature, {1: "bytes_list", 2: "float_list", 3: "int64_list"}[number], number, name).oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_STRING)
    _message(entry, "value", 2, "Feature")
    _message(features, "feature", 1, "Features.FeatureEntry").label = FIELD.LABEL_REPEATED
    _message(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kit_tests.Example"))


def _message(holder: Any, name: str, number: int, kind: str) -> Any:
    return holder.field.add(
        name=name,
        number=number,
        label=FIELD.LABEL_OPTIONAL,
        type=FIELD.TYPE_MESSAGE,
        type_name=f".kit_tests.{kind}",
    )


EXAMPLE = _example_class()


def _by_protobuf(features: dict[str, Feature]) -> Any:
    example = EXAMPLE()
    for name, value in features.items():
        feature = example.features.feature[name]
        values = value if isinstance(value, tuple) else (value,)
        kinds = {bytes: feature.bytes_list, int: feature.int64_list, float: feature.float_list}
        kind = kinds[type(values[0])] if values else feature.int64_list
        kind.SetInParent()
        kind.value.extend(values)
    example.features.SetInParent()
    return example


@given(FEATURES)
def test_protobuf_reads_what_was_encoded(features: dict[str, Feature]) -> None:
    parsed = EXAMPLE.FromString(_encoded(features))

    assert _by_protobuf(features) == parsed
    assert set(features) == set(parsed.features.feature)


@given(FEATURES)
def test_what_protobuf_encodes_is_read(features: dict[str, Feature]) -> None:
    assert features == decode_example(_by_protobuf(features).SerializeToString())


@given(FEATURES)
def test_what_was_encoded_is_read_back(features: dict[str, Feature]) -> None:
    assert features == decode_example(_encoded(features))


@given(st.text(), st.one_of(st.binary(max_size=300), INT64, INTEGERS, FLOATS))
def test_bytes_of_a_feature_are_those_of_protobuf(name: str, value: Feature) -> None:
    assert _by_protobuf({name: value}).SerializeToString() == _encoded({name: value})


@given(FEATURES)
def test_bytes_do_not_depend_on_the_order_of_the_features(features: dict[str, Feature]) -> None:
    turned = dict(reversed(features.items()))

    assert _encoded(features) == _encoded(turned)


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, 2**63 - 1, -(2**63)])
def test_integers_at_the_edges_come_back(value: int) -> None:
    encoded = _encoded({"n": value})

    assert decode_example(encoded) == {"n": value}
    assert EXAMPLE.FromString(encoded).features.feature["n"].int64_list.value[:] == [value]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 100_000])
def test_bytes_of_every_length_come_back(length: int) -> None:
    encoded = _encoded({"b": b"\x80" * length})

    assert decode_example(encoded) == {"b": b"\x80" * length}
    assert EXAMPLE.FromString(encoded).features.feature["b"].bytes_list.value[:] == [b"\x80" * length]


def _is_read_or_refused(data: bytes) -> bool:
    try:
        decoded = decode_example(data)
    except ShardError:
        return True
    return isinstance(decoded, dict) and all(isinstance(value, bytes | int | tuple) for value in decoded.values())


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    assert _is_read_or_refused(data)


@given(FEATURES.filter(bool).map(_encoded), st.data())
def test_changed_example_is_read_or_refused_and_nothing_else(encoded: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(encoded) - 1))
    inserted = data.draw(st.binary(max_size=12))
    removed = data.draw(st.integers(0, 4))

    assert _is_read_or_refused(encoded[:place] + inserted + encoded[place + removed :])


@given(FEATURES.filter(bool).map(_encoded), st.data())
def test_example_cut_short_is_refused(encoded: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(1, len(encoded) - 1))

    with pytest.raises(ShardError, match=r"not a tf\.train\.Example"):
        decode_example(encoded[:end])


def test_list_of_one_integer_is_written_and_read_as_the_integer() -> None:
    assert _encoded({"n": (7,)}) == _encoded({"n": 7})
    assert decode_example(_encoded({"n": (7,)})) == {"n": 7}


def test_no_number_among_floats_comes_back() -> None:
    ((_, values),) = decode_example(_encoded({"n": (0.5, float("nan"))})).items()

    assert isinstance(values, tuple)
    assert values[0] == 0.5
    assert math.isnan(values[1])


def test_list_of_several_bytes_is_refused() -> None:
    example = EXAMPLE()
    example.features.feature["images"].bytes_list.value.extend([b"one", b"other"])

    with pytest.raises(ShardError, match=r"not a tf\.train\.Example"):
        decode_example(example.SerializeToString())
