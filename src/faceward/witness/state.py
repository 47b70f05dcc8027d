"""What a witness has seen, kept so that it never goes back."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from faceward.audit.checkpoint import Checkpoint
from faceward.audit.witness import Submission, judge
from faceward.core.errors import EnvironmentFailure, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

_APPLICATION_ID = 0x4657_5754  # "FWWT"
_BUSY_SECONDS = 10.0
_SCHEMA = (
    """CREATE TABLE seen (
        origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL CHECK (length(root) = 32), note TEXT NOT NULL
    ) STRICT""",
    """CREATE TRIGGER seen_forward BEFORE UPDATE ON seen
        WHEN NEW.size < OLD.size OR NEW.origin IS NOT OLD.origin OR (NEW.size = OLD.size AND NEW.root IS NOT OLD.root)
        BEGIN SELECT RAISE(ABORT, 'a witness does not go back'); END""",
    """CREATE TRIGGER seen_kept BEFORE DELETE ON seen
        BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END""",
    f"PRAGMA application_id = {_APPLICATION_ID}",
)
# Beside the first version's schema, so that a state of that time takes its witness's key at its next start.
_BOUND = "CREATE TABLE IF NOT EXISTS bound (only INTEGER PRIMARY KEY CHECK (only = 1), vkey TEXT NOT NULL) STRICT"


class WitnessState:
    """The latest checkpoint cosigned for each log, in one SQLite file. Threads and processes may share it.

    Args:
        path: The file, mode 0600; made if it is not there.

    Raises:
        IntegrityError: The file is something else.
        EnvironmentFailure: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise EnvironmentFailure(f"{path}: cannot be opened: {error.strerror}; check its permissions") from error
        with self._translated():
            self._db = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        # The journal's removal is made durable too: an answer must never outlive what it rests on.
        self._db.execute("PRAGMA synchronous = EXTRA")
        # In one transaction, since another process may be making the file at this moment.
        with self._turn():
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if application != _APPLICATION_ID:
                if application or tables:
                    raise IntegrityError(f"{self._path}: not a witness's state; name its file")
                for statement in _SCHEMA:
                    self._db.execute(statement)
            self._db.execute(_BOUND)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the file alone; what was written is durable at the end, or undone."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def bind(self, vkey: str) -> None:
        """Bind the state to a witness's key, the first that it is used with.

        Raises:
            IntegrityError: It is another witness's: what that one saw says nothing about what this one signed.
        """
        with self._lock, self._translated(), self._turn():
            self._db.execute("INSERT OR IGNORE INTO bound VALUES (1, ?)", (vkey,))
            (bound,) = self._db.execute("SELECT vkey FROM bound").fetchone()
        if bound != vkey:
            raise IntegrityError(
                f"{self._path}: the state of another witness, whose key is {bound}; name this one's own"
            )

    def seen(self, origin: str) -> Checkpoint | None:
        """Return the latest checkpoint cosigned for a log, or None."""
        with self._lock, self._translated():
            return self._seen(origin)

    def advance(self, submission: Submission) -> None:
        """Judge a checkpoint against the last one and store it, in one transaction; durable when this returns.

        Raises:
            Refusal: It does not continue the last one; nothing was stored.
            EnvironmentFailure: Busy for 10 s, or a full disk; nothing was stored.
        """
        new = submission.checkpoint
        with self._lock, self._translated(), self._turn():
            judge(submission, self._seen(new.origin))
            self._db.execute(
                "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (origin)"
                " DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note",
                (new.origin, new.size, new.root, submission.request.note),
            )

    def _seen(self, origin: str) -> Checkpoint | None:
        row = self._db.execute("SELECT size, root FROM seen WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else Checkpoint(origin, row[0], bytes(row[1]))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise EnvironmentFailure(f"{self._path}: {error}; check space, permissions and other processes") from error
        except sqlite3.Error as error:
            raise IntegrityError(f"{self._path}: not a witness's state, or damaged ({error}); restore it") from error
