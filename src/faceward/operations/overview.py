"""Galleries and the log as pages show them. What opens nothing and names nobody is read without an entry of the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from faceward.audit.entries import Entry
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.overview_results import EntriesSeen, EntrySeen, GallerySeen
from faceward.core.reports import LogLine
from faceward.gallery.store import GalleryInfo
from faceward.operations import consent, gallery_term
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.log_view import SHOW
from faceward.policy.parameters import Basis

SOON = timedelta(days=30)
ROWS = 50
_CHUNK = 500
# Entries that one page looks through for those that were asked for; then it offers to go on.
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for.

    Attributes:
        operation: How the operation's name begins; empty for all.
        phase: The phase; empty for all.
        day: The day, UTC, or None for all.
        before: Only entries before this index; None for the newest.
    """

    operation: str = ""
    phase: str = ""
    day: date | None = None
    before: int | None = None

    def takes(self, entry: Entry) -> bool:
        """Tell whether an entry is asked for."""
        return (
            entry.operation.startswith(self.operation)
            and self.phase in ("", entry.phase.value)
            and self.day in (None, entry.time.date())
        )


class Overview:
    """What pages show of an open deployment. Methods raise as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def bases(self) -> frozenset[Basis]:
        """Return the lawful bases that may carry biometric data under the standard (rule P1)."""
        return frozenset(basis for basis, rule in self._deployment.standard.parameters.bases.items() if rule.allowed)

    def galleries(self) -> tuple[GallerySeen, ...]:
        """Return all galleries by name."""
        found = sorted(self._deployment.store.galleries(), key=lambda info: info.name)
        return tuple(self._gallery(info) for info in found)

    def gallery(self, name: str) -> GallerySeen:
        """Return one gallery.

        Raises:
            UsageError: There is none of this name.
        """
        for info in self._deployment.store.galleries():
            if info.name == name:
                return self._gallery(info)
        raise UsageError(f"there is no gallery {name!r}; the list of galleries shows all")

    def _gallery(self, info: GalleryInfo) -> GallerySeen:
        deployment, now, name = self._deployment, self._deployment.now(), info.name
        store, pack = deployment.store, deployment.pipeline.identifier
        note = deployment.gallery_note(name) or {}
        known = deployment.purpose(str(note.get("purpose", "")))
        total = store.count(name, now)
        ends = sorted(one.expires for one in store.expired(now + SOON, gallery=name))
        return GallerySeen(
            name=name,
            purpose=str(note.get("purpose", "")),
            basis="" if known is None else known.basis.value,
            released=known is not None and consent.needs_release(deployment, known.name),
            mode=info.mode,
            pack=info.pack,
            created=to_rfc3339(info.created),
            references=total,
            subjects=0 if known is None else store.subjects(name, now, purpose=known.name, pack=pack),
            left_out=total - store.count(name, now, pack=pack),
            simulated=int(str(note.get("simulated", 0))),
            ending=len(ends),
            next_end=to_rfc3339(ends[0]) if ends else None,
            ends=gallery_term.end_text(deployment, name),
        )

    def entries(self, wanted: Wanted, rows: int = ROWS) -> EntriesSeen:
        """Return some entries as they are published, the newest first; nothing of them is opened."""
        size = self._deployment.log.size
        stop = size if wanted.before is None else max(0, min(wanted.before, size))
        found: list[EntrySeen] = []
        for looked, (index, entry) in enumerate(self._backwards(stop)):
            if looked >= _MOST:
                return EntriesSeen(tuple(found), index + 1, exhausted=False)
            if wanted.day is not None and entry.time.date() < wanted.day:
                break
            if wanted.takes(entry):
                if len(found) == rows:
                    return EntriesSeen(tuple(found), found[-1].index, exhausted=True)
                found.append(seen(index, entry))
        return EntriesSeen(tuple(found), None, exhausted=True)

    def _backwards(self, stop: int) -> Iterator[tuple[int, Entry]]:
        while stop > 0:
            start = max(0, stop - _CHUNK)
            yield from reversed(list(self._deployment.log.entries(start, stop)))
            stop = start

    def entry(self, index: int) -> EntrySeen:
        """Return one entry as it is published.

        Raises:
            UsageError: There is none of this index.
        """
        return seen(index, self._deployment.log.entry(index))

    def opened(self, index: int) -> LogLine:
        """Return an entry with what can be opened of it; that it was shown is an entry too.

        Raises:
            PolicyRefusal: Who asks may not see the log; the refusal is in it.
            UsageError: There is none of this index.
        """
        entry = self._deployment.log.entry(index)
        with self._desk.operation(SHOW, {}, Happening(SHOW, {"from": index, "to": index + 1})):
            return self._desk.journal.line(index, entry)


def seen(index: int, entry: Entry) -> EntrySeen:
    """Return an entry as everybody may see it."""
    value = entry.to_json()
    commitments = value["commitments"]
    return EntrySeen(
        index=index,
        time=to_rfc3339(entry.time),
        operation=entry.operation,
        phase=entry.phase.value,
        refers=entry.refers,
        commitments=tuple((str(k), str(v)) for k, v in commitments.items()) if isinstance(commitments, dict) else (),
    )
