"""A deployment's own findings: how many faces were searched, and how many alerts its reviewers found to be false."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from faceward.core.canonical import JSONObject, JSONValue, sha256_hex
from faceward.core.errors import BadInput
from faceward.evaluate.intervals import rate
from faceward.evaluate.protocols import read_limited
from faceward.policy.strict import Table, parse_json

MAX_BYTES = 2**28
_COUNTS = ("faces", "alerts", "false_alerts", "undecided")
_KEYS = ("time", "purpose", *_COUNTS)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What the file says.

    Attributes:
        digest: SHA-256 of the file, 64 hexadecimal digits.
        searches: Number of pictures that were searched; one that was searched again counts once.
        faces: Faces that were compared.
        details: The counts and rates as plain values, of all and of each purpose.
    """

    digest: str
    searches: int
    faces: int
    details: JSONObject


def read_outcomes(path: Path) -> Reviewed:
    """Read what `faceward monitoring export` wrote: one JSON object a line, one line a picture.

    The rate of false alerts is taken over faces; its interval is Wilson's and holds for one look at the data. `worst`
    counts every undecided alert as false. Reviews see nobody whom a search missed, so they say nothing of the FNIR.

    Raises:
        BadInput: It cannot be read, a line is of another form or contradicts itself, or no face was searched.
    """
    data = read_limited(path, "file of outcomes", MAX_BYTES)
    lines = [line for line in data.split(b"\n") if line.strip()]
    totals: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("searches", *_COUNTS), 0))
    for number, line in enumerate(lines, 1):
        where = f"{path}: line {number}"
        purpose, counts = _line(Table(parse_json(line, where, BadInput), where, BadInput))
        for name in (purpose, ""):
            totals[name]["searches"] += 1
            for key, count in counts.items():
                totals[name][key] += count
    every = totals[""]
    if not every["faces"]:
        raise BadInput(f"{path}: no face was searched, so there is nothing to take a share of; export it later")
    by_purpose: list[JSONValue] = [
        {"purpose": purpose, **_rates(counts)} for purpose, counts in sorted(totals.items()) if purpose
    ]
    return Reviewed(sha256_hex(data), every["searches"], every["faces"], {**_rates(every), "purposes": by_purpose})


def _line(table: Table) -> tuple[str, Mapping[str, int]]:
    table.only(_KEYS)
    table.text("time")
    counts = {key: _count(table, key) for key in _COUNTS}
    if counts["alerts"] > counts["faces"] or counts["false_alerts"] + counts["undecided"] > counts["alerts"]:
        raise table.error("there cannot be more alerts than faces, nor more false and undecided ones than alerts")
    purpose = table.text("purpose")
    if not purpose:
        raise table.error("'purpose' is empty")
    return purpose, counts


def _count(table: Table, key: str) -> int:
    value = table.number(key)
    if not value.is_integer() or value < 0:
        raise table.error(f"{key!r} must be a whole number, zero or more")
    return int(value)


def _rates(counts: Mapping[str, int]) -> dict[str, JSONValue]:
    faces, false = counts["faces"], counts["false_alerts"]
    return {
        **counts,
        "rate": asdict(rate(false, faces)) if faces else None,
        "worst": asdict(rate(false + counts["undecided"], faces)) if faces else None,
    }
