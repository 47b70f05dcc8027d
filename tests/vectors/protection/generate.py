"""Write `vectors.json`: sealed bytes of every form with fixed keys and nonces, made from the specifications alone.

Run it only when a new version of a form is added; the old entries stay for ever, because deployments hold such bytes.

    python tests/vectors/protection/generate.py
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

KEY, NONCE = bytes(range(32)), bytes(range(100, 112))
FEATURES = [0.5, -0.5, 0.5, -0.5]
RECORD = {"subject": "Jos\u00e9 \u0416", "basis": "consent", "quality": 0.75}


def blob(kind: str, plain: bytes) -> dict[str, object]:
    binding = {
        "kind": kind,
        "reference_id": "0123456789abcdef" * 2,
        "key_id": "fedcba9876543210" * 2,
        "gallery": 'caf\u00e9 "\\ \u0416',
        "pack": "centerface-dlib",
        "purpose": "doors",
        "subject": "5a" * 32,
        "expires": "2027-01-02T03:04:05.000006Z",
    }
    header = b"FWB" + bytes([1, 1])
    sealed = header + NONCE + AESGCM(KEY).encrypt(NONCE, plain, header + rfc8785.dumps(binding))
    return {"binding": binding, "key": KEY.hex(), "blob": sealed.hex()}


def wrapped() -> dict[str, str]:
    context = rfc8785.dumps({"format": "faceward-wrap", "scope": "staff", "use": "subject-key", "version": 1})
    identifier = "fedcba9876543210" * 2
    sealed = NONCE + AESGCM(KEY).encrypt(NONCE, KEY[::-1], context + identifier.encode())
    return {
        "use": "subject-key",
        "scope": "staff",
        "identifier": identifier,
        "key": KEY.hex(),
        "secret": KEY[::-1].hex(),
        "wrapped": sealed.hex(),
    }


def master_key_file() -> dict[str, str]:
    salt, passphrase = bytes(range(16)), "na\u00efve passphrase"
    header = {
        "format": "faceward-master-key",
        "version": 1,
        "kdf": "argon2id",
        "memory_kib": 256,
        "iterations": 2,
        "lanes": 2,
        "salt": base64.b64encode(salt).decode(),
        "cipher": "aes-256-gcm",
        "nonce": base64.b64encode(NONCE).decode(),
    }
    key = Argon2id(salt=salt, length=32, iterations=2, lanes=2, memory_cost=256).derive(passphrase.encode())
    ciphertext = AESGCM(key).encrypt(NONCE, KEY, rfc8785.dumps(header))
    document = {
        "header": header,
        "ciphertext": base64.b64encode(ciphertext).decode(),
        "checksum": hashlib.sha256(rfc8785.dumps(header) + ciphertext).hexdigest(),
    }
    return {"passphrase": passphrase, "master": KEY.hex(), "file": rfc8785.dumps(document).decode() + "\n"}


def vectors() -> dict[str, object]:
    text = rfc8785.dumps(RECORD)
    return {
        "features": blob("features", struct.pack("<4f", *FEATURES)) | {"values": FEATURES},
        "record": blob("record", text + b" " * (-len(text) % 256)) | {"value": RECORD},
        "wrapped": wrapped(),
        "master_key_file": master_key_file(),
    }


if __name__ == "__main__":
    target = Path(__file__).with_name("vectors.json")
    target.write_text(json.dumps(vectors(), indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
