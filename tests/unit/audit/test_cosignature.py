"""Cosignatures by C2SP tlog-cosignature."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceward.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from faceward.audit.cosignature import CosignatureVerifier, Cosigner, verify_cosignatures
from faceward.audit.note import Note, Signer, Verifier, parse_note
from faceward.core.errors import BadInput, IntegrityError, UsageError

# The example of the specification; its keys are not published.
EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501
MESSAGE = """cosignature/v1
time 1679315147
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""
THEN = datetime.fromtimestamp(1679315147, tz=UTC)
WITNESS = Cosigner("witness.example.com/w1", bytes(range(32)))
SIGNER = Signer("example.org/log", bytes(32))
NOTE = sign_checkpoint(Checkpoint("example.org/log", 3, bytes(32)), SIGNER)


def cosigned(note: str = NOTE, *witnesses: Cosigner, now: datetime = THEN) -> str:
    parsed = parse_note(note)
    return Note(
        parsed.text, (*parsed.signatures, *(w.cosign(parsed.text, now) for w in witnesses or (WITNESS,)))
    ).encode()


def test_the_worked_example_is_read() -> None:
    note = parse_note(EXAMPLE)
    mine = note.signatures[1]
    assert mine.name == "witness.example.com/w1"
    assert len(mine.signature) == 72
    assert int.from_bytes(mine.signature[:8], "big") == 1679315147
    assert note.encode() == EXAMPLE


def test_what_is_signed_is_the_worked_example() -> None:
    text = parse_note(EXAMPLE).text
    signature = WITNESS.cosign(text, THEN)
    assert signature.signature[:8] == (1679315147).to_bytes(8, "big")
    plain = Verifier(WITNESS.verifier.name, WITNESS.verifier.public_key)
    assert plain.accepts(MESSAGE, signature.signature[8:])
    assert WITNESS.verifier.accepts(text, signature.signature)


def test_the_key_id_is_by_type_4() -> None:
    name, key = WITNESS.verifier.name, WITNESS.verifier.public_key
    assert WITNESS.verifier.key_id == hashlib.sha256(name.encode() + b"\n\x04" + key).digest()[:4]
    assert WITNESS.verifier.key_id != Verifier(name, key).key_id
    assert CosignatureVerifier.from_vkey(WITNESS.verifier.vkey) == WITNESS.verifier
    with pytest.raises(BadInput, match="type 0x04"):
        Verifier.from_vkey(WITNESS.verifier.vkey)
    with pytest.raises(BadInput, match="type 0x01"):
        CosignatureVerifier.from_vkey(SIGNER.verifier.vkey)


def test_a_cosigned_checkpoint_is_still_the_logs() -> None:
    assert open_checkpoint(cosigned(), SIGNER.verifier).size == 3
    [found] = verify_cosignatures(cosigned(), [WITNESS.verifier])
    assert (found.witness, found.time) == ("witness.example.com/w1", "2023-03-20T12:25:47.000000Z")


def test_a_missing_witness_is_named() -> None:
    other = Cosigner("w2.example", bytes(32)).verifier
    with pytest.raises(IntegrityError, match=r"not cosigned by w2\.example"):
        verify_cosignatures(cosigned(), [WITNESS.verifier, other])


@given(st.integers(0, 71), st.integers(1, 255))
def test_an_altered_cosignature_is_refused(place: int, change: int) -> None:
    parsed = parse_note(cosigned())
    good = parsed.signatures[1].signature
    bad = good[:place] + bytes([good[place] ^ change]) + good[place + 1 :]
    assert not WITNESS.verifier.accepts(parsed.text, bad)
    note = cosigned().replace(
        parsed.signatures[1].line(),
        type(parsed.signatures[1])(WITNESS.verifier.name, WITNESS.verifier.key_id, bad).line(),
    )
    with pytest.raises(IntegrityError, match="is wrong"):
        verify_cosignatures(note, [WITNESS.verifier])


def test_a_plain_signature_is_no_cosignature() -> None:
    text = parse_note(NOTE).text
    plain = Signer(WITNESS.verifier.name, bytes(range(32))).sign(text).signature
    assert not WITNESS.verifier.accepts(text, plain)
    assert not WITNESS.verifier.accepts(text, bytes([255]) * 8 + plain)


def test_the_latest_of_two_counts_and_far_times_are_said() -> None:
    twice = cosigned(cosigned(), now=datetime(2030, 1, 1, tzinfo=UTC))
    assert verify_cosignatures(twice, [WITNESS.verifier])[0].time.startswith("2030-01-01")
    far = type(verify_cosignatures(twice, [WITNESS.verifier])[0])("w", 2**62)
    assert far.time == f"{2**62} s after 1970"


def test_no_time_before_1970() -> None:
    with pytest.raises(UsageError, match="1970"):
        WITNESS.cosign("x\n", datetime(1960, 1, 1, tzinfo=UTC))


def test_secret_keys_are_read_as_written() -> None:
    secret = WITNESS.encode_secret()
    assert Cosigner.decode_secret(secret + "\n").verifier == WITNESS.verifier
    assert secret not in repr(WITNESS)


@pytest.mark.parametrize(
    "text",
    ["", "PRIVATE+KEY+", "PRIVATE+KEY+a+b", "PRIVATE+KEY+w+00000000+AAAA", SIGNER.verifier.vkey,
     WITNESS.encode_secret().replace("w1+", "w2+"), WITNESS.encode_secret()[:-4]],
)  # fmt: skip
def test_what_is_no_secret_key(text: str) -> None:
    with pytest.raises(BadInput) as error:
        Cosigner.decode_secret(text)
    assert "AAECAw" not in str(error.value)
    with pytest.raises(UsageError):
        Cosigner("w", b"short")
