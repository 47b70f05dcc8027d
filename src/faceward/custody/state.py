"""What a custodian remembers: one SQLite file whose rows are authenticated together and never go back.

Every row adds a keyed hash to a sum that is stored nowhere; the head's tag covers the head and that sum (a keyed
multiset hash, MSet-Add-Hash of Clarke et al., ASIACRYPT 2003). So no row can be changed, added, removed or taken from
an older copy without the key, and opening the file finds out. A copy of the whole file is not told from the file.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from faceward.audit.merkle import EMPTY_ROOT
from faceward.core.errors import IntegrityError, UsageError
from faceward.protection.database import Database, Schema
from faceward.protection.holder import require_master

if TYPE_CHECKING:
    import sqlite3

    from faceward.core.canonical import JSONObject

    Row: TypeAlias = "JSONObject"
    Place: TypeAlias = "tuple[str, str]"

SCHEMA = Schema(
    what="the custodian's state",
    application_id=0x46574355,  # "FWCU"
    migrations=(
        (
            """CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), value BLOB NOT NULL, tag BLOB NOT NULL)
                STRICT""",
            """CREATE TABLE kept (
                kind TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, name)
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
)
KEY_USE = b"faceward/custody/state/v1"
_MODULUS = 1 << 256
_ROOT_HEX = EMPTY_ROOT.hex()


@dataclass(frozen=True, slots=True)
class Head:
    """What every step looks at.

    Attributes:
        origin: The deployment whose keys are held; empty before it is founded.
        vkey: The public key of its log.
        standard: Name of its standard.
        standard_digest: Digest of that standard's files.
        pack_digest: Digest of its model pack.
        size: Number of entries of the log when it was seen last.
        root: Root hash over them, 64 hexadecimal digits.
        floor: Entries before this index are never accepted again.
        clock: The latest time that was acted at, microseconds since 1970, UTC.
        stopped: Recognition is stopped.
        manned: The roster was complete once, so that nothing changes without a second person.
        generation: Counts changes of the roster, the pins and the revocations.
    """

    origin: str = ""
    vkey: str = ""
    standard: str = ""
    standard_digest: str = ""
    pack_digest: str = ""
    size: int = 0
    root: str = _ROOT_HEX
    floor: int = 0
    clock: int = 0
    stopped: bool = False
    manned: bool = False
    generation: int = 0


class Turn:
    """The state during one transaction: what is set here is stored when the transaction ends well, or not at all.

    Attributes:
        head: Replace it to change it.
    """

    def __init__(self, head: Head, rows: Mapping[Place, Row]) -> None:
        self.head = head
        self._rows = rows
        self.changed: dict[Place, Row | None] = {}

    def get(self, kind: str, name: str) -> Row | None:
        """Return a row, or None where there is none."""
        place = (kind, name)
        return self.changed[place] if place in self.changed else self._rows.get(place)

    def put(self, kind: str, name: str, row: Row) -> None:
        """Set a row."""
        self.changed[kind, name] = row

    def drop(self, kind: str, name: str) -> None:
        """Remove a row."""
        self.changed[kind, name] = None

    def all(self, kind: str) -> dict[str, Row]:
        """Return every row of a kind, by name."""
        found = {place[1]: row for place, row in self._rows.items() if place[0] == kind}
        for place, row in self.changed.items():
            if place[0] == kind:
                found.pop(place[1], None)
                if row is not None:
                    found[place[1]] = row
        return found


