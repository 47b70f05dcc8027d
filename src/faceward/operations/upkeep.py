"""What keeps a deployment true: recovery after a crash, terms that end, rotation, and simulated references."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from faceward.core.errors import UsageError
from faceward.core.results import JSONDict
from faceward.gallery.results import Enrolment as NewReference
from faceward.operations import (
    agenda,
    case_end,
    destruction,
    documents,
    evidence_desk,
    gallery_notes,
    gallery_term,
    monitoring,
    raising,
    reviews,
    subjects,
    withdrawal,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Happening, Kept
from faceward.operations.purposes import ensure_gallery
from faceward.policy import facts, retention
from faceward.vision.population import Population

_CURSOR = "log"
# Entries that are read again at each opening before the cursor is moved.
_CURSOR_STEP = 1000
_SIMULATION_BATCH = 1000


def recover(deployment: Deployment, desk: Desk) -> None:
    """Bring to an end what a killed process left.

    Erasures are completed, and alerts whose case is whole; everything else is recorded as interrupted.

    The caller must know that no other process has the deployment open, since its operations would be under way.
    """
    start = cursor(deployment)
    unfinished = deployment.log.unfinished(start)
    size = deployment.log.size
    for info in deployment.store.galleries():
        deployment.gallery(info.name).recover()
    if unfinished:
        desk.journal.sweep()
        case_end.sweep(deployment)
    for index in unfinished:
        complete(deployment, desk, index)
    if unfinished or size - start > _CURSOR_STEP:
        deployment.keep("cursor", _CURSOR, size)


def cursor(deployment: Deployment) -> int:
    """Return the log entry before which every operation has ended."""
    return int(str(deployment.kept("cursor", _CURSOR) or 0))


def complete(deployment: Deployment, desk: Desk, index: int) -> None:
    """Bring one operation that was interrupted to its end, by the entry that began it."""
    operation = deployment.log.entry(index).operation
    if operation in raising.FINISHED and raising.finish(deployment, desk, index):
        return
    final = operation in (subjects.ERASE, withdrawal.WITHDRAW)
    subject = subjects.unfinished_subject(desk.journal, deployment, index) if final else None
    if subject is None:
        # An erasure whose subject nobody can tell any more has destroyed every key.
        outcome = "erased" if final else "interrupted"
        act = desk.act(Kept(index, {}))
        act.outcome["outcome"] = outcome
        desk.close(operation, act)
    elif operation == subjects.ERASE:
        subjects.finish(deployment, desk, index, subject)
    else:
        details = desk.journal.opened(index, deployment.log.entry(index))[DETAILS].details
        withdrawal.finish(deployment, desk, index, (subject, str(details["purpose"])))


def expire(deployment: Deployment, desk: Desk) -> int:
    """Erase references whose term has ended (rule T1), and galleries whose end has come (W3); return how many."""
    gone = sum(gallery_term.end_due(deployment, desk).values())
    now = deployment.now()
    ended = deployment.store.expired(now)
    if not ended:
        return gone
    doomed = [reference.key_id for reference in ended]
    destruction.announce(desk.journal, "expire", doomed[destruction.MOST :])
    details = {"references": len(ended), **destruction.named(doomed[: destruction.MOST])}
    with desk.operation("tick", {}, Happening("expire", details)):
        for name in sorted({reference.gallery for reference in ended}):
            deployment.gallery(name).erase_expired(now)
        for reference in ended:
            reviews.forget(deployment, reference.reference_id)
    return gone + len(ended)


def rotate(deployment: Deployment, desk: Desk, gallery: str) -> int:
    """Give a gallery a new key and rewrap its subjects' keys; return how many."""
    if deployment.gallery_note(gallery) is None:
        raise UsageError(f"no gallery {gallery!r}; list them with 'gallery list'")
    with desk.operation("rotate", {}, Happening("rotate", {"gallery": gallery})) as act:
        rotated = act.rotate(gallery)
        act.outcome["keys"] = rotated
    return rotated


