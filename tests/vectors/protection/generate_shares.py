"""Write `shares.json`: shares with fixed random bytes, made from SLIP-0039 alone; only its list of words is taken.

Run it only when a new version of the form is added; the old entry stays for ever, because people hold such shares.

    python tests/vectors/protection/generate_shares.py
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

import rfc8785
from shamir_mnemonic.wordlist import WORDLIST

MASTER, PART = bytes(range(32)), bytes(range(200, 228))
IDENTIFIER, THRESHOLD, COUNT = 0x3F2A, 2, 3
SECRET_AT, DIGEST_AT = 255, 254
GENERATOR = (
    0xE0E040, 0x1C1C080, 0x3838100, 0x7070200, 0xE0E0009,
    0x1C0C2412, 0x38086C24, 0x3090FC48, 0x21B1F890, 0x3F3F120,
)  # fmt: skip


def times(a: int, b: int) -> int:
    """Multiply in GF(256) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def inverse(a: int) -> int:
    return next(b for b in range(1, 256) if times(a, b) == 1)


def interpolate(points: Mapping[int, bytes], x: int) -> bytes:
    result = bytes(32)
    for i, value in points.items():
        factor = 1
        for j in points.keys() - {i}:
            factor = times(factor, times(x ^ j, inverse(i ^ j)))
        result = bytes(r ^ times(factor, v) for r, v in zip(result, value, strict=True))
    return result


def encrypted(master: bytes) -> bytes:
    """Encrypt with the empty passphrase at the least cost: a Feistel network of four rounds, extendable backup."""
    left, right = master[:16], master[16:]
    for number in range(4):
        mixed = hashlib.pbkdf2_hmac("sha256", bytes([number]), right, 2500, 16)
        left, right = right, bytes(a ^ b for a, b in zip(left, mixed, strict=True))
    return right + left


def polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 20
        check = (check & 0xFFFFF) << 10 ^ value
        for bit, constant in enumerate(GENERATOR):
            check ^= constant if top >> bit & 1 else 0
    return check


def words(number: int, value: bytes) -> str:
    bits = f"{IDENTIFIER:015b}1{0:04b}{0:04b}{0:04b}{0:04b}{number:04b}{THRESHOLD - 1:04b}"
    bits += "0" * 4 + f"{int.from_bytes(value, 'big'):0256b}"
    data = [int(bits[i : i + 10], 2) for i in range(0, len(bits), 10)]
    check = polymod([*b"shamir_extendable", *data, 0, 0, 0]) ^ 1
    return " ".join(WORDLIST[i] for i in (*data, check >> 20, check >> 10 & 1023, check & 1023))


def vectors() -> dict[str, object]:
    secret = encrypted(MASTER)
    points = {SECRET_AT: secret, DIGEST_AT: hmac.digest(PART, secret, "sha256")[:4] + PART}
    shares = [words(number, interpolate(points, number)) for number in range(COUNT)]
    document = {
        "format": "faceward-master-key-shares",
        "version": 1,
        "set": f"{IDENTIFIER:04x}",
        "threshold": THRESHOLD,
        "count": COUNT,
        "digests": [hashlib.sha256(b"faceward/custodian-share/v1\0" + text.encode()).hexdigest() for text in shares],
        "check": hashlib.sha256(b"faceward/custodian-master/v1\0" + MASTER).hexdigest(),
    }
    document["checksum"] = hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    return {"master": MASTER.hex(), "shares": shares, "file": rfc8785.dumps(document).decode() + "\n"}


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=2, ensure_ascii=True) + "\n"
    Path(__file__).with_name("shares.json").write_text(text, encoding="ascii")
