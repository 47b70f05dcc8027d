"""What to restore and where, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faceward.core.errors import UsageError
from faceward.core.results import JSONDict


@dataclass(frozen=True, slots=True)
class Order:
    """What to restore, and where.

    Attributes:
        archive: The archive.
        keys: The key part that was made with it.
        home: Where the deployment shall be; a folder that does not exist or is empty.
        log: A later `log.db` of the deployment, or None.
        without_later_log: There is none; what the log said since is lost.
        identity: age identity that both parts are encrypted to, or None.
    """

    archive: Path
    keys: Path
    home: Path
    log: Path | None = None
    without_later_log: bool = False
    identity: Path | None = None

    def check(self) -> None:
        """Check that it is whole.

        Raises:
            UsageError: Something is in its place, the log is missing, or there is not one way to go on.
        """
        if (self.log is None) != self.without_later_log:
            raise UsageError(
                "say what happened since the backup: --log FILE, the newest log.db there is, repeats every erasure; "
                "only where none is left, --without-later-log"
            )
        if self.log is not None and not self.log.is_file():
            raise UsageError(f"{self.log}: there is no such file; name the newest log.db there is")
        if self.home.exists() and (not self.home.is_dir() or any(self.home.iterdir())):
            raise UsageError(f"{self.home}: is not empty and is not overwritten; restore into a new folder")


@dataclass(frozen=True, slots=True)
class Restored:
    """A deployment that was restored.

    Attributes:
        home: Its folder.
        backup: Identifier of the backup.
        made: When that was made, RFC 3339.
        log_size: Number of log entries in it.
        later_entries: How many entries the later log holds; None where there was none.
        keys_destroyed: How many keys were destroyed again.
        stopped: Whether recognition is stopped until people restart it.
    """

    home: Path
    backup: str
    made: str
    log_size: int
    later_entries: int | None
    keys_destroyed: int
    stopped: bool

    def to_json(self) -> JSONDict:
        """Return the object that is printed."""
        return {
            "home": str(self.home),
            "backup": self.backup,
            "made": self.made,
            "log_size": self.log_size,
            "later_entries": self.later_entries,
            "keys_destroyed": self.keys_destroyed,
            "stopped": self.stopped,
        }
