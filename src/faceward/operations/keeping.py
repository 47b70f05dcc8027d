"""Keeping named people visible in what is redacted: on what authority, by which references, and who it is.

Pictures and footage share it: one authorisation, one judgement of the evidence, one pair of entries in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from faceward.core.canonical import JSONObject
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.faces import Face
from faceward.core.names import check_name
from faceward.gallery.store import StoredReference
from faceward.operations import evidence
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.keeping_matches import Compared, Match
from faceward.operations.recognition import require_running
from faceward.operations.suspension import require_in_use
from faceward.operations.warrants import Warrant, warrant
from faceward.policy import facts, quality
from faceward.policy.evidence import Evidence
from faceward.policy.mandates import FACTS, Use
from faceward.policy.purposes import Purpose
from faceward.vision.calibration import Calibration, fmr_for
from faceward.vision.images import Picture

_ASKED: JSONObject = {"asked": "to be kept visible"}

# Of each kept subject, the references in force.
_References: TypeAlias = dict[str, list[StoredReference]]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Who stays visible, and on what authority.

    Attributes:
        subjects: Their names.
        purpose: The purpose of their references; None for the only one they have.
        mandate: Digest of a mandate, or its first digits; None where none is named.
    """

    subjects: Sequence[str] = ()
    purpose: str | None = None
    mandate: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What is redacted.

    Attributes:
        details: What the entry says of it.
        source: What it is to the rules: `file` or `url` (rule P5).
    """

    details: JSONObject
    source: str = "file"


@dataclass(frozen=True, slots=True)
class Authority:
    """What a redaction that keeps people visible rests on; see `authority`."""

    subjects: tuple[str, ...]
    purpose: Purpose | None
    references: _References
    named: Warrant
    context: facts.Context
    happening: Happening


def authority(deployment: Deployment, desk: Desk, keeping: Keeping, work: Work) -> Authority:
    """Gather what the rules ask for; nothing is recorded yet, and nobody recognised.

    Raises:
        UsageError: A subject has no reference, or has several purposes and none was named.
    """
    keep = tuple(check_name(name, "subject") for name in keeping.subjects)
    purpose, references = _references(deployment, desk, keep, keeping.purpose)
    galleries = sorted({reference.gallery for mine in references.values() for reference in mine})
    named = _warrant(deployment, desk, keeping.mandate, purpose, galleries)
    found = _evidence(deployment, purpose, references)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=None,
        sample=facts.Sample(work.source),
        pack_verified=True,
        mandate=named.assessment,
        evidence=found.facts if found else None,
    )
    context = facts.redact_context(recognition, deployment.standard, keeps_subjects=bool(keep))
    details: JSONObject = {
        **work.details,
        "purpose": purpose.name if purpose else None,
        "galleries": [*galleries],
        **evidence.noted(found),
    }
    happening = Happening("redact", details, dict.fromkeys(keep, _ASKED), told=evidence.told(found))
    return Authority(keep, purpose, references, named, context, happening)


class Recogniser:
    """Recognises kept subjects within an operation that was authorised and recorded."""

    def __init__(self, deployment: Deployment, act: Act, held: Authority) -> None:
        self._deployment, self.act, self._held = deployment, act, held
        self._measure = None if held.purpose is None else evidence.calibration(deployment, held.purpose)

    @property
    def able(self) -> bool:
        """Whether there is anybody to recognise."""
        return self._measure is not None

    def open_galleries(self) -> None:
        """Open the galleries now, while the entry that announced it is fresh."""
        for mine in self._held.references.values():
            for reference in mine:
                self.act.gallery(reference.gallery)

    def close_galleries(self) -> None:
        """Give back the custodian's keys: what follows compares nothing any more."""
        self.act.end()

    def require_running(self) -> None:
        """Check that nobody has stopped recognition meanwhile.

        Raises:
            PolicyRefusal: Somebody has (rule W7).
        """
        require_running(self._deployment)

    def require_support(self, samples: float) -> None:
        """Check, before any key is lent, that the data support the rate for so many comparisons; see `compare`.

        Raises:
            PolicyRefusal: They do not (rule V1).
        """
        if self._measure is None or self._held.purpose is None:
            return
        try:
            self._measure.at_fpir(self._held.purpose.fmr, self._comparisons(samples))
        except PolicyRefusal as refusal:
            remedy = "Redact it in shorter parts, accept a higher rate, or use a pack calibrated on more data."
            raise PolicyRefusal(refusal.rule, refusal.reason, remedy) from None

    def _comparisons(self, samples: float) -> int:
        return max(1, round(samples * _templates(self._held.references)))

    def compare(
        self, picture: Picture, faces: Sequence[Face], samples: float, known_by: tuple[bytes, ...] = ()
    ) -> Compared:
        """Compare faces of one picture with every kept subject.

        Args:
            picture: The picture, which becomes a probe like any other (rule E4).
            faces: Its faces.
            samples: Among how many comparisons with one template the accepted rate is shared out.
            known_by: Of a part of a picture, the digests that the whole is known by as a probe.

        Raises:
            PolicyRefusal: Recognition was stopped meanwhile (W7), or the data do not support so low a rate (V1).
        """
        purpose, measure, deployment = self._held.purpose, self._measure, self._deployment
        if purpose is None or measure is None:
            return Compared((), ())
        comparisons = self._comparisons(samples)
        threshold = measure.at_fpir(purpose.fmr, comparisons).threshold
        clear = _tenth(measure, purpose.fmr, comparisons)
        floors = deployment.standard.parameters.probe_floors
        # Many pictures take their time, and a stop must bite within it (rule W7).
        require_running(deployment)
        deployment.store.remember_probe(deployment.now(), *(known_by or deployment.picture_digests(picture)))
        found: list[Match] = []
        compared: list[int] = []
        for number, sample in enumerate(deployment.pipeline.samples(picture, faces)):
            require_running(deployment)
            if not quality.check_floors(sample.quality.components, floors):
                compared.append(number)
                for subject, mine in self._held.references.items():
                    for gallery in sorted({reference.gallery for reference in mine}):
                        hit = self.act.gallery(gallery).verify(
                            sample.features,
                            subject=mine[0].subject,
                            purpose=purpose.name,
                            threshold=threshold,
                            now=deployment.now(),
                        )
                        if hit is not None:
                            sure = clear is not None and hit.score >= clear
                            found.append(Match(number, subject, hit.score, sure))
            sample.features.fill(0)
        best = sorted(found, key=lambda one: (one.score, one.face, one.subject), reverse=True)
        return Compared(tuple(best), tuple(compared))


