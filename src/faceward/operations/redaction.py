"""Redacting pictures so that named people stay visible: only those whose references say so."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence

from faceward.core.canonical import JSONObject
from faceward.core.faces import Face
from faceward.core.reports import RedactionResult
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.keeping import Keeping, Work, authority, recognising, told_of
from faceward.operations.keeping_matches import Match
from faceward.operations.pictures import Progress, Target, redact_all
from faceward.vision.images import Picture, is_address

__all__ = ["Keeping", "redact"]


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
    digests = hashlib.sha256(b"\0".join(os.fsencode(target.source) for target in plan)).hexdigest()
    details: JSONObject = {"pictures": len(plan), "plan_sha256": digests, "mode": mode}
    source = "url" if any(is_address(target.source) for target in plan) else "file"
    held = authority(deployment, desk, keeping, Work(details, source))
    probes: list[str] = []
    with recognising(deployment, desk, held) as recogniser:

        def choose(picture: Picture, faces: Sequence[Face]) -> dict[int, str]:
            if not recogniser.able:
                return {}
            probes.append(picture.digest.hex())
            # Every face is compared with a template of every kept subject in each of their galleries: the accepted
            # rate is shared out among these comparisons.
            return _chosen(recogniser.compare(picture, faces, len(faces)).matches)

        result = redact_all(deployment.pipeline, plan, mode, choose if held.subjects else None, progress)
        act = recogniser.act
        act.outcome["probe_sha256"] = [*sorted(probes)]
        act.outcome["hidden"] = sum(picture.hidden for picture in result.pictures)
        counts = Counter(subject for picture in result.pictures for subject in picture.kept)
        act.subjects.update(told_of(held, counts, "pictures"))
    return RedactionResult(result.mode, result.pictures, act.entry)


def _chosen(matches: Sequence[Match]) -> dict[int, str]:
    """Return which faces are a kept subject's: for each the best match, and no face for two."""
    chosen: dict[int, str] = {}
    for match in matches:
        if match.face not in chosen and match.subject not in chosen.values():
            chosen[match.face] = match.subject
    return chosen
