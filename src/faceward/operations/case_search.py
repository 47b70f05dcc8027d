"""A search read back from the log, for a case that is opened afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, sha256_hex
from faceward.core.errors import UsageError
from faceward.core.results import ProbeResult
from faceward.core.sources import Source
from faceward.operations.cases import CaseRequest, keep_case
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Journal
from faceward.policy.review_model import Candidate, Case, Search
from faceward.vision.images import decode, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS

_IDENTIFY = "identify"


def open_from_log(deployment: Deployment, desk: Desk, path: Source, entry: int, kind: str) -> Case:
    """Open a case for an identification that the log holds; scores are not in the log, so the case has none.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        path: The very file that was searched with.
        entry: Index of the entry that announced the search.
        kind: What the probe is stated to be.

    Raises:
        UsageError: The entry is no identification that came to its end, or was made with another file.
        PolicyRefusal: See `cases.open_case`.
        BadInput: The file is no picture.
    """
    data = read_file(path)
    decode(data, path.name, ANALYSIS_PIXELS)
    search, candidates = read_search(deployment, desk.journal, entry, sha256_hex(data))
    return keep_case(deployment, desk, CaseRequest(data, path.name, kind, search, candidates))


def candidates_of(probes: Sequence[ProbeResult], width: int, height: int) -> tuple[Candidate, ...]:
    """Return the candidates of a search for a case, each with the place of their face.

    Args:
        probes: The faces of the probe, as the search returned them.
        width: Width of the picture in which the faces were found, upright, in pixels.
        height: Its height.
    """
    found = [(probe.face.face.box, candidate) for probe in probes for candidate in probe.candidates]
    return tuple(
        Candidate(
            number,
            candidate.subject,
            candidate.reference,
            candidate.score,
            (_share(box.x0, width), _share(box.y0, height), _share(box.x1, width), _share(box.y1, height)),
        )
        for number, (box, candidate) in enumerate(found, 1)
    )


def _share(place: float, whole: int) -> float:
    return round(min(1.0, max(0.0, float(place) / max(1, whole))), 4)


def read_search(
    deployment: Deployment, journal: Journal, index: int, probe: str
) -> tuple[Search, tuple[Candidate, ...]]:
    """Return a search and whom it returned; candidates who were erased since are left out."""
    log = deployment.log
    begun = log.entry(index) if 0 <= index < log.size else None
    if begun is None or begun.operation != _IDENTIFY or begun.phase is not Phase.BEGIN:
        raise UsageError(f"log entry {index} announces no identification; 'audit show' lists the entries")
    details = journal.opened(index, begun)[DETAILS].details
    if details.get("probe_sha256") != probe:
        raise UsageError(f"the search in log entry {index} was made with another file; give the file itself, unchanged")
    ended = next((n for n, e in log.entries(index + 1) if e.refers == index and e.phase is Phase.END), None)
    opened = {} if ended is None else journal.opened(ended, log.entry(ended))
    if ended is None or "failed" in opened[DETAILS].details:
        raise UsageError(f"the search in log entry {index} did not come to its end; search again")
    search = Search(
        entry=index,
        operator=_text(details, "operator"),
        gallery=_text(details, "gallery"),
        purpose=_text(details, "purpose"),
        mandate=_text(details, "mandate"),
        reason=_text(details, "reason"),
    )
    found = [opening.details for slot, opening in opened.items() if slot != DETAILS]
    candidates = tuple(
        Candidate(number, _text(about, "subject"), _text(about, "reference"), None)
        for number, about in enumerate(found, 1)
        if about.get("outcome") == "candidate"
    )
    return search, candidates


def _text(details: JSONObject, key: str) -> str:
    value = details.get(key)
    return value if isinstance(value, str) else ""