@contextmanager
def recognising(deployment: Deployment, desk: Desk, held: Authority) -> Iterator[Recogniser]:
    """Announce the redaction, provide what recognises kept subjects, and record the outcome.

    Raises:
        PolicyRefusal: No registered purpose covers keeping them visible (rule P1), no mandate does where the standard
            asks for one (P2), no evaluation in force supports it (V1), or recognition is stopped (W7).
    """
    with desk.operation("redact", held.context, held.happening, held.named.held) as act:
        yield Recogniser(deployment, act, held)


def told_of(held: Authority, counts: dict[str, int], what: str) -> dict[str, JSONObject]:
    """Return what the closing entry says of each subject: in how many of `what` they were kept visible."""
    return {
        subject: {"outcome": "kept visible" if counts.get(subject) else "not seen", what: counts.get(subject, 0)}
        for subject in held.subjects
    }


def _tenth(measure: Calibration, fpir: float, comparisons: int) -> float | None:
    rate = fmr_for(fpir / 10, comparisons)
    return None if rate < measure.strictest else measure.at_fmr(min(rate, measure.loosest)).threshold


def _evidence(deployment: Deployment, purpose: Purpose | None, references: _References) -> Evidence | None:
    """Judge what is on record for the fewest comparisons that a picture can mean: those of one face."""
    if purpose is None:
        return None
    fewest = _templates(references)
    return evidence.standing(deployment, purpose, fmr_for(purpose.fmr, fewest))


def _warrant(
    deployment: Deployment, desk: Desk, mandate: str | None, purpose: Purpose | None, galleries: Sequence[str]
) -> Warrant:
    """Look up a mandate that is to cover every gallery; what it does not allow of one, it does not allow."""
    name, now = purpose.name if purpose else "", deployment.now()
    uses = [Use("redact", name, gallery, None, deployment.operator, now) for gallery in galleries or ("",)]
    found = [warrant(deployment, desk, mandate, use) for use in uses]
    answers = [one.assessment for one in found if one.assessment is not None]
    facts = {fact: all(answer[fact] for answer in answers) for fact in FACTS} if answers else None
    return Warrant(found[0].held, facts)


def _references(
    deployment: Deployment, desk: Desk, subjects: Sequence[str], purpose: str | None
) -> tuple[Purpose | None, _References]:
    """Return the purpose, and for each subject the references for it that are in force, by gallery."""
    held = {who: deployment.store.by_subject(deployment.pseudonym(who)) for who in subjects}
    for subject, mine in held.items():
        if not mine:
            desk.unknown(Happening("redact", {"purpose": purpose}, {subject: {}}))
            raise UsageError(f"{subject!r} has no reference to be recognised by; enrol the subject first")
    now = deployment.now()
    usable = {who: [r for r in mine if r.expires > now and purpose in (None, r.purpose)] for who, mine in held.items()}
    if not all(usable.values()):
        # None that serves this purpose: rule P1 refuses, and the refusal is in the log.
        return None, {}
    for who, references in usable.items():
        references[:] = [one for one in references if one.pack == deployment.pipeline.identifier]
        if not references:
            raise UsageError(f"the references of {who!r} were made with another pack; use 'faceward gallery migrate'")
    for who, references in usable.items():
        require_in_use(deployment, desk, Happening("redact", {"purpose": purpose}, {who: {}}), references)
    purposes = {reference.purpose for references in usable.values() for reference in references}
    if len(purposes) > 1:
        raise UsageError(
            f"the subjects are enrolled for several purposes ({', '.join(sorted(purposes))}); give --purpose"
        )
    return (deployment.purpose(purposes.pop()) if purposes else None), usable


def _templates(references: _References) -> int:
    """Return with how many templates a face is compared: one of each subject in each of their galleries."""
    return sum(len({one.gallery for one in mine}) for mine in references.values())
