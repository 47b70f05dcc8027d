"""SearchFaces and SearchFacesByImage, and what the searches for users share with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceward.core.results import Candidate, FaceReport
from faceward.operations.collections import KeptGallery
from faceward.service.rekognition import names, shapes
from faceward.service.rekognition.calls import Answer, Call
from faceward.service.rekognition.errors import AwsError
from faceward.service.rekognition.inputs import QUALITY_FILTERS
from faceward.service.rekognition.similarity import similarity_of

DEFAULT_SIMILARITY = 80.0
_DEFAULT_FACES = 80
_MOST_FACES = 4096


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate as the interface counts.

    Attributes:
        candidate: The candidate.
        similarity: 0 to 100; None where reviewers must answer first (rule H2).
    """

    candidate: Candidate
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Searched:
    """A search with a picture.

    Attributes:
        face: The face that was searched for.
        size: Width and height of the picture.
        matches: Who was found, best first.
        rejected: Which floors of quality the face missed, in words; then nobody was searched.
    """

    face: FaceReport
    size: tuple[int, int]
    matches: tuple[Match, ...]
    rejected: tuple[str, ...]


def by_image(call: Call) -> Answer:
    """Search for the largest face of a picture."""
    call.inputs.only(("CollectionId", "Image", "MaxFaces", "FaceMatchThreshold", "QualityFilter"))
    gallery = call.gallery()
    threshold = call.inputs.number("FaceMatchThreshold", DEFAULT_SIMILARITY, (0, 100))
    most = call.inputs.whole("MaxFaces", _DEFAULT_FACES, (1, _MOST_FACES))
    found = searched(call, gallery, most, threshold)
    if found.rejected:
        # The interface has no other place for a face that cannot be compared.
        raise AwsError("InvalidParameterException", f"There are no faces in the image. {' '.join(found.rejected)}")
    return {
        "SearchedFaceBoundingBox": shapes.box(found.face.face.box, found.size),
        "SearchedFaceConfidence": shapes.confidence(found.face),
        "FaceMatches": _faces(call, gallery, found.matches),
        "FaceModelVersion": call.version,
    }


def by_face(call: Call) -> Answer:
    """Search for others who resemble the subject of a reference."""
    call.inputs.only(("CollectionId", "FaceId", "MaxFaces", "FaceMatchThreshold"))
    gallery = call.gallery()
    reference = call.inputs.face()
    threshold = call.inputs.number("FaceMatchThreshold", DEFAULT_SIMILARITY, (0, 100))
    most = call.inputs.whole("MaxFaces", _DEFAULT_FACES, (1, _MOST_FACES))
    found = call.collections.search_reference(reference, call.search(gallery, most))
    return {
        "SearchedFaceId": names.face_id(reference),
        "FaceMatches": _faces(call, gallery, matches_of(call, gallery, found.candidates, threshold)),
        "FaceModelVersion": call.version,
    }


def searched(call: Call, gallery: KeptGallery, most: int, threshold: float) -> Searched:
    """Search a gallery with the picture in `Image`."""
    call.inputs.choice("QualityFilter", "NONE", QUALITY_FILTERS)
    found = call.collections.search(call.inputs.picture("Image"), call.search(gallery, most))
    probe = found.probes[0]
    if found.case is not None:
        call.note(f"reviewers look at the candidates first (rule H2): case {found.case}")
    least = similarity_of(found.operating_point.fmr)
    if threshold < least:
        call.note(f"nobody below a similarity of {least:g} is named: that is what the purpose accepts")
    return Searched(probe.face, found.size, matches_of(call, gallery, probe.candidates, threshold), probe.rejected)


def matches_of(
    call: Call, gallery: KeptGallery, candidates: Sequence[Candidate], threshold: float
) -> tuple[Match, ...]:
    """Return candidates with their similarity, without those below a threshold that is stricter than the purpose's."""
    found = []
    for one in candidates:
        if one.score is None:
            found.append(Match(one, None))
            continue
        similarity = similarity_of(call.collections.fmr_of(gallery.purpose, one.score))
        if similarity >= threshold:
            found.append(Match(one, similarity))
    return tuple(found)


def _faces(call: Call, gallery: KeptGallery, matches: Sequence[Match]) -> list[shapes.Shape]:
    stored = {
        one.reference_id: one
        for one in call.collections.references(gallery.name, [match.candidate.reference for match in matches])
    }
    users = call.collections.users(gallery.name)
    shown = []
    for match in matches:
        reference = stored.get(match.candidate.reference)
        if reference is None:
            # Erased since the search.
            continue
        face = shapes.stored_face(reference, match.candidate.subject, call.version)
        user = users.of_pseudonym(reference.subject)
        name = None if user is None else names.external_of(user.name, 128)
        if user is not None and name is not None and reference.reference_id in user.references:
            face["UserId"] = name
        told: shapes.Shape = {"Face": face}
        shown.append(told if match.similarity is None else {"Similarity": match.similarity, **told})
    return shown
