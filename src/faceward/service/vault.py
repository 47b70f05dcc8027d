"""What a service must remember between requests and across its processes, sealed, each thing with its term."""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faceward.core.canonical import JSONValue, canonical_json
from faceward.core.errors import IntegrityError, UsageError
from faceward.protection.database import Database, Schema

if TYPE_CHECKING:
    import sqlite3

    from faceward.core.clock import Clock

FILE = "service.db"
_NONCE_BYTES = 12
_SALT_BYTES = 32
_SEALED = re.compile(r"[A-Za-z0-9_-]{80,}")
_V1 = (
    """CREATE TABLE thing (
        kind TEXT NOT NULL,
        name BLOB NOT NULL CHECK (length(name) = 32),
        expires INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX thing_expires ON thing (expires)",
    """CREATE TABLE count (
        kind TEXT NOT NULL,
        name BLOB NOT NULL CHECK (length(name) = 32),
        ends INTEGER NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID""",
)
_SCHEMA = Schema(what="the service's store", application_id=0x46575331, migrations=(_V1,))  # "FWS1"


class Vault:
    """A sealed store of named things with terms; threads and processes may share its file.

    Names are stored as keyed digests and values under AES-256-GCM, bound to their place and term, by keys drawn from
    the deployment's secret (HKDF, RFC 5869): whoever takes the file learns how many there are, and can make none. What
    has expired is not returned, and is deleted when something is added.

    Args:
        path: The file; it is made where there is none.
        secret: A secret of the deployment, at least 32 bytes.
        clock: Where time comes from.

    Raises:
        IntegrityError: The file is damaged or of a newer version.
        EnvironmentFailure: It cannot be opened.
    """

    def __init__(self, path: Path, secret: bytes, clock: Clock) -> None:
        with suppress(UsageError):
            Database(path, _SCHEMA, create=True).close()
        self._database = Database(path, _SCHEMA)
        drawn = HKDF(hashes.SHA256(), 96, salt=None, info=b"faceward/service-vault/v1").derive(secret)
        self._seal, self._names, self._clock = AESGCM(drawn[:32]), drawn[32:64], clock
        self._away = drawn[64:]

    def put(self, kind: str, name: str, value: JSONValue, expires: datetime) -> None:
        """Keep a value until then, in the place of one of that kind and name."""
        self._write("INSERT OR REPLACE INTO thing VALUES (?, ?, ?, ?)", kind, name, value, expires)

    def add(self, kind: str, name: str, value: JSONValue, expires: datetime) -> bool:
        """Keep a value until then unless there is one; tell whether it was kept."""
        return self._write("INSERT OR IGNORE INTO thing VALUES (?, ?, ?, ?)", kind, name, value, expires)

    def get(self, kind: str, name: str) -> JSONValue:
        """Return a value, or None where there is none.

        Raises:
            IntegrityError: It was altered.
        """
        digest = self._digest(kind, name)
        with self._database.snapshot() as connection:
            row = connection.execute(
                "SELECT expires, sealed FROM thing WHERE kind = ? AND name = ? AND expires > ?",
                (kind, digest, self._now()),
            ).fetchone()
        return None if row is None else self._opened(kind, digest, row)

    def take(self, kind: str, name: str) -> JSONValue:
        """Return a value and forget it, so that of several who ask one gets it; None where there is none.

        Raises:
            IntegrityError: It was altered.
        """
        digest = self._digest(kind, name)
        with self._database.transaction() as connection:
            row = connection.execute(
                "DELETE FROM thing WHERE kind = ? AND name = ? AND expires > ? RETURNING expires, sealed",
                (kind, digest, self._now()),
            ).fetchone()
        return None if row is None else self._opened(kind, digest, row)

    def delete(self, kind: str, name: str) -> None:
        """Forget a value."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM thing WHERE kind = ? AND name = ?", (kind, self._digest(kind, name)))

    def all(self, kind: str) -> list[JSONValue]:
        """Return the values of a kind, in no order.

        Raises:
            IntegrityError: One was altered.
        """
        with self._database.snapshot() as connection:
            rows = connection.execute(
                "SELECT name, expires, sealed FROM thing WHERE kind = ? AND expires > ?", (kind, self._now())
            ).fetchall()
        return [self._opened(kind, bytes(row[0]), row[1:]) for row in rows]

    def increment(self, kind: str, name: str, window: timedelta) -> int:
        """Count one more and return how many there were in this window; it begins with the first."""
        now = self._now()
        digest, ends = self._digest(kind, name), now + int(window.total_seconds() * 1e6)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM count WHERE ends <= ?", (now,))
            row = connection.execute(
                "INSERT INTO count VALUES (?, ?, ?, 1) ON CONFLICT (kind, name) DO UPDATE SET number = number + 1"
                " RETURNING number",
                (kind, digest, ends),
            ).fetchone()
        return int(row[0])

    def counted(self, kind: str, name: str) -> int:
        """Return how many were counted in the window that runs, 0 where none does."""
        with self._database.snapshot() as connection:
            row = connection.execute(
                "SELECT number FROM count WHERE kind = ? AND name = ? AND ends > ?",
                (kind, self._digest(kind, name), self._now()),
            ).fetchone()
        return 0 if row is None else int(row[0])

    def reset(self, kind: str, name: str) -> None:
        """Forget a count."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM count WHERE kind = ? AND name = ?", (kind, self._digest(kind, name)))

    def seal(self, kind: str, value: JSONValue) -> str:
        """Return a value sealed by this deployment, to be kept elsewhere; see `pending`.

        Anybody may have as many made as they like, so each has a key of its own: no nonce can come twice.
        """
        salt = secrets.token_bytes(_SALT_BYTES)
        return _written(salt + self._once(salt).encrypt(bytes(_NONCE_BYTES), canonical_json(value), kind.encode()))

    def unseal(self, kind: str, text: str) -> JSONValue:
        """Return what `seal` sealed as this kind, or None where it did not."""
        if _SEALED.fullmatch(text) is None:
            return None
        try:
            content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            salt = content[:_SALT_BYTES]
            plain = self._once(salt).decrypt(bytes(_NONCE_BYTES), content[_SALT_BYTES:], kind.encode())
        except (InvalidTag, ValueError):
            return None
        value: JSONValue = json.loads(plain)
        # The last character of base64 has several forms, and one value must have one text.
        return value if _written(content) == text else None

    def _once(self, salt: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._away, salt, "sha256"))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _write(self, sql: str, kind: str, name: str, value: JSONValue, expires: datetime) -> bool:
        digest, until = self._digest(kind, name), _stamp(expires)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._seal.encrypt(nonce, canonical_json({"value": value}), _place(kind, digest, until))
        with self._database.transaction() as connection:
            self._sweep(connection)
            return connection.execute(sql, (kind, digest, until, sealed)).rowcount > 0

    def _sweep(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM thing WHERE expires <= ?", (self._now(),))

    def _opened(self, kind: str, digest: bytes, row: tuple[int, bytes]) -> JSONValue:
        until, sealed = row
        try:
            plain = self._seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(kind, digest, until))
        except InvalidTag:
            raise IntegrityError(
                "what service.db holds was altered; delete the file, and everybody signs in again"
            ) from (None)
        value: JSONValue = json.loads(plain)["value"]
        return value

    def _digest(self, kind: str, name: str) -> bytes:
        return hmac.digest(self._names, f"{kind}\0{name}".encode(), "sha256")

    def _now(self) -> int:
        return _stamp(self._clock.now())


def _written(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)


def _place(kind: str, digest: bytes, until: int) -> bytes:
    return kind.encode() + b"\0" + digest + until.to_bytes(8, "big")
