"""The table of log entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from faceward.cli.output import table

if TYPE_CHECKING:
    from faceward.core.reports import LogLine

_DIGEST = re.compile("[0-9a-f]{64}")


def log_table(lines: Iterable[LogLine], title: str | None = None) -> None:
    """Print log entries, one a line."""
    table(("entry#", "time", "operation", "phase", "closes#", "details"), [_row(line) for line in lines], title)


def _row(line: LogLine) -> tuple[object, ...]:
    opened = "\n".join(_details(slot, details) for slot, details in line.opened.items())
    closed = f"sealed: {', '.join(line.sealed)}" if line.sealed else ""
    return (
        line.index,
        line.time[:19].replace("T", " "),
        line.operation,
        line.phase,
        line.refers,
        "\n".join(text for text in (opened, closed) if text),
    )


def _details(slot: str, details: object) -> str:
    if not isinstance(details, Mapping):
        return slot
    return ", ".join(
        f"{name} {_inline(name, value)}" for name, value in details.items() if value not in (None, "", [], {})
    )


def _inline(name: str, value: object) -> object:
    """Return a value to stand between commas; a refusal's reason is a sentence, whose full stop must go."""
    if name == "chain" and isinstance(value, Mapping):
        return value.get("number")
    return value.rstrip(".") if name == "reason" and isinstance(value, str) else _short(value)


def _short(value: object) -> object:
    """Cut digests to what tells them apart at a glance; `--json` has them whole."""
    return f"{value[:12]}…" if isinstance(value, str) and _DIGEST.fullmatch(value) else value
