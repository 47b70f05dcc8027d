"""Tables of the key store, and the statements that both read and rotate them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.protection.database import Schema

if TYPE_CHECKING:
    import sqlite3

CHECK = "master"

# What the master key wraps, by use: how to read it and how to replace it.
MASTER_WRAPPED = {
    "check": ("SELECT name, wrapped FROM master_check", "UPDATE master_check SET wrapped = ? WHERE name = ?"),
    "gallery-key": (
        "SELECT gallery, wrapped FROM gallery_key",
        "UPDATE gallery_key SET wrapped = ? WHERE gallery = ?",
    ),
    "secret": ("SELECT name, wrapped FROM secret", "UPDATE secret SET wrapped = ? WHERE name = ?"),
}

SCHEMA = Schema(
    what="the key store",
    application_id=0x46574B31,  # "FWK1"
    migrations=(
        (
            """CREATE TABLE gallery_key (
                gallery TEXT PRIMARY KEY, wrapped BLOB NOT NULL
            ) STRICT, WITHOUT ROWID""",
            """CREATE TABLE subject_key (
                key_id TEXT PRIMARY KEY CHECK (length(key_id) = 32),
                gallery TEXT NOT NULL REFERENCES gallery_key (gallery) ON UPDATE RESTRICT,
                wrapped BLOB NOT NULL,
                pending INTEGER NOT NULL CHECK (pending IN (0, 1))
            ) STRICT, WITHOUT ROWID""",
            "CREATE INDEX subject_key_gallery ON subject_key (gallery)",
            "CREATE INDEX subject_key_pending ON subject_key (gallery) WHERE pending",
            # Identifiers are random and say nothing; they tell a destroyed key from a lost one for ever
            # after, so that a restored backup is recognised and swept.
            """CREATE TABLE destroyed_key (
                number INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL UNIQUE
            ) STRICT""",
            "CREATE TABLE secret (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE master_check (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID",
        ),
        (
            # The key of such a gallery is a custodian's (rule L2); what `gallery_key` holds for it opens nothing.
            """CREATE TABLE custodied (
                gallery TEXT PRIMARY KEY REFERENCES gallery_key (gallery), key_id TEXT NOT NULL
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
)


def wrapped_keys(connection: sqlite3.Connection, gallery: str, key_ids: list[str] | None) -> list[tuple[str, bytes]]:
    """Return identifiers and wrapped bytes of a gallery's keys: all, or those asked for that exist."""
    if key_ids is None:
        sql = "SELECT key_id, wrapped FROM subject_key WHERE gallery = ?"
        return connection.execute(sql, (gallery,)).fetchall()
    sql = "SELECT key_id, wrapped FROM subject_key WHERE gallery = ? AND key_id = ?"
    found = (connection.execute(sql, (gallery, key_id)).fetchone() for key_id in key_ids)
    return [row for row in found if row is not None]
