"""Exact comparison of a SQLite file's schema: what was planted in it could act behind the program's back.

A trigger in a key store could keep what is destroyed; a view in the place of a table could answer without end.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache
from typing import TypeAlias

Part: TypeAlias = "tuple[str, str, str, str | None]"
"""Type, name, table and statement, as `sqlite_schema` (sqlite.org/schematab.html) has them."""

_READ = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_SHOWN = 60


@lru_cache(maxsize=8)
def _expected(statements: tuple[str, ...]) -> frozenset[Part]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        for statement in statements:
            fresh.executescript(statement)
        return frozenset(fresh.execute(_READ))


def deviation(connection: sqlite3.Connection, statements: tuple[str, ...]) -> str | None:
    """Compare a file's schema with what these statements make in a fresh one.

    Args:
        connection: The file. No table of it is touched.
        statements: SQL, each one or more statements.

    Returns:
        None if they are equal, otherwise what is wrong: `it holds a trigger 'x' that does not belong there`.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    expected = _expected(statements)
    # One more than can be right is enough to say that something is wrong.
    found = set(connection.execute(f"{_READ} LIMIT ?", (len(expected) + 1,)))
    names = {part[:3] for part in expected}
    for kind, name, table, sql in sorted(found - expected, key=repr):
        changed = (kind, name, table) in names and sql is not None
        shown = f"{str(kind)[:_SHOWN]} {str(name)[:_SHOWN]!r}"
        article = "an" if shown.startswith("index") else "a"
        return (
            f"its {shown} is not as it was made"
            if changed
            else f"it holds {article} {shown} that does not belong there"
        )
    for kind, name, _, _ in sorted(expected - found, key=repr):
        return f"it lacks the {kind} {name!r}"
    return None