def simulate(
    deployment: Deployment,
    desk: Desk,
    request: tuple[str, str, int, int],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Fill a gallery with simulated references, which belong to nobody, so that a search is a search.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        request: Gallery, purpose, how many, and the seed of the simulation.
        progress: Told how many are done.

    Raises:
        PolicyRefusal: The gallery holds real people (rule E1), or the purpose is not registered.
        UsageError: The number is out of range.
    """
    name, purpose_name, count, seed = request
    if not 1 <= count <= 10_000_000:
        raise UsageError(f"{count} references cannot be simulated; give 1 to 10,000,000")
    purpose = deployment.purpose(purpose_name)
    name = ensure_gallery(deployment, desk, name, purpose)
    note = deployment.gallery_note(name) or {}
    simulated = int(str(note.get("simulated", 0)))
    now = deployment.now()
    context = facts.simulate_context(
        purpose,
        deployment.gallery_purpose(name),
        deployment.standard,
        # A simulated reference stands under the digest of its sample, which no subject's pseudonym is.
        gallery_simulated_only=all(known.subject == known.sample for known in deployment.store.references(name, now)),
    )
    happening = Happening("simulate", {"gallery": name, "purpose": purpose_name, "count": count, "seed": seed})
    with desk.operation("simulate", context, happening) as act:
        if purpose is None:
            raise AssertionError("an unregistered purpose is refused by rule P1")
        people = Population.of(deployment.pipeline.pack, seed)
        expires = retention.expiry(now, purpose, None, deployment.standard, deployment.jurisdiction)
        for start in range(0, count, _SIMULATION_BATCH):
            rows = people.draw(min(_SIMULATION_BATCH, count - start))
            references = []
            for number, row in enumerate(rows, simulated + start + 1):
                label = f"simulated-{number:07d}"
                digest = deployment.pseudonym(f"{label}\0{name}")
                record: Mapping[str, str] = {"subject": label, "source": "simulated", "notice": "belongs to nobody"}
                references.append(NewReference(digest, purpose.name, row, record, digest, expires))
            total = simulated + start + len(references)
            gallery_notes.change(deployment, name, "simulated", total)
            act.gallery(name).enrol(references, now)
            if progress is not None:
                progress(start + len(references), count)
        act.outcome["simulated"] = count
    return count


def _left_out(deployment: Deployment, gallery: str) -> int:
    """Return how many references in force are of another pack than the one in use, and so not compared."""
    store, now, pack = deployment.store, deployment.now(), deployment.pipeline.identifier
    return store.count(gallery, now) - store.count(gallery, now, pack=pack)


def status(deployment: Deployment) -> JSONDict:
    """Return the state of a deployment, as `faceward status --json` prints it."""
    counts, custody = deployment.store.counts(), deployment.custody.status()
    manifest = deployment.pipeline.pack.manifest
    calibration = manifest.calibration
    galleries: list[JSONDict] = []
    for info in deployment.store.galleries():
        note = deployment.gallery_note(info.name)
        if note is None:
            continue
        galleries.append(
            {
                "gallery": info.name,
                "purpose": note.get("purpose"),
                "references": deployment.store.count(info.name, deployment.now()),
                "left_out": _left_out(deployment, info.name),
                "simulated": note.get("simulated", 0),
                "ends": gallery_term.end_text(deployment, info.name),
                "mode": info.mode,
                "pack": info.pack,
            }
        )
    return {
        "home": str(deployment.home),
        "standard": deployment.standard.name,
        "standard_digest": deployment.standard.digest,
        "jurisdiction": deployment.jurisdiction.code,
        "operator": deployment.operator,
        "signed_in": deployment.session is not None,
        "custodian": deployment.config.custodian or "in this process: for trial only",
        "trial": deployment.config.trial,
        "people": len(custody.roster),
        "stopped": custody.stopped,
        "pack": deployment.pipeline.identifier,
        "pack_licence": manifest.licence,
        "pack_good_for": "nothing: it is not calibrated" if calibration is None else calibration.good_for(),
        "references": counts.references,
        "galleries": galleries,
        "due": [one.to_json() for one in agenda.due_now(deployment)],
        "evidence": [one.to_json() for one in evidence_desk.by_purpose(deployment)],
        "breaches": monitoring.breaches(deployment),
        "documents": {one.document: one.state for one in documents.status(deployment)},
        "log": {"origin": deployment.log.origin, "size": deployment.log.size},
    }
