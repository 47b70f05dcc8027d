"""Printing: one JSON object, or tables for people. Only results go to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faceward.cli.words import clean

if TYPE_CHECKING:
    from rich.console import Console

# Where the output is no terminal, lines are for a file or another program and need not fit a screen.
_WIDE = 200


def emit(value: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output, in any script where the output's encoding allows."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, indent=2)
    sys.stdout.write(text + "\n")


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: no markup, no emoji codes, no colouring of what looks like code."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, markup=False, emoji=False, highlight=False, width=None if stream.isatty() else _WIDE)


def say(text: str = "") -> None:
    """Print a line of result for people."""
    sys.stdout.write(_printable(clean(text)) + "\n")


def note(text: str) -> None:
    """Print a line beside the result, on standard error."""
    sys.stderr.write(f"faceward: {_printable(clean(text), stderr=True)}\n")


def print_text(text: str) -> None:
    """Print a text file as it is."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def page(text: str) -> None:
    """Print Markdown: set for reading on a terminal, as it is elsewhere."""
    if not sys.stdout.isatty():
        print_text(text)
        return
    from rich.markdown import Markdown

    console().print(Markdown(text, hyperlinks=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table, or `none`; a column whose name ends in `#` is a number and stands to the right."""
    from rich.table import Table

    rows = list(rows)
    if not rows:
        say("none" if title is None else f"{title}: none")
        return
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        drawn.add_column(column.rstrip("#"), justify="right" if column.endswith("#") else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    console().print(drawn)


def pairs(values: Mapping[str, object], title: str | None = None) -> None:
    """Print names with values."""
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in values.items():
        drawn.add_row(name, _cell(value))
    console().print(drawn)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_cell(inner)}" for name, inner in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(inner) for inner in value) or "-"
    # Lines of a cell may be broken on purpose; nothing else may move the cursor.
    return "\n".join(clean(line) for line in str(value).split("\n"))


def _printable(text: str, *, stderr: bool = False) -> str:
    encoding = (sys.stderr if stderr else sys.stdout).encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
