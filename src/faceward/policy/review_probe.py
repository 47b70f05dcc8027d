"""The pictures of a case (rule S3): what a probe may be, the chain of its edits, and pictures of candidates."""

from __future__ import annotations

from dataclasses import replace

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.review import decided
from faceward.policy.review_fields import check_text
from faceward.policy.review_model import Case, Version

KINDS = ("photograph", "frame")
REFUSED_KINDS = ("composite", "sketch", "generated")
EDITS = (
    "crop",
    "rotate",
    "scale",
    "brightness",
    "contrast",
    "colour",
    "sharpen",
    "denoise",
    "deblur",
    "deinterlace",
    "perspective",
    "annotate",
)
REFUSED_EDITS = ("composite", "generative")


def check_kind(kind: str) -> str:
    """Return what a probe is stated to be, or refuse it (rule S3; asked before a search).

    Raises:
        PolicyRefusal: It is a composite, a sketch or generated.
        UsageError: There is no such kind.
    """
    if kind in REFUSED_KINDS:
        raise PolicyRefusal(
            "S3",
            f"the probe is stated to be {'generated' if kind == 'generated' else f'a {kind}'}, "
            "and that shows nobody's face as it was.",
            "Search with a photograph or a frame of a video.",
        )
    if kind not in KINDS:
        raise UsageError(f"a probe of kind {kind!r} is unknown; state {', '.join((*KINDS, *REFUSED_KINDS))}")
    return kind


def edited(case: Case, version: Version) -> Case:
    """Return the case with an edit of the probe added to the chain (rule S3). Nothing is ever replaced.

    Raises:
        PolicyRefusal: It adds what no camera saw, or the review is decided.
        UsageError: The change is unknown, its parent is not in the case, or it is there already.
    """
    if version.change in REFUSED_EDITS:
        raise PolicyRefusal(
            "S3", f"the edit is {version.change}: it shows what no camera saw.", "Leave it out of the case."
        )
    if version.change not in EDITS:
        raise UsageError(f"an edit {version.change!r} is unknown; state {', '.join((*EDITS, *REFUSED_EDITS))}")
    if decided(case) and case.candidates:
        raise PolicyRefusal("S3", "the review is decided; what was reviewed stays as it is.", "Open another case.")
    known = {earlier.sha256 for earlier in case.versions}
    if version.parent not in known:
        raise UsageError(
            f"the edit names a parent {str(version.parent)[:12]!r} that is not in the case; see 'case show'"
        )
    if version.sha256 in known:
        raise UsageError("a picture with these bytes is in the case already; nothing was added")
    check_text(version.note, "the note", empty=True)
    return replace(case, versions=(*case.versions, version))


def sampled(case: Case, number: int, digest: str) -> Case:
    """Return the case with the picture of a candidate to compare the probe with.

    Raises:
        UsageError: There is no such candidate, a picture of them is there, or it is not the one that was enrolled.
        PolicyRefusal: The review is decided.
    """
    found = [candidate for candidate in case.candidates if candidate.number == number and candidate.subject is not None]
    if not found:
        raise UsageError(f"there is no candidate {number}; see 'case show'")
    if found[0].sample is not None:
        raise UsageError(f"there is a picture of candidate {number} already; nothing was added")
    if found[0].enrolled is not None and found[0].enrolled != digest:
        raise UsageError(f"this is not the picture from which candidate {number} was enrolled; give that very file")
    if decided(case):
        raise PolicyRefusal("S3", "the review is decided; what was reviewed stays as it is.", "Open another case.")
    return replace(
        case,
        candidates=tuple(
            replace(candidate, sample=digest) if candidate.number == number else candidate
            for candidate in case.candidates
        ),
    )
