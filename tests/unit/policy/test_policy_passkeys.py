"""Passkeys: what a browser hands over is a signature in OpenSSH's form, and anything that is not quite so is none."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from faceward.core.errors import BadInput
from faceward.policy import passkeys
from faceward.policy.people import Person, Role, Roster
from faceward.policy.securitykeys import check_origin, integer
from faceward.policy.sshsig import PASSKEY, SECURITY_KEY, BadSignature, PrivateKey, PublicKey, packed, verify
from faceward.policy.sshwire import armoured, string, unarmoured

NAMESPACE = "faceward-test"
MESSAGE = "Žofie asks\n".encode()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEYGEN = shutil.which("ssh-keygen")
needs_keygen = pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen (package openssh-client) is not on this machine")


@pytest.fixture(scope="module")
def passkey(passkey_kit: ModuleType) -> Any:
    return passkey_kit.SoftPasskey()


def check(passkey: Any, **changes: Any) -> None:
    verify(passkey.public, NAMESPACE, MESSAGE, passkey.sign(NAMESPACE, MESSAGE, **changes))


def by_hardware(passkey: Any, flags: int = 0x05) -> str:
    """Sign as `ssh-keygen` has a security key of P-256 do it (PROTOCOL.u2f)."""
    shown = bytes([flags]) + (7).to_bytes(4, "big")
    digest = hashlib.sha256(passkeys.challenge(NAMESPACE, MESSAGE)).digest()
    signed = hashlib.sha256(passkey.public.application.encode()).digest() + shown + digest
    r, s = decode_dss_signature(passkey.key.sign(signed, ECDSA(SHA256())))
    inner = string(PASSKEY) + string(string(integer(r)) + string(integer(s))) + shown
    return packed(passkey.public, NAMESPACE, inner)


def by_keygen(key: PublicKey, signature: str, folder: Path, message: bytes = MESSAGE) -> bool:
    assert KEYGEN is not None
    (folder / "signers").write_text(f"ana {key.line}\n", encoding="ascii")
    (folder / "sig").write_text(signature, encoding="ascii")
    arguments = ["-Y", "verify", "-f", folder / "signers", "-I", "ana", "-n", NAMESPACE, "-s", folder / "sig"]
    done = subprocess.run([KEYGEN, *map(str, arguments)], input=message, capture_output=True, check=False)
    return done.returncode == 0


def test_S2_a_passkey_signs_through_a_browser(passkey: Any) -> None:
    check(passkey)
    check(replace(passkey, counter=2**32 - 1))
    check(passkey, flags=0x05)
    check(passkey, flags=0x85, extensions=b"\xa1\x63abc\xf5")
    check(passkey, other_keys_can_be_added_here="do not compare clientDataJSON against a template")


@needs_keygen
def test_K2_ssh_keygen_finds_a_passkeys_signature_good(passkey: Any, tmp_path: Path) -> None:
    for changes in ({}, {"flags": 0x85, "extensions": b"\xa0"}):
        signature = passkey.sign(NAMESPACE, MESSAGE, **changes)
        assert by_keygen(passkey.public, signature, tmp_path)
        assert not by_keygen(passkey.public, signature, tmp_path, MESSAGE + b"!")
    (tmp_path / "id.pub").write_text(passkey.public.line + "\n", encoding="ascii")
    shown = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "id.pub"], capture_output=True, check=True)
    assert passkey.public.fingerprint in shown.stdout.decode()


@needs_keygen
def test_S2_a_security_key_of_p256_signs_for_ssh_keygen(passkey_kit: ModuleType, tmp_path: Path) -> None:
    token = passkey_kit.SoftPasskey()
    token.rp_id = "localhost"
    signature = by_hardware(token)
    verify(token.public, NAMESPACE, MESSAGE, signature)
    assert by_keygen(token.public, signature, tmp_path)


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04, 0x18])
def test_K2_a_passkey_that_did_not_verify_its_owner_is_refused(passkey: Any, flags: int) -> None:
    for signature in (passkey.sign(NAMESPACE, MESSAGE, flags=flags), by_hardware(passkey, flags)):
        with pytest.raises(BadSignature, match="did not make sure that its owner was there") as caught:
            verify(passkey.public, NAMESPACE, MESSAGE, signature)
        assert caught.value.rule == "S2"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://evilfaces.example.org",
        "https://faces.example.org.evil.example",
        "http://faces.example.org",
        "http://localhost",
        "https://example.org",
        "https://branch.faces.example.org",
        "https://FACES.example.org",
        "https://faces.example.org/",
        "https://faces.example.org@evil.example",
        "https://faces.example.org:0",
        "android:apk-key-hash:x",
        "null",
        "",
    ],
)
def test_K2_a_page_of_another_host_gets_no_signature(passkey: Any, origin: str) -> None:
    with pytest.raises(BadSignature, match=r"no origin of a page|the passkey is for") as caught:
        check(replace(passkey, origin=origin))
    assert "\n" not in str(caught.value)


def test_a_page_of_the_host_itself_may_ask_at_any_port(passkey: Any) -> None:
    check(replace(passkey, origin="https://faces.example.org:8443"))


def test_a_page_on_this_machine_needs_no_https(passkey: Any) -> None:
    check(replace(passkey, rp_id="localhost", origin="http://localhost:8000"))
    check_origin("https://localhost", "localhost")
    with pytest.raises(BadSignature):
        check_origin("https://sub.localhost", "localhost")
    with pytest.raises(BadSignature):
        check_origin("https://faces.example.org", "")


def _raw(origin: str = "https://faces.example.org", message: bytes = MESSAGE) -> bytes:
    asked = base64.urlsafe_b64encode(passkeys.challenge(NAMESPACE, message)).rstrip(b"=").decode()
    return f'{{"type":"webauthn.get","challenge":"{asked}","origin":"{origin}","crossOrigin":false}}'.encode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "webauthn.create"}, "something else than a signature"),
        ({"type": "payment.get"}, "something else than a signature"),
        ({"challenge": "AAAA"}, "what was signed is not what stands here"),
        ({"crossOrigin": True}, "inside another's page"),
        ({"crossOrigin": "false"}, "true or false"),
        ({"topOrigin": "https://faces.example.org"}, "inside another's page"),
        ({"raw": _raw()[:1] + b" " + _raw()[1:]}, "not spelt as OpenSSH reads it"),
        ({"raw": b"\xef\xbb\xbf" + _raw()}, "not spelt as OpenSSH reads it"),
        ({"raw": _raw().replace(b"webauthn.get", b"webauthn\\u002eget")}, "not spelt as OpenSSH reads it"),
        ({"raw": _raw()[:-1] + b',"type":"webauthn.get"}'}, "given twice"),
        ({"raw": _raw()[:-1]}, "not valid JSON"),
        ({"raw": _raw(message=b"other")}, "what was signed is not what stands here"),
        ({"raw": b"[]"}, "expected a table"),
        ({"raw": b'{"origin":"\\u017e"}'}, "its origin is none"),
        ({"raw": b"\xff"}, "not UTF-8"),
        ({"raw": b'{"origin":1}'}, "must be text"),
        ({"raw": b"[" * 3000}, "not valid JSON"),
    ],
)
def test_K2_a_browser_that_was_asked_something_else_is_refused(
    passkey: Any, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadSignature, match=words) as caught:
        check(passkey, **changes)
    assert "\n" not in str(caught.value)


def test_K2_what_the_browser_said_is_signed(passkey: Any) -> None:
    blob = unarmoured(passkey.sign(NAMESPACE, MESSAGE, note="first"))
    with pytest.raises(BadSignature, match="what was signed is not what stands here"):
        verify(passkey.public, NAMESPACE, MESSAGE, armoured(blob.replace(b'"first"', b'"later"')))
    other = blob.replace(b"https://faces.example.org", b"https://fbces.example.org")
    with pytest.raises(BadSignature, match="the passkey is for"):
        verify(passkey.public, NAMESPACE, MESSAGE, armoured(other))
    with pytest.raises(BadSignature, match="what was signed is not what stands here"):
        verify(passkey.public, NAMESPACE, MESSAGE, armoured(_recount(blob)))


def _recount(blob: bytes) -> bytes:
    """Return the signature with another counter."""
    place = blob.index(string("https://faces.example.org"), 200)
    return blob[: place - 1] + b"\x09" + blob[place:]


@pytest.mark.parametrize(
    ("flags", "extensions"), [(0x85, b""), (0x05, b"\xa0"), (0x45, b""), (0x45, bytes(18)), (0xC5, bytes(40))]
)
def test_flags_and_what_stands_beside_them_agree(passkey: Any, flags: int, extensions: bytes) -> None:
    with pytest.raises(BadSignature, match="not what a passkey answers"):
        passkey.sign(NAMESPACE, MESSAGE, flags=flags, extensions=extensions)
    # The same, made up by somebody who does not use our code.
    shown = bytes([flags]) + bytes(4)
    rest = string("https://faces.example.org") + string(_raw()) + string(extensions)
    inner = string("webauthn-sk-ecdsa-sha2-nistp256@openssh.com") + string(string(b"\x01") + string(b"\x01"))
    with pytest.raises(BadSignature, match=r"its flags are not|what was signed"):
        verify(passkey.public, NAMESPACE, MESSAGE, packed(passkey.public, NAMESPACE, inner + shown + rest))


def test_another_namespace_message_passkey_or_host_is_refused(passkey: Any, passkey_kit: ModuleType) -> None:
    signature = passkey.sign(NAMESPACE, MESSAGE)
    elsewhere = PublicKey(PASSKEY, passkey.public.key, "example.org")
    for key, namespace, message, words in (
        (passkey.public, NAMESPACE, MESSAGE + b" ", "what was signed is not what stands here"),
        (passkey.public, "faceward-approval", MESSAGE, "signed for 'faceward-test'"),
        (passkey_kit.SoftPasskey().public, NAMESPACE, MESSAGE, "another key"),
        (elsewhere, NAMESPACE, MESSAGE, "another key"),
    ):
        with pytest.raises(BadSignature, match=words):
            verify(key, namespace, message, signature)
    assert elsewhere.same_key(passkey.public)


@pytest.mark.parametrize(
    "integers",
    [
        b"",
        string(b"\x00") + string(b"\x01"),
        string(b"") + string(b"\x01"),
        string(b"\xff") + string(b"\x01"),
        string(b"\x00\x01") + string(b"\x01"),
        string(bytes(40) + b"\x01") + string(b"\x01"),
        string(b"\x01") + string(b"\x01") + b"\x00",
        string(integer(ORDER)) + string(b"\x01"),
    ],
)
def test_numbers_that_are_no_signature_are_refused(passkey: Any, integers: bytes) -> None:
    inner = string(PASSKEY) + string(integers) + b"\x05" + bytes(4)
    with pytest.raises(BadSignature) as caught:
        verify(passkey.public, NAMESPACE, MESSAGE, packed(passkey.public, NAMESPACE, inner))
    assert "\n" not in str(caught.value)


def test_signature_of_every_shorter_length_is_refused(passkey: Any) -> None:
    blob = unarmoured(passkey.sign(NAMESPACE, MESSAGE))
    for length in range(len(blob)):
        with pytest.raises(BadSignature):
            verify(passkey.public, NAMESPACE, MESSAGE, armoured(blob[:length]))


@pytest.mark.parametrize("form", [lambda p: p.cose, lambda p: p.point, lambda p: p.point[1:]])
def test_a_credentials_key_is_a_line_for_the_roster(passkey: Any, form: Callable[[Any], bytes]) -> None:
    key = passkeys.public_key(form(passkey), "faces.example.org")
    assert (key.algorithm, key.key, key.application) == (PASSKEY, passkey.point, "faces.example.org")
    assert PublicKey.parse(f"{key.line} ana's phone") == key


def _off_curve(point: bytes) -> bytes:
    return point[:-1] + bytes([point[-1] ^ 1])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: b"",
        lambda p: p.cose[:-1],
        lambda p: p.cose.replace(b"\x03\x26", b"\x03\x27"),
        lambda p: p.cose.replace(b"\x20\x01", b"\x20\x02"),
        lambda p: _off_curve(p.point),
        lambda p: _off_curve(p.cose),
        lambda p: b"\x03" + p.point[1:],
        lambda p: bytes(64),
        lambda p: bytes(65),
        lambda p: p.point[:33],
    ],
)
def test_a_credentials_key_of_another_kind_is_refused(passkey: Any, wrong: Callable[[Any], bytes]) -> None:
    with pytest.raises(BadInput, match="no key of P-256") as caught:
        passkeys.public_key(wrong(passkey), "faces.example.org")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["", "com", "ssh:", "faces.example.org:443", "https://a.b", "A.example", "a..b", ".a.b", "a b.c", "ž.cz"]
)
def test_a_host_that_is_none_is_refused(passkey: Any, host: str) -> None:
    with pytest.raises(BadInput, match="no host's name"):
        passkeys.public_key(passkey.cose, host)


@pytest.mark.parametrize(
    "blob",
    [
        lambda p: string(PASSKEY) + string("nistp384") + string(p.point) + string("a.b"),
        lambda p: string(PASSKEY) + string(p.point) + string("a.b"),
        lambda p: string(PASSKEY) + string("nistp256") + string(_off_curve(p.point)) + string("a.b"),
        lambda p: string(PASSKEY) + string("nistp256") + string(p.point[:33]) + string("a.b"),
        lambda p: string(PASSKEY) + string("nistp256") + string(p.point) + string("ž.b"),
        lambda p: string(PASSKEY) + string("nistp256") + string(p.point),
        lambda p: string(PASSKEY) + string("nistp256") + string(p.point) + string("a.b") + b"\0",
    ],
)
def test_a_line_that_is_no_passkey_is_refused(passkey: Any, blob: Callable[[Any], bytes]) -> None:
    with pytest.raises(BadInput) as caught:
        PublicKey.parse(f"{PASSKEY} {base64.b64encode(blob(passkey)).decode()}")
    assert "\n" not in str(caught.value)


def test_what_is_no_answer_is_refused_in_one_line(passkey: Any) -> None:
    made = passkey.answer(passkeys.challenge(NAMESPACE, MESSAGE))
    good = [passkey.public, NAMESPACE, made.authenticator_data, made.client_data_json, made.signature]
    verify(passkey.public, NAMESPACE, MESSAGE, passkeys.armoured_signature(*good))
    wrong: list[tuple[int, Any]] = [
        (0, PrivateKey.generate().public),
        (0, PublicKey(SECURITY_KEY, bytes(range(32)), "faces.example.org")),
        (0, PublicKey(PASSKEY, passkey.point, "example.org")),
        (2, b""),
        (2, made.authenticator_data[:36]),
        (2, made.authenticator_data + b"\0"),
        (3, b""),
        (3, b"{}"),
        (4, b""),
        (4, made.signature[:-1]),
        (4, bytes.fromhex("3006020100020100")),
        (4, bytes.fromhex("30060201ff020101")),
    ]
    for place, value in wrong:
        given = [*good]
        given[place] = value
        with pytest.raises(BadSignature) as caught:
            verify(passkey.public, NAMESPACE, MESSAGE, passkeys.armoured_signature(*given))
        assert "\n" not in str(caught.value)


def test_S2_a_person_with_a_passkey_stands_in_the_roster(passkey: Any, now: datetime) -> None:
    ana = Person("ana", passkey.public, frozenset({Role.APPROVER}), None, now)
    assert Roster.from_json(Roster().with_person(ana).to_json()).person("ana") == ana
    twin = Person("ben", PublicKey(PASSKEY, passkey.point, "example.org"), ana.roles, None, now)
    with pytest.raises(Exception, match="holds this key already"):
        Roster().with_person(ana).with_person(twin)


def test_S2_a_machine_has_a_key_and_a_name_of_its_own(now: datetime) -> None:
    ana = Person("Zoe", PrivateKey.generate().public, frozenset({Role.APPROVER}), None, now)
    key = Person("key front desk", PrivateKey.generate().public, frozenset({Role.OPERATOR}), None, now, (), "Zoe")
    roster = Roster().with_person(ana).with_person(key)
    assert Roster.from_json(roster.to_json()).person("key front desk") == key
