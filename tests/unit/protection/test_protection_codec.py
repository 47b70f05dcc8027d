from __future__ import annotations

from dataclasses import replace

import pytest

from faceward.core.errors import IntegrityError, UsageError
from faceward.protection.codec import Binding, SealedBlob, decode, encode, header

BINDING = Binding("features", "a" * 32, "b" * 32, "staff", "pack", "doors", "5a5a", "2027-01-02T03:04:05.000006Z")


def test_a_blob_is_laid_out_as_documented() -> None:
    blob = SealedBlob("sealed", b"n" * 12, b"c" * 20)
    assert encode(blob) == b"FWB\x01\x01" + b"n" * 12 + b"c" * 20
    assert decode(encode(blob)) == blob
    assert [header(mode)[4] for mode in ("sealed", "witnessed", "encrypted")] == [1, 2, 3]


def test_the_binding_is_canonical_json() -> None:
    assert BINDING.associated_data() == (
        b'{"expires":"2027-01-02T03:04:05.000006Z","gallery":"staff","key_id":"'
        + b"b" * 32
        + b'","kind":"features","pack":"pack","purpose":"doors",'
        b'"reference_id":"' + b"a" * 32 + b'","subject":"5a5a"}'
    )


def test_every_field_of_a_binding_counts() -> None:
    others = [
        replace(BINDING, kind="record"),
        replace(BINDING, reference_id="c" * 32),
        replace(BINDING, key_id="c" * 32),
        replace(BINDING, gallery="x"),
        replace(BINDING, pack="x"),
        replace(BINDING, purpose="x"),
    ]
    assert len({binding.associated_data() for binding in [BINDING, *others]}) == 7


@pytest.mark.parametrize("identifier", ["", "A" * 32, "a" * 31, "a" * 33, '"' * 32, "é" * 32])
def test_an_identifier_that_is_none_is_refused(identifier: str) -> None:
    for binding in (replace(BINDING, reference_id=identifier), replace(BINDING, key_id=identifier)):
        with pytest.raises(IntegrityError, match="identifier"):
            binding.associated_data()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (b"FWB\x01\x01" + b"n" * 27, "truncated"),
        (b"XXX\x01\x01" + bytes(40), "foreign"),
        (b"FWB\x02\x01" + bytes(40), "version 2"),
        (b"FWB\x01\x09" + bytes(40), "mode 9"),
    ],
)
def test_foreign_bytes_are_an_integrity_error(data: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason):
        decode(data)


def test_an_unknown_mode_or_nonce_cannot_be_written() -> None:
    with pytest.raises(UsageError, match="mode"):
        encode(SealedBlob("plain", b"n" * 12, b""))
    with pytest.raises(UsageError, match="nonce"):
        encode(SealedBlob("sealed", b"n", b""))
