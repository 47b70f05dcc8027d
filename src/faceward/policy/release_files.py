"""Release files: TOML or JSON for one or several releases, CSV for many."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from faceward.core.clock import from_rfc3339
from faceward.core.duration import parse_duration
from faceward.core.errors import BadInput, UsageError
from faceward.core.names import check_name
from faceward.policy.consent import Release
from faceward.policy.purposes import MAX_ALTERNATIVE
from faceward.policy.strict import Table, decode_text, parse_json, parse_toml

MAX_BYTES = 8 * 1024 * 1024
MAX_TEXT = 10_000
_REQUIRED = ("subject", "purpose", "signed")
_KNOWN = (*_REQUIRED, "until", "term", "statement", "evidence")
_EXAMPLES = {
    "subject": 'subject = "Grace Hopper"',
    "purpose": 'purpose = "door"',
    "signed": "signed = 2026-01-31",
    "until": "until = 2027-01-31",
    "term": 'term = "365d"',
}
# First bytes of files that hold a picture of a release: PDF, PNG, JPEG, TIFF, GIF, WebP, ZIP (docx, odt).
_SCANS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF8", b"RIFF", b"PK\x03\x04")


def parse_releases(data: bytes, filename: str) -> tuple[Release, ...]:
    """Parse a release file.

    A TOML or JSON file holds one release, or several under `[[release]]` or `{"release": [...]}`. A CSV file
    holds one a line under a header with the same keys. Keys: `subject`, `purpose`, `signed` (ISO date), then
    `until` (ISO date, in force through that day in UTC, or RFC 3339 moment) or `term` (`365d`, from the day
    signed), and optionally `statement` and `evidence`.

    Args:
        data: Content of the file, at most 8 MiB.
        filename: Its name; the ending tells the format.

    Returns:
        The releases in the order of the file, at least one.

    Raises:
        BadInput: Not such a file; the message names the key and shows a line that is right.
    """
    where = f"release file {filename!r}"
    if len(data) > MAX_BYTES:
        raise BadInput(f"{where}: larger than {MAX_BYTES // 2**20} MiB; split it")
    ending = filename.lower().rpartition(".")[2]
    if data.startswith(_SCANS) or data[4:8] == b"ftyp":
        raise BadInput(
            f"{where}: a scan or document; keep it as evidence, and write a .toml text file with the lines "
            f"{_example_lines()} ; evidence = {json.dumps(filename, ensure_ascii=False)}"
        )
    if not data.strip():
        raise BadInput(f"{where}: empty; write the lines {_example_lines()}")
    if ending == "csv":
        tables = _from_csv(data, where)
    elif ending in ("toml", "json"):
        parsed = parse_toml(data, where, BadInput) if ending == "toml" else parse_json(data, where, BadInput)
        tables = _from_tree(parsed, where)
    else:
        raise BadInput(f"{where}: its name must end in .toml, .json or .csv; rename it")
    releases = tuple(_release(table) for table in tables)
    if not releases:
        raise BadInput(f"{where}: holds no release; write the lines {_example_lines()}")
    return releases


def render_release(subject: str, purpose: str, until: date, alternative: str = "") -> str:
    """Write a release file for the subject to read and sign and the operator to complete.

    The day of signature is left empty, so that `parse_releases` refuses the file until somebody has written it.

    Args:
        subject: The subject's name.
        purpose: The purpose's name.
        until: Last day of the term.
        alternative: The way without face recognition that the subject is offered; without one the statement
            claims none.

    Returns:
        TOML text that `parse_releases` reads once the day of signature stands in it.

    Raises:
        UsageError: The alternative is no single line, or too long.
    """
    way = alternative.strip().rstrip(".")
    if len(way) > MAX_ALTERNATIVE or any(unicodedata.category(c) in ("Cc", "Cs") for c in way):
        raise UsageError(f"the alternative must be one line of at most {MAX_ALTERNATIVE} characters")
    offered = f"I was offered a way without face recognition: {way}. " if way else ""
    statement = (
        "I agree that features of my face are computed and kept for this purpose until this day. "
        f"{offered}I can withdraw this at any time."
    )
    return (
        "# Release for face recognition. The subject signs it on paper or otherwise; this file records it.\n"
        f"subject = {_toml_text(subject)}\n"
        f"purpose = {_toml_text(purpose)}\n"
        'signed = ""    # the day of signature, for example 2026-01-31\n'
        f"until = {until.isoformat()}    # the last day; the reference is erased no later\n"
        f"statement = {_toml_text(statement)}\n"
        'evidence = ""    # where the signed original is kept\n'
    )


def _from_tree(parsed: object, where: str) -> Iterator[Table]:
    if isinstance(parsed, Mapping) and "release" in parsed:
        Table(parsed, where, BadInput).only(("release",))
        several = parsed["release"]
        if not isinstance(several, list):
            raise BadInput(f"{where}: 'release' must be a list; in TOML write [[release]] above each")
        for index, entry in enumerate(several, start=1):
            yield Table(entry, f"{where}, release {index}", BadInput)
    else:
        yield Table(parsed, where, BadInput)


def _from_csv(data: bytes, where: str) -> Iterator[Table]:
    text = decode_text(data, where, BadInput)
    header = text.lstrip().splitlines()[0] if text.strip() else ""
    # Spreadsheets write semicolons where the comma is the decimal sign.
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadInput(f"{where}, line {reader.line_num}: not valid CSV ({error}); correct it") from None
    if not rows:
        return
    columns = [name.strip().lower() for name in rows[0][1]]
    if len(set(columns)) != len(columns):
        raise BadInput(f"{where}: a column is named twice in the first line; name each once")
    for line, row in rows[1:]:
        if len(row) != len(columns):
            raise BadInput(f"{where}, line {line}: {len(row)} values for {len(columns)} columns; correct the line")
        cells = {name: cell.strip() for name, cell in zip(columns, row, strict=True)}
        yield Table({k: v for k, v in cells.items() if v}, f"{where}, line {line}", BadInput)


def _release(table: Table) -> Release:
    table.only(_KNOWN)
    for key in _REQUIRED:
        if not table.has(key):
            raise table.error(f"the key {key!r} is missing; write for example: {_EXAMPLES[key]}")
    day = table.value("signed")
    if isinstance(day, str) and not day.strip():
        raise table.error(f"the day of signature is missing; write it, for example: {_EXAMPLES['signed']}")
    signed = _day(table, "signed")
    until = _until(table, signed)
    if until <= datetime(signed.year, signed.month, signed.day, tzinfo=UTC):
        raise table.error("the release ends before it was signed; correct 'signed' or 'until'")
    return Release(
        subject=_name(table, "subject"),
        purpose=_name(table, "purpose"),
        signed_on=signed,
        until=until,
        statement=_free_text(table, "statement"),
        evidence=_free_text(table, "evidence"),
    )


def _until(table: Table, signed: date) -> datetime:
    if table.has("until") == table.has("term"):
        raise table.error(f"give either 'until' or 'term', for example: {_EXAMPLES['until']} or {_EXAMPLES['term']}")
    try:
        if table.has("term"):
            return _midnight(signed) + parse_duration(table.text("term"))
        value = table.value("until")
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
        if isinstance(value, str) and "T" in value.upper():
            return from_rfc3339(value)
        return _midnight(_day(table, "until")) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise table.error(f"{error}; write for example: {_EXAMPLES['until']} or {_EXAMPLES['term']}") from None


def _day(table: Table, key: str) -> date:
    value = table.value(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(table.text(key))
    except (ValueError, BadInput):
        raise table.error(f"{key!r} is no date; write for example: {_EXAMPLES[key]}") from None


def _name(table: Table, key: str) -> str:
    try:
        return check_name(table.text(key), key)
    except UsageError as error:
        raise table.error(f"{error}, for example: {_EXAMPLES[key]}") from None


def _free_text(table: Table, key: str) -> str:
    text = table.text(key).strip() if table.has(key) else ""
    if len(text) > MAX_TEXT:
        raise table.error(f"{key!r} is longer than {MAX_TEXT} characters; shorten it")
    return text


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _example_lines() -> str:
    return " ; ".join(_EXAMPLES[key] for key in ("subject", "purpose", "signed", "until"))


def _toml_text(text: str) -> str:
    # A JSON string is a TOML basic string, save for DEL, which TOML wants escaped (TOML 1.0, "String").
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