class State:
    """The file. Threads may share it; so may processes, each with its own.

    All methods raise EnvironmentFailure where the machine fails (full disk, permission, busy) and IntegrityError
    where the file was altered.
    """

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self._key = hmac.digest(master, KEY_USE, "sha256")
        self._lock = threading.RLock()
        # What this process knows; None: it must be read again.
        self._version: int | None = None
        self._head = Head()
        self._rows: dict[Place, Row] = {}
        self._hashes: dict[Place, int] = {}
        self._sum = 0

    @classmethod
    def create(cls, path: Path, master: bytes) -> Self:
        """Set up an empty state, mode 0600.

        Raises:
            UsageError: It exists, or the master key is not 32 bytes.
        """
        require_master(master)
        state = cls(Database(path, SCHEMA, create=True), master)
        value = _encode(asdict(Head()))
        with state._database.transaction() as connection:
            connection.execute("INSERT INTO head VALUES (1, ?, ?)", (value, state._tag(value, 0)))
        return state

    @classmethod
    def open(cls, path: Path, master: bytes) -> Self:
        """Open a state, and check all of it.

        Raises:
            IntegrityError: The file is missing, damaged, altered, or belongs to another master key.
        """
        require_master(master)
        state = cls(Database(path, SCHEMA), master)
        try:
            with state.turn():
                pass
        except BaseException:
            state.close()
            raise
        return state

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def close(self) -> None:
        """Close the file and forget the key."""
        with self._lock:
            self._key = b""
            self._version = None
            self._database.close()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Run a block alone, among all threads and processes; what it sets is durable when this ends without error."""
        with self._lock:
            if not self._key:
                raise UsageError("the custodian is closed; open it again")
            known, self._version = self._version, None
            with self._database.transaction() as connection:
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != known:
                    self._load(connection)
                turn = Turn(self._head, self._rows)
                try:
                    yield turn
                except BaseException:
                    # Nothing was written yet, so what is known of the file still holds.
                    self._version = version
                    raise
                hashes = self._write(connection, turn)
            self._adopt(turn, hashes)
            # Our own commits leave the number as it is; it changes with those of others.
            self._version = version

    def wipe(self, deleted: list[bytes]) -> None:
        """Wipe deleted bytes from the file and its journal, and check that they are gone.

        Raises:
            EnvironmentFailure: Another process reads the file; repeat.
            IntegrityError: They are still there.
        """
        self._database.wipe(deleted)

    def _load(self, connection: sqlite3.Connection) -> None:
        stored = connection.execute("SELECT value, tag FROM head").fetchone()
        values = {(kind, name): value for kind, name, value in connection.execute("SELECT * FROM kept")}
        hashes = {place: self._hash(place, value) for place, value in values.items()}
        total = sum(hashes.values()) % _MODULUS
        if stored is None or not hmac.compare_digest(stored[1], self._tag(stored[0], total)):
            raise IntegrityError(
                f"{self.path} was altered, or belongs to another master key; restore it and its key together"
            )
        # What authenticates was written by `_encode`.
        self._head = Head(**json.loads(stored[0]))
        self._rows = {place: json.loads(value) for place, value in values.items()}
        self._hashes, self._sum = hashes, total

    def _write(self, connection: sqlite3.Connection, turn: Turn) -> dict[Place, int]:
        """Write what a turn set; return the hashes of its rows."""
        if turn.head is self._head and not turn.changed:
            return {}
        hashes: dict[Place, int] = {}
        total = self._sum
        for place, row in turn.changed.items():
            total -= self._hashes.get(place, 0)
            if row is None:
                connection.execute("DELETE FROM kept WHERE kind = ? AND name = ?", place)
                continue
            value = _encode(row)
            hashes[place] = self._hash(place, value)
            total += hashes[place]
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (*place, value))
        value = _encode(asdict(turn.head))
        connection.execute("UPDATE head SET value = ?, tag = ?", (value, self._tag(value, total % _MODULUS)))
        return hashes

    def _adopt(self, turn: Turn, hashes: dict[Place, int]) -> None:
        """Take over what was committed."""
        self._head = turn.head
        for place, row in turn.changed.items():
            self._sum -= self._hashes.pop(place, 0)
            if row is None:
                self._rows.pop(place, None)
            else:
                self._rows[place] = row
                self._hashes[place] = hashes[place]
                self._sum += hashes[place]
        self._sum %= _MODULUS

    def _hash(self, place: Place, value: bytes) -> int:
        kind, name = place[0].encode(), place[1].encode()
        framed = b"row\0%d\0%d\0" % (len(kind), len(name)) + kind + name + value
        return int.from_bytes(hmac.digest(self._key, framed, "sha256"), "big")

    def _tag(self, value: bytes, total: int) -> bytes:
        return hmac.digest(self._key, b"head\0" + total.to_bytes(32, "big") + value, "sha256")


def _encode(value: Mapping[str, object]) -> bytes:
    # Only ever compared with itself, through its tag, so it needs no canonical form; this is the fastest.
    return json.dumps(value, separators=(",", ":")).encode()
