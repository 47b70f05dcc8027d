from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceward.core.errors import IntegrityError, UsageError
from faceward.protection.codec import Binding, SealedBlob, encode
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import SealedScheme, open_record, seal, seal_record, unseal

if TYPE_CHECKING:
    from faceward.protection.sealed import ExactIndex

KEY = b"k" * 32
BINDING = Binding("features", "a" * 32, "b" * 32, "staff", "pack", "doors")
OPENER = SubjectKey(KEY, BINDING)
RECORD = SubjectKey(KEY, replace(BINDING, kind="record"))


def _no_index(dimension: int) -> ExactIndex:
    raise AssertionError(dimension)


SCHEME = SealedScheme(_no_index)


def test_features_are_sealed_as_little_endian_float32() -> None:
    features = np.zeros(4, dtype=np.float32)
    features[2] = 1
    assert unseal(SCHEME.protect(features, OPENER), OPENER) == features.astype("<f4").tobytes()


def test_K1_two_sealings_of_the_same_features_have_nothing_in_common() -> None:
    features = np.full(4, 0.5, dtype=np.float32)
    first, second = (SCHEME.protect(features, OPENER) for _ in range(2))
    assert first[5:] != second[5:]


@pytest.mark.parametrize("field", ["reference_id", "key_id", "gallery", "pack", "purpose", "kind"])
def test_K1_a_blob_moved_elsewhere_does_not_open(field: str) -> None:
    blob = seal(b"features", OPENER)
    value = {"reference_id": "c" * 32, "key_id": "c" * 32, "kind": "record"}.get(field, "other")
    with pytest.raises(IntegrityError, match="does not authenticate"):
        unseal(blob, SubjectKey(KEY, replace(BINDING, **{field: value})))


def test_K1_another_key_does_not_open() -> None:
    with pytest.raises(IntegrityError, match="a" * 32):
        unseal(seal(b"features", OPENER), SubjectKey(b"x" * 32, BINDING))


def test_every_altered_byte_is_noticed() -> None:
    blob = seal(b"features", OPENER)
    for place in range(len(blob)):
        altered = bytearray(blob)
        altered[place] ^= 1
        with pytest.raises(IntegrityError):
            unseal(bytes(altered), OPENER)


def test_a_blob_of_another_mode_is_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match="mode witnessed"):
        unseal(encode(SealedBlob("witnessed", b"n" * 12, b"c" * 32)), OPENER)


def test_a_record_comes_back_and_its_length_tells_nothing() -> None:
    short, long = {"subject": "Bohumila"}, {"subject": "Wolfeschlegelsteinhausenbergerdorff" * 3}
    sealed = [seal_record(record, RECORD) for record in (short, long)]
    assert len(sealed[0]) == len(sealed[1])
    assert [open_record(blob, RECORD) for blob in sealed] == [short, long]
    assert b"Bohumila" not in sealed[0]


@pytest.mark.parametrize("plain", [b"[1]", b"not json", b"\xff", b"", b"[" * 100_000])
def test_a_record_that_is_no_object_is_an_integrity_error(plain: bytes) -> None:
    with pytest.raises(IntegrityError, match="not a JSON object"):
        open_record(seal(plain, RECORD), RECORD)


@pytest.mark.parametrize("value", [float("nan"), 2**60, "\ud800"])
def test_a_record_without_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="JSON"):
        seal_record({"value": value}, RECORD)  # type: ignore[dict-item]


def test_features_and_records_keep_apart() -> None:
    with pytest.raises(UsageError, match="cannot hold record"):
        seal_record({}, OPENER)
    with pytest.raises(UsageError, match="cannot hold features"):
        SCHEME.protect(np.ones(1, dtype=np.float32), RECORD)


@pytest.mark.parametrize(
    "features",
    [[1.0, 1.0], [0.3, 0.3], [0.0, 0.0], [float("nan"), 0.0], [float("inf"), 0.0], [], [[1.0, 0.0]]],
)
def test_what_is_not_of_a_usable_length_is_refused(features: list[float]) -> None:
    with pytest.raises(UsageError, match="features"):
        SCHEME.protect(np.array(features, dtype=np.float32), OPENER)


def test_keys_do_not_show_in_a_repr() -> None:
    assert "kkk" not in repr(OPENER)
    assert json.dumps(repr(OPENER))
