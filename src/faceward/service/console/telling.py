"""A subject's account as pages tell it: to the subject in their own words, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONValue
from faceward.core.reports import LogLine, ReferenceView
from faceward.core.subject_results import SubjectAccount
from faceward.operations.access_words import SENTENCES, said_of, sentence_of
from faceward.policy.notices import because
from faceward.policy.parameters import Basis
from faceward.service.console.i18n import N_

WORDS = (
    N_("decision"),
    N_("outcome"),
    N_("reason"),
    N_("text"),
    N_("answer"),
    N_("kind"),
    N_("action"),
    N_("place"),
    N_("recipient"),
    N_("match"),
    N_("non-match"),
    N_("complaint"),
    N_("access"),
    N_("erasure"),
    N_("rectification"),
    N_("objection"),
    N_("received"),
    N_("acknowledged"),
    N_("answered"),
    N_("upheld"),
    N_("rejected"),
    *SENTENCES,
    *(because(basis) for basis in Basis),
)
"""What pages say of an account beside the templates' own words, in English; a test asserts that all is translated."""

_OUTCOMES = frozenset({"enrolled", "already-enrolled", "candidate", "link", "withdrawn", "erased"})


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened.

    Attributes:
        entry: Index of its log entry.
        time: When, RFC 3339.
        sentence: What, in English; `operation, phase` where there is no sentence for it.
        said: Pairs of a word of `WORDS` and a text.
        by: Who did it; empty where it is not known.
        tone: `search`, `bad`, `right` or empty, for how it is shown.
        more: Indexes of entries that say the same of the same person and day, the newest first.
    """

    entry: int
    time: str
    sentence: str
    said: tuple[tuple[str, str], ...]
    by: str
    tone: str
    more: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A reference as its subject is told of it.

    Attributes:
        reference: Its identifier.
        purpose: What for.
        gallery: Where.
        because: Why this is allowed, in English; empty where the record is not to be seen.
        signed: The day of the release, or empty.
        source: The picture's name, or empty.
        operator: Who entered it, or empty.
        created: When, RFC 3339.
        expires: Until when at the latest, RFC 3339.
        notice: The notice, or empty.
        suspended: Whether it is compared with nobody at present.
    """

    reference: str
    purpose: str
    gallery: str
    because: str
    signed: str
    source: str
    operator: str
    created: str
    expires: str
    notice: str
    suspended: bool


def happenings(account: SubjectAccount) -> list[Told]:
    """Return what happened, the newest first; of each operation what began it, or what it came to where that tells."""
    told: list[Told] = []
    looked: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
    for line in reversed(account.view.history):
        if not _worth(line):
            continue
        one = _told(line)
        if (line.operation, line.phase) == ("case.show", "begin"):
            key = (one.by, one.time[:10], one.said)
            if key in looked:
                # Each look is an entry with its receipt; to read, those of one person and day are one.
                first = told[looked[key]]
                told[looked[key]] = replace(first, more=(*first.more, one.entry))
                continue
            looked[key] = len(told)
        told.append(one)
    return told


def _worth(line: LogLine) -> bool:
    return bool(sentence_of(line.operation, line.phase)) or line.phase == "denied"


def _told(line: LogLine) -> Told:
    details = line.opened.get("details", {})
    said = [(name, value) for name, value in said_of(line.to_json()) if value not in _OUTCOMES]
    return Told(
        entry=line.index,
        time=line.time,
        sentence=sentence_of(line.operation, line.phase),
        said=tuple(said),
        by=str(details.get("operator", "")),
        tone=_tone(line),
    )


def _tone(line: LogLine) -> str:
    if line.phase == "denied" or line.operation == "adverse.note":
        return "bad"
    if line.operation in ("identify", "verify", "redact") or line.operation.startswith("case."):
        return "search"
    return "right" if line.operation.startswith(("complaint.", "release.", "subject.")) else ""


def held(account: SubjectAccount) -> list[Held]:
    """Return what is held."""
    return [_held(one, suspended=one.reference in account.suspended) for one in account.view.references]


def _held(one: ReferenceView, *, suspended: bool) -> Held:
    record = one.record
    basis, source, release = str(record.get("basis", "")), record.get("source"), record.get("release")
    return Held(
        reference=one.reference,
        purpose=one.purpose,
        gallery=one.gallery,
        because=because(Basis(basis)) if basis in {known.value for known in Basis} else "",
        signed=_text(release, "signed_on"),
        source=_text(source, "name"),
        operator=str(record.get("operator", "")),
        created=one.created,
        expires=one.expires,
        notice=str(record.get("notice", "")),
        suspended=suspended,
    )


def _text(value: JSONValue, name: str) -> str:
    return str(value.get(name) or "") if isinstance(value, Mapping) else ""
