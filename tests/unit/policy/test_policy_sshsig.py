"""Signatures in OpenSSH's form: ours and `ssh-keygen`'s say the same, and everything else is refused in one line."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from faceward.core.errors import BadInput, EnvironmentFailure, FacewardError, UsageError, WrongSecret
from faceward.policy.sshsig import ED25519, SECURITY_KEY, BadSignature, PrivateKey, PublicKey, signed_data, verify
from faceward.policy.sshwire import armoured, string, unarmoured

NAMESPACE = "faceward-test"
MESSAGE = "Žofie asks\n".encode()
KEYGEN = shutil.which("ssh-keygen")
needs_keygen = pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen (package openssh-client) is not on this machine")


class Token:
    """A FIDO2 security key in software: it signs as PROTOCOL.u2f says, with the flags it is told to show."""

    def __init__(self, application: str = "ssh:") -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = PublicKey(SECURITY_KEY, self._key.public_key().public_bytes_raw(), application)

    def sign(self, namespace: str, message: bytes, flags: int = 0x05, counter: int = 7) -> str:
        digest = hashlib.sha256(signed_data(namespace, message)).digest()
        shown = bytes([flags]) + counter.to_bytes(4, "big")
        raw = self._key.sign(hashlib.sha256(self.public.application.encode()).digest() + shown + digest)
        return made(self.public, namespace, string(SECURITY_KEY) + string(raw) + shown)


def made(key: PublicKey, namespace: str, inner: bytes, algorithm: str = "sha512", version: int = 1) -> str:
    head = b"SSHSIG" + version.to_bytes(4, "big") + string(key.blob)
    return armoured(head + string(namespace) + string("") + string(algorithm) + string(inner))


def keygen(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    assert KEYGEN is not None
    return subprocess.run([KEYGEN, *map(str, arguments)], input=data, capture_output=True, check=False)


def allowed(folder: Path, key: PublicKey) -> Path:
    file = folder / "allowed_signers"
    file.write_text(f"ana {key.line}\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def test_signature_verifies_and_shows_nothing_of_the_key(key: PrivateKey) -> None:
    signature = key.sign(NAMESPACE, MESSAGE)
    verify(key.public, NAMESPACE, MESSAGE, signature)
    verify(key.public, NAMESPACE, MESSAGE, signature.replace("\n", "\r\n"))
    assert repr(key) == f"PrivateKey({key.public.fingerprint})"


@needs_keygen
@pytest.mark.parametrize("passphrase", [None, "ein langer Satz"])
def test_ssh_keygen_signs_with_our_key_and_verifies_our_signature(passphrase: str | None, tmp_path: Path) -> None:
    mine = PrivateKey.generate()
    mine.write(tmp_path / "key", passphrase)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    signers = allowed(tmp_path, mine.public)
    (tmp_path / "message.sig").write_text(mine.sign(NAMESPACE, MESSAGE), encoding="utf-8")
    check = ("-Y", "verify", "-f", signers, "-I", "ana", "-n", NAMESPACE, "-s", tmp_path / "message.sig")
    assert keygen(*check, data=MESSAGE).returncode == 0
    assert keygen(*check, data=MESSAGE + b"!").returncode != 0

    change = keygen("-p", "-f", tmp_path / "key", "-P", passphrase or "", "-N", "")
    assert change.returncode == 0, change.stderr
    signed = keygen("-Y", "sign", "-f", tmp_path / "key", "-n", NAMESPACE, data=MESSAGE)
    verify(mine.public, NAMESPACE, MESSAGE, signed.stdout.decode())
    with pytest.raises(BadSignature, match="for 'faceward-test'"):
        verify(mine.public, "faceward-other", MESSAGE, signed.stdout.decode())


@needs_keygen
@pytest.mark.parametrize("passphrase", ["", "ein langer Satz"])
def test_key_of_ssh_keygen_is_read_with_its_fingerprint(passphrase: str, tmp_path: Path) -> None:
    path = tmp_path / "id"
    assert keygen("-q", "-t", "ed25519", "-N", passphrase, "-C", "ana@office", "-f", path).returncode == 0
    loaded = PrivateKey.load(path, passphrase or None)
    public = PublicKey.parse((tmp_path / "id.pub").read_text())
    assert loaded.public == public
    assert public.line == (tmp_path / "id.pub").read_text().rsplit(" ", 1)[0]
    shown = keygen("-l", "-f", tmp_path / "id.pub").stdout.decode()
    assert shown.split()[1] == public.fingerprint
    loaded.write(tmp_path / "copy", passphrase or None)
    assert PrivateKey.load(tmp_path / "copy", passphrase or None).public == public


@needs_keygen
def test_sha256_of_ssh_keygen_is_accepted(key: PrivateKey, tmp_path: Path) -> None:
    key.write(tmp_path / "id", None)
    signed = keygen("-Y", "sign", "-O", "hashalg=sha256", "-f", tmp_path / "id", "-n", NAMESPACE, data=MESSAGE)
    verify(key.public, NAMESPACE, MESSAGE, signed.stdout.decode())


@needs_keygen
@pytest.mark.parametrize(("kind", "bits"), [("rsa", "2048"), ("ecdsa", "256")])
def test_other_algorithms_are_named_in_one_line(kind: str, bits: str, tmp_path: Path, key: PrivateKey) -> None:
    keygen("-q", "-t", kind, "-b", bits, "-N", "", "-f", tmp_path / "id")
    with pytest.raises(BadInput, match="ssh-keygen -t ed25519"):
        PublicKey.parse((tmp_path / "id.pub").read_text())
    with pytest.raises(BadInput, match="not an Ed25519 key"):
        PrivateKey.load(tmp_path / "id", None)
    signed = keygen("-Y", "sign", "-f", tmp_path / "id", "-n", NAMESPACE, data=MESSAGE).stdout.decode()
    with pytest.raises(BadSignature, match="is not read here"):
        verify(key.public, NAMESPACE, MESSAGE, signed)


@pytest.mark.parametrize("application", ["ssh:", "ssh:faceward"])
def test_S2_security_key_signs_where_its_owner_was_there(application: str) -> None:
    token = Token(application)
    assert PublicKey.parse(f"{token.public.line} ana's key") == token.public
    verify(token.public, NAMESPACE, MESSAGE, token.sign(NAMESPACE, MESSAGE))


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04, 0x80])
def test_S2_security_key_that_did_not_ask_its_owner_is_refused(flags: int) -> None:
    token = Token()
    with pytest.raises(BadSignature, match="did not make sure that its owner was there") as caught:
        verify(token.public, NAMESPACE, MESSAGE, token.sign(NAMESPACE, MESSAGE, flags))
    assert caught.value.rule == "S2"


def test_flags_and_counter_of_a_security_key_are_signed() -> None:
    token = Token()
    blob = unarmoured(token.sign(NAMESPACE, MESSAGE, flags=0x01))
    with pytest.raises(BadSignature, match="what was signed is not what stands here"):
        verify(token.public, NAMESPACE, MESSAGE, armoured(blob[:-5] + b"\x05" + blob[-4:]))
    other = PublicKey(SECURITY_KEY, token.public.key, "ssh:other")
    with pytest.raises(BadSignature, match="another key"):
        verify(other, NAMESPACE, MESSAGE, token.sign(NAMESPACE, MESSAGE))


def test_security_key_is_no_plain_key(key: PrivateKey) -> None:
    token = Token()
    inner = unarmoured(key.sign(NAMESPACE, MESSAGE))[-83:]
    with pytest.raises(BadSignature, match="kind is not that of its key"):
        verify(token.public, NAMESPACE, MESSAGE, made(token.public, NAMESPACE, inner))


def test_another_message_namespace_or_key_is_refused(key: PrivateKey) -> None:
    signature = key.sign(NAMESPACE, MESSAGE)
    for message, namespace, public, words in (
        (MESSAGE + b" ", NAMESPACE, key.public, "what was signed is not what stands here"),
        (MESSAGE, "faceward-approval", key.public, "signed for 'faceward-test'"),
        (MESSAGE, NAMESPACE, PrivateKey.generate().public, "signed with another key"),
    ):
        with pytest.raises(BadSignature, match=words) as caught:
            verify(public, namespace, message, signature)
        assert caught.value.rule == "S2"
        assert "\n" not in str(caught.value)


def _truncated(blob: bytes) -> bytes:
    return blob[:-1]


def _longer(blob: bytes) -> bytes:
    return blob + b"\0"


def _version(blob: bytes) -> bytes:
    return blob[:6] + b"\0\0\0\x02" + blob[10:]


def _huge_string(blob: bytes) -> bytes:
    return blob[:10] + b"\xff\xff\xff\xff" + blob[14:]


def _not_ascii(blob: bytes) -> bytes:
    return blob.replace(b"faceward-test", b"faceward-t\xffst")


def _hash(blob: bytes) -> bytes:
    return blob.replace(b"sha512", b"md5md5")


@pytest.mark.parametrize("change", [_truncated, _longer, _version, _huge_string, _not_ascii, _hash])
def test_damaged_signature_is_refused_in_one_line(change: Callable[[bytes], bytes], key: PrivateKey) -> None:
    signature = armoured(change(unarmoured(key.sign(NAMESPACE, MESSAGE))))
    with pytest.raises(BadSignature) as caught:
        verify(key.public, NAMESPACE, MESSAGE, signature)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "x", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----", "\ud800", "A" * 10_000_000]
    + [f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----" for body in ("=", "AAA", "AAB=", "U1NI")],
)
def test_what_is_no_signature_is_refused_in_one_line(text: str, key: PrivateKey) -> None:
    with pytest.raises(BadSignature) as caught:
        verify(key.public, NAMESPACE, MESSAGE, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_signature_of_every_shorter_length_is_refused(key: PrivateKey) -> None:
    blob = unarmoured(key.sign(NAMESPACE, MESSAGE))
    for length in range(len(blob)):
        with pytest.raises(BadSignature):
            verify(key.public, NAMESPACE, MESSAGE, armoured(blob[:length]))


def test_public_key_that_is_none_is_refused_in_one_line(key: PrivateKey) -> None:
    blob = base64.b64encode(string("ssh-ed25519") + string(bytes(31))).decode()
    cut = key.public.line[:-4]
    wrong = [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        f"ssh-ed25519 {blob}",
        cut,
        key.public.line + "\n" + key.public.line,
        key.public.line.replace("ssh-ed25519", SECURITY_KEY),
        "ssh-ed25519 " + "A" * 10_000,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-ed25519 \ud800",
    ]
    for text in wrong:
        with pytest.raises(BadInput) as caught:
            PublicKey.parse(text)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize(
    "start", ["00", "01", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "ecff"]
)
def test_S2_key_under_which_anybody_signs_is_refused(start: str, sign: int) -> None:
    filler = "ff" * 29 + "7f" if start == "ecff" else "00" * 31
    raw = bytearray.fromhex((start + filler)[:64])
    raw[31] |= sign
    with pytest.raises(BadInput, match="anybody could sign"):
        PublicKey.parse(PublicKey(ED25519, bytes(raw)).line)


def test_key_file_with_a_passphrase_needs_the_right_one(tmp_path: Path, key: PrivateKey) -> None:
    path = tmp_path / "key"
    key.write(path, "richtig")
    assert PrivateKey.load(path, "richtig").public == key.public
    with pytest.raises(WrongSecret, match="does not open this key"):
        PrivateKey.load(path, "falsch")
    for nothing in (None, ""):
        with pytest.raises(UsageError, match="FACEWARD_KEY_PASSPHRASE"):
            PrivateKey.load(path, nothing)
    plain = tmp_path / "plain"
    key.write(plain, None)
    assert PrivateKey.load(plain, "is not asked for").public == key.public


def test_key_is_written_beside_nothing_else(tmp_path: Path, key: PrivateKey) -> None:
    (tmp_path / "key").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        key.write(tmp_path / "key", None)
    assert (tmp_path / "key").read_text() == "mine"
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        key.write(tmp_path / "no" / "key", None)


def _rounds(count: int) -> bytes:
    options = string(bytes(16)) + count.to_bytes(4, "big")
    body = b"openssh-key-v1\0" + string("aes256-ctr") + string("bcrypt") + string(options)
    text = base64.b64encode(body + bytes(64))
    return b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + text + b"\n-----END OPENSSH PRIVATE KEY-----\n"


def test_file_that_is_no_key_is_refused_in_one_line(tmp_path: Path, key: PrivateKey) -> None:
    key.write(tmp_path / "good", None)
    good = (tmp_path / "good").read_bytes()
    ecdsa = generate_private_key(SECP256R1())
    wrong = {
        "empty": b"",
        "garbage": os.urandom(500),
        "large": b"x" * 100_000,
        "cut": good[:120] + good[-36:],
        "public": key.public.line.encode(),
        "rounds": _rounds(2**31),
        "pkcs8": ecdsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "ecdsa": ecdsa.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        "ecdsa.pub": ecdsa.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }
    for name, data in wrong.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "pipe")
    for name in (*wrong, "pipe", "missing", "."):
        with pytest.raises(FacewardError) as caught:
            PrivateKey.load(tmp_path / name, "secret")
        assert isinstance(caught.value, BadInput), name
        assert "\n" not in str(caught.value)
