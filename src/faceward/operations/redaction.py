"""Redaction that keeps named people visible: only those whose references say so."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from faceward.core.canonical import JSONObject
from faceward.core.errors import UsageError
from faceward.core.faces import Face
from faceward.core.names import check_name
from faceward.core.results import RedactionResult
from faceward.gallery.store import StoredReference
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.pictures import Progress, Target, redact_all
from faceward.policy import facts, quality
from faceward.policy.purposes import Purpose
from faceward.vision.images import Picture, is_address

_ASKED: JSONObject = {"asked": "to be kept visible"}


def redact(
    deployment: Deployment,
    desk: Desk,
    plan: Sequence[Target],
    terms: tuple[Sequence[str], str | None, str],
    progress: Progress | None = None,
) -> RedactionResult:
    """Hide every face except those of named subjects.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        plan: Pictures and where they go.
        terms: Subjects who stay visible, the purpose of their references (None: the only one they have), and the mode.
        progress: Told how many pictures are done.

    Raises:
        UsageError: A subject has no reference, or has several purposes and none was named.
        PolicyRefusal: No registered purpose covers keeping them visible (rule P1).
    """
    names, purpose_name, mode = terms
    keep = [check_name(name, "subject") for name in names]
    purpose, references = _references(deployment, keep, purpose_name)
    context = facts.redact_context(
        facts.Sample("url" if any(is_address(target.source) for target in plan) else "file"),
        deployment.standard,
        keeps_subjects=bool(keep),
        purpose=purpose,
    )
    digests = hashlib.sha256(b"\0".join(os.fsencode(target.source) for target in plan)).hexdigest()
    details: JSONObject = {
        "pictures": len(plan),
        "plan_sha256": digests,
        "mode": mode,
        "purpose": purpose.name if purpose else None,
    }
    happening = Happening("redact", details, dict.fromkeys(keep, _ASKED))
    with desk.operation("redact", context, happening) as act:

        def choose(picture: Picture, faces: Sequence[Face]) -> dict[int, str]:
            return {} if purpose is None else _chosen(deployment, act, (picture, faces), (purpose, references))

        result = redact_all(deployment.pipeline, plan, mode, choose if keep else None, progress)
        act.outcome["hidden"] = sum(picture.hidden for picture in result.pictures)
        for subject in keep:
            count = sum(subject in picture.kept for picture in result.pictures)
            act.subjects[subject] = {"outcome": "kept visible" if count else "not seen", "pictures": count}
    return RedactionResult(result.mode, result.pictures, act.entry)


def _references(
    deployment: Deployment, subjects: Sequence[str], purpose: str | None
) -> tuple[Purpose | None, dict[str, StoredReference]]:
    """Return the purpose, and for each subject a reference for it that is in force."""
    if subjects and purpose is not None and deployment.purpose(purpose) is None:
        return None, {}
    found: dict[str, list[StoredReference]] = {}
    for subject in subjects:
        mine = deployment.store.by_subject(deployment.pseudonym(subject))
        found[subject] = [r for r in mine if r.expires > deployment.now() and purpose in (None, r.purpose)]
        if not found[subject]:
            raise UsageError(f"{subject!r} has no reference to be recognised by; enrol the subject first")
    purposes = {reference.purpose for references in found.values() for reference in references}
    if len(purposes) > 1:
        raise UsageError(
            f"the subjects are enrolled for several purposes ({', '.join(sorted(purposes))}); give --purpose"
        )
    name = purpose or next(iter(purposes), None)
    return (deployment.purpose(name) if name else None), {who: references[0] for who, references in found.items()}


def _chosen(
    deployment: Deployment,
    act: Act,
    scene: tuple[Picture, Sequence[Face]],
    terms: tuple[Purpose, dict[str, StoredReference]],
) -> dict[int, str]:
    """Return which faces are a kept subject's: for each the best match, and no face for two."""
    picture, faces = scene
    purpose, references = terms
    calibration = deployment.pipeline.calibration
    # Every face is compared with every kept subject, so the accepted rate is shared out among the comparisons.
    rate = max(purpose.fmr / max(1, len(faces)), min(calibration.strictest, purpose.fmr))
    threshold = calibration.at_fmr(rate).threshold
    floors = deployment.standard.parameters.probe_floors
    scores: list[tuple[float, int, str]] = []
    # Its faces are compared with references, so it is a probe like any other (rule E4).
    deployment.remember_probe(picture)
    for number, sample in enumerate(deployment.pipeline.samples(picture, faces)):
        if not quality.check_floors(sample.quality.components, floors):
            for subject, reference in references.items():
                hit = act.gallery(reference.gallery).verify(
                    sample.features,
                    subject=reference.subject,
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
