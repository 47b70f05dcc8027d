from __future__ import annotations

import base64

import pytest

from faceward.audit.note import MAX_SIGNATURES, Note, Signer, Verifier, open_note, parse_note, sign_note
from faceward.core.errors import BadInput, IntegrityError, UsageError

# Key and note of golang.org/x/mod/sumdb/note, from which the C2SP specification comes.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of C2SP signed-note.
SALVATORE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ih"
    "AQwaqP3ZekRwNtIc=\n"
)


def test_known_note_is_reproduced_byte_for_byte() -> None:
    signer = Signer("PeterNeumann", SEED)
    assert signer.verifier.vkey == VKEY
    assert sign_note(TEXT, [signer]) == TEXT + "\n" + LINE
    assert open_note(TEXT + "\n" + LINE, [Verifier.from_vkey(VKEY + "\n")]).text == TEXT


def test_specification_example_parses_with_its_empty_line() -> None:
    note = parse_note(SALVATORE)
    assert note.text.endswith("\n\ned è subito sera.\n")
    assert note.signatures[0].name == "quasimodo.example/salvatore"
    assert note.encode() == SALVATORE


def test_unknown_signatures_are_ignored() -> None:
    known, other = Signer("a", b"1" * 32), Signer("b", b"2" * 32)
    same_name = Signer("a", b"3" * 32)
    note = open_note(sign_note("x\n", [other, same_name, known]), [known.verifier])
    assert [s.name for s in note.signatures] == ["a"]
    with pytest.raises(IntegrityError, match="not signed by a"):
        open_note(sign_note("x\n", [other, same_name]), [known.verifier])
    with pytest.raises(IntegrityError, match="anyone known"):
        open_note(sign_note("x\n", [other]), [])


def test_a_wrong_signature_of_a_known_key_rejects_the_note() -> None:
    first, second = Signer("a", b"1" * 32), Signer("b", b"2" * 32)
    note = parse_note(sign_note("x\n", [first, second]))
    forged = Note("y\n", (first.sign("y\n"), note.signatures[1])).encode()
    with pytest.raises(IntegrityError, match="signature of b is wrong"):
        open_note(forged, [first.verifier, second.verifier])


def test_a_second_signature_of_the_same_key_is_not_counted() -> None:
    signer = Signer("a", b"1" * 32)
    assert len(open_note(sign_note("x\n", [signer, signer]), [signer.verifier]).signatures) == 1


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "\n",
        "\n\n",
        "x\n",
        "x\n\n",
        "x\n\n\n",
        TEXT + "\n" + LINE[:-1],
        TEXT + LINE,
        TEXT + "\n" + LINE + "\n",
        TEXT + "\n" + LINE.replace("\u2014", "-"),
        TEXT + "\n" + LINE.replace("x08g", "x08g\t"),
        "a\rb\n\n" + LINE,
        "a\ud800\n\n" + LINE,
        TEXT + "\n\u2014 a+b x08go/ZJkuBS9UG/\n",
        TEXT + "\n\u2014 a\u00a0b x08go/ZJkuBS9UG/\n",
        TEXT + "\n\u2014 a x08goz==\n",
        TEXT + "\n\u2014 a x08g\n",
        TEXT + "\n\u2014 a x08g=\n",
        TEXT + "\n\u2014  x08go/ZJ\n",
        TEXT + "\n" + LINE * (MAX_SIGNATURES + 1),
        "x" * 1_000_001 + "\n\n" + LINE,
    ],
)
def test_malformed_notes(encoded: str) -> None:
    with pytest.raises(IntegrityError):
        parse_note(encoded)


def test_sixteen_signatures_and_more_are_accepted() -> None:
    signers = [Signer(f"k{i}", bytes([i]) * 32) for i in range(MAX_SIGNATURES)]
    assert len(open_note(sign_note("x\n", signers), [s.verifier for s in signers]).signatures) == MAX_SIGNATURES


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        VKEY.replace("c74f", "C74F"),
        VKEY.replace("c74f", "c74e"),
        VKEY.replace("PeterNeumann", ""),
        VKEY.replace("PeterNeumann", "Peter Neumann"),
        VKEY[:-1],
        VKEY + "=",
        VKEY + "\n\n",
        VKEY.replace("+ARpc", "+AhpC"),
    ],
)
def test_malformed_verifier_keys(vkey: str) -> None:
    with pytest.raises(BadInput):
        Verifier.from_vkey(vkey)


def test_a_key_of_another_type_is_named() -> None:
    data = b"\x02" + bytes(32)
    with pytest.raises(BadInput, match="type 0x02"):
        Verifier.from_vkey(f"a+00000000+{base64.b64encode(data).decode()}")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "\ud800"])
def test_names_that_cannot_name_a_key(name: str) -> None:
    with pytest.raises(UsageError):
        Signer(name, bytes(32))


def test_wrong_lengths_and_texts() -> None:
    with pytest.raises(UsageError, match="32 bytes"):
        Signer("a", bytes(31))
    with pytest.raises(UsageError, match="32 bytes"):
        Verifier("a", bytes(33))
    for text in ("x", "x\ty\n"):
        with pytest.raises(UsageError):
            sign_note(text, [Signer("a", bytes(32))])
    with pytest.raises(UsageError):
        sign_note("x\n", [])


def test_the_seed_is_not_in_the_representation() -> None:
    assert repr(Signer("a", b"s" * 32)) == "Signer('a')"
