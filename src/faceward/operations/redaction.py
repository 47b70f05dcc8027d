"""Redaction that keeps named people visible: only those whose references say so."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from faceward.core.canonical import JSONObject
from faceward.core.errors import UsageError
from faceward.core.faces import Face
from faceward.core.names import check_name
from faceward.core.reports import RedactionResult
from faceward.gallery.store import StoredReference
from faceward.operations import evidence
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.pictures import Progress, Target, redact_all
from faceward.operations.recognition import require_running
from faceward.operations.suspension import require_in_use
from faceward.operations.warrants import Warrant, warrant
from faceward.policy import facts, quality
from faceward.policy.evidence import Evidence
from faceward.policy.mandates import FACTS, Use
from faceward.policy.purposes import Purpose
from faceward.vision.calibration import Calibration, fmr_for
from faceward.vision.images import Picture, is_address

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


def redact(
    deployment: Deployment,
    desk: Desk,
    plan: Sequence[Target],
    keeping: Keeping,
    mode: str,
    progress: Progress | None = None,
) -> RedactionResult:
    """Hide every face except those of named subjects.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        plan: Pictures and where they go.
        keeping: Who stays visible.
        mode: `pixelate`, `blur` or `fill`.
        progress: Told how many pictures are done.

    Raises:
        UsageError: A subject has no reference, or has several purposes and none was named.
        PolicyRefusal: No registered purpose covers keeping them visible (rule P1), no mandate does where the standard
            asks for one (P2), no evaluation in force supports it (V1), or recognition is stopped (W7). Of several
            pictures, those that were not reached by then are left out.
    """
    keep = [check_name(name, "subject") for name in keeping.subjects]
    purpose, references = _references(deployment, desk, keep, keeping.purpose)
    galleries = sorted({reference.gallery for mine in references.values() for reference in mine})
    named = _warrant(deployment, desk, keeping.mandate, purpose, galleries)
    found = _evidence(deployment, purpose, references)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=None,
        sample=facts.Sample("url" if any(is_address(target.source) for target in plan) else "file"),
        pack_verified=True,
        mandate=named.assessment,
        evidence=found.facts if found else None,
    )
    context = facts.redact_context(recognition, deployment.standard, keeps_subjects=bool(keep))
    digests = hashlib.sha256(b"\0".join(os.fsencode(target.source) for target in plan)).hexdigest()
    details: JSONObject = {
        "pictures": len(plan),
        "plan_sha256": digests,
        "mode": mode,
        "purpose": purpose.name if purpose else None,
        "galleries": [*galleries],
        **evidence.noted(found),
    }
    happening = Happening("redact", details, dict.fromkeys(keep, _ASKED), told=evidence.told(found))
    probes: list[str] = []
    with desk.operation("redact", context, happening, named.held) as act:
        measure = None if purpose is None else evidence.calibration(deployment, purpose)

        def choose(picture: Picture, faces: Sequence[Face]) -> dict[int, str]:
            if purpose is None or measure is None:
                return {}
            probes.append(picture.digest.hex())
            return _chosen(deployment, act, (picture, faces), (purpose, references, measure))

        result = redact_all(deployment.pipeline, plan, mode, choose if keep else None, progress)
        act.outcome["probe_sha256"] = [*sorted(probes)]
        act.outcome["hidden"] = sum(picture.hidden for picture in result.pictures)
        for subject in keep:
            count = sum(subject in picture.kept for picture in result.pictures)
            act.subjects[subject] = {"outcome": "kept visible" if count else "not seen", "pictures": count}
    return RedactionResult(result.mode, result.pictures, act.entry)


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


def _chosen(
    deployment: Deployment,
    act: Act,
    scene: tuple[Picture, Sequence[Face]],
    terms: tuple[Purpose, _References, Calibration],
) -> dict[int, str]:
    """Return which faces are a kept subject's: for each the best match, and no face for two."""
    picture, faces = scene
    purpose, references, measure = terms
    # Every face is compared with a template of every kept subject in each of their galleries: the accepted rate is
    # shared out among these comparisons.
    comparisons = len(faces) * _templates(references)
    threshold = measure.at_fpir(purpose.fmr, comparisons).threshold
    floors = deployment.standard.parameters.probe_floors
    # Many pictures take their time, and a stop must bite within it (rule W7).
    require_running(deployment)
    scores: list[tuple[float, int, str]] = []
    # Its faces are compared with references, so it is a probe like any other (rule E4).
    deployment.remember_probe(picture)
    for number, sample in enumerate(deployment.pipeline.samples(picture, faces)):
        require_running(deployment)
        if not quality.check_floors(sample.quality.components, floors):
            for subject, mine in references.items():
                for gallery in sorted({reference.gallery for reference in mine}):
                    hit = act.gallery(gallery).verify(
                        sample.features,
                        subject=mine[0].subject,
                        purpose=purpose.name,
                        threshold=threshold,
                        now=deployment.now(),
                    )
                    if hit is not None:
                        scores.append((hit.score, number, subject))
        sample.features.fill(0)
    chosen: dict[int, str] = {}
    for _, number, subject in sorted(scores, reverse=True):
        if number not in chosen and subject not in chosen.values():
            chosen[number] = subject
    return chosen
