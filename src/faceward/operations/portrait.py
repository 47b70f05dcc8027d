"""Gathering what documents say of a deployment: its configuration in words, and nobody's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from faceward.core.clock import from_rfc3339
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.documents.facts import (
    CustodyFacts,
    Facts,
    GalleryFacts,
    PlaceFacts,
    PurposeFacts,
    StandardFacts,
    Tally,
)
from faceward.operations import evidence, gallery_term, purposes
from faceward.operations.configuration import configuration, digest, flattened, plain, span
from faceward.operations.deployment import Deployment
from faceward.operations.guardians import guardians
from faceward.operations.pack_facts import in_force, pack_facts
from faceward.operations.watch_portrait import watching
from faceward.policy.purposes import Purpose, release_needed
from faceward.policy.quality import Floor

# Parameters that documents show as tables of their own.
_TABLES = ("bases", "enrolment_floors", "probe_floors")


def portrait(deployment: Deployment, tally: Tally | None = None) -> Facts:
    """Return what documents are written from.

    Args:
        deployment: The deployment.
        tally: Counts of the log, for a document that tells them.
    """
    config, held = deployment.config, guardians(deployment)
    now = deployment.now()
    return Facts(
        software=f"Faceward {version('faceward')}",
        made=now,
        configuration=digest(configuration(deployment)),
        controller=config.controller,
        contact=config.contact,
        origin=config.origin,
        created=from_rfc3339(config.created).date(),
        standard=_standard(deployment),
        place=_place(deployment),
        pack=pack_facts(deployment.pipeline),
        purposes=tuple(_purpose(deployment, purpose) for purpose in purposes.listed(deployment)),
        galleries=tuple(_galleries(deployment)),
        custody=CustodyFacts(held.separate, config.trial, held.stopped, dict(held.roles), held.people, held.witnesses),
        entries=deployment.log.size,
        tally=tally,
        evaluations=in_force(deployment),
        watching=watching(deployment),
    )


def _standard(deployment: Deployment) -> StandardFacts:
    standard = deployment.standard
    parameters = standard.parameters
    return StandardFacts(
        name=standard.name,
        digest=standard.digest,
        bases=tuple((basis.value, rule.allowed, rule.release, rule.why) for basis, rule in parameters.bases.items()),
        floors=(*_floors("enrolment", parameters.enrolment_floors), *_floors("probe", parameters.probe_floors)),
        parameters=tuple(flattened(plain(parameters), leave_out=_TABLES)),
        refusals=tuple((rule.rule, rule.reason) for rule in standard.rules if rule.forbids),
        mandated=tuple(sorted(parameters.mandate.required)),
        reviewers=parameters.people.reviewers,
    )


def _floors(use: str, floors: Sequence[Floor]) -> Iterator[tuple[str, str, str, str]]:
    for floor in floors:
        limit = f"at most {floor.maximum:g}" if floor.minimum is None else f"at least {floor.minimum:g}"
        yield use, floor.component.replace("_", " "), limit, floor.advice


def _place(deployment: Deployment) -> PlaceFacts:
    place = deployment.jurisdiction
    return PlaceFacts(
        code=place.code,
        title=place.title,
        law=place.law,
        maximum_retention="" if place.maximum_retention is None else span(place.maximum_retention),
        release_required=place.release_required,
        complaints=place.complaints,
    )


def _purpose(deployment: Deployment, purpose: Purpose) -> PurposeFacts:
    needed = deployment.jurisdiction.release_required or release_needed(purpose.basis, deployment.standard.parameters)
    return PurposeFacts(
        name=purpose.name,
        basis=purpose.basis.value,
        fmr=purpose.fmr,
        fpir=purpose.fpir,
        retention=span(purpose.retention),
        alternative=purpose.alternative,
        created=purpose.created.date(),
        release=needed,
        threshold=_threshold(deployment, purpose),
    )


def _threshold(deployment: Deployment, purpose: Purpose) -> tuple[float, float, float, float] | str:
    try:
        calibration = evidence.calibration(deployment, purpose)
        point = calibration.at_fmr(purpose.fmr)
    except (PolicyRefusal, UsageError) as error:
        return f"not supported: {error}"
    return point.threshold, point.fmr_low, point.fmr_high, calibration.fnmr_at(point.threshold)


def _galleries(deployment: Deployment) -> Iterator[GalleryFacts]:
    for info in deployment.store.galleries():
        note = deployment.gallery_note(info.name)
        if note is None:
            continue
        yield GalleryFacts(
            name=info.name,
            purpose=str(note.get("purpose", "none")),
            mode=info.mode,
            references=deployment.store.count(info.name, deployment.now()),
            simulated=int(str(note.get("simulated", 0))),
            ends=gallery_term.gallery_end(deployment, info.name),
        )
