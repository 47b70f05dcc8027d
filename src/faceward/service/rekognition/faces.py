"""IndexFaces, ListFaces and DeleteFaces: a face is a reference, an ExternalImageId its subject."""

from __future__ import annotations

from faceward.core.errors import QualityTooLow, SeveralFaces
from faceward.core.faces import Face
from faceward.core.results import DetectionResult, FaceReport
from faceward.core.sources import Upload
from faceward.operations.collections import KeptGallery
from faceward.operations.grounds import Grounds
from faceward.service.rekognition import names, shapes
from faceward.service.rekognition.calls import MANDATE, Answer, Call
from faceward.service.rekognition.errors import AwsError
from faceward.service.rekognition.inputs import QUALITY_FILTERS
from faceward.service.rekognition.pictures import ATTRIBUTES
from faceward.service.v1 import scope

_PAGE = 1000
_MOST = 4096
_TOO_MANY = "EXCEEDS_MAX_FACES"
_INDEX = ("CollectionId", "Image", "ExternalImageId", "DetectionAttributes", "MaxFaces", "QualityFilter")


def index(call: Call) -> Answer:
    """Enrol the one face that a picture shows, of the subject whom ExternalImageId names."""
    call.inputs.only(_INDEX)
    gallery = call.gallery()
    picture = call.inputs.picture("Image")
    call.inputs.whole("MaxFaces", 1, (1, _MOST))
    call.inputs.choice("QualityFilter", "AUTO", QUALITY_FILTERS)
    call.inputs.words("DetectionAttributes", ATTRIBUTES)
    subject = _subject(call)
    try:
        reference = _enrolled(call, gallery, (picture, subject))
    except (QualityTooLow, SeveralFaces) as refused:
        call.note(_header(str(refused)))
        return _unindexed(call, picture, poor=isinstance(refused, QualityTooLow))
    found = call.collections.detect(picture)
    shown, others = _ranked(found)
    stored = call.collections.references(gallery.name, [reference])
    face = {
        **shapes.stored_face(stored[0], subject, call.version),
        "BoundingBox": shapes.box(shown.face.box, _size(found)),
        "Confidence": shapes.confidence(shown),
    }
    return {
        "FaceRecords": [{"Face": face, "FaceDetail": shapes.detail(shown, _size(found))}],
        "UnindexedFaces": [{"Reasons": [_TOO_MANY], "FaceDetail": shapes.detail(one, _size(found))} for one in others],
        "FaceModelVersion": call.version,
    }


def listed(call: Call) -> Answer:
    """List references with their subjects; that they were read is in the log."""
    call.inputs.only(("CollectionId", "NextToken", "MaxResults", "UserId", "FaceIds"))
    gallery = call.gallery()
    most = call.inputs.whole("MaxResults", _PAGE, (0, _MOST)) or _PAGE
    ids = call.collections.ids(gallery.name)
    users = call.collections.users(gallery.name)
    if call.inputs.has("FaceIds"):
        wanted = set(call.inputs.faces("FaceIds", _MOST))
        ids = tuple(one for one in ids if one in wanted)
    if call.inputs.has("UserId"):
        user = users.get(names.subject_of(call.inputs.text("UserId", names.USER_ID)))
        if user is None:
            raise AwsError("ResourceNotFoundException", "there is no user of that name; CreateUser makes one")
        ids = tuple(one for one in ids if one in user.references)
    page, token = call.page(f"faces/{gallery.name}", ids, most)
    shown = []
    for one in call.collections.named(gallery.name, page) if page else ():
        face = shapes.stored_face(one.reference, one.subject, call.version)
        user = users.of_pseudonym(one.reference.subject)
        if user is not None and one.reference.reference_id in user.references:
            face["UserId"] = names.external_of(user.name, 128)
        shown.append({name: value for name, value in face.items() if value is not None})
    answer: Answer = {"Faces": shown, "FaceModelVersion": call.version}
    return answer if token is None else {**answer, "NextToken": token}


def delete(call: Call) -> Answer:
    """Destroy the keys of references; those of a user are kept until DisassociateFaces, as the interface has it."""
    call.inputs.only(("CollectionId", "FaceIds"))
    gallery = call.gallery()
    wanted = call.inputs.faces("FaceIds", _MOST)
    users = call.collections.users(gallery.name)
    held: dict[str, str] = {}
    for one in call.collections.references(gallery.name, wanted):
        user = users.of_pseudonym(one.subject)
        if user is not None and one.reference_id in user.references:
            held[one.reference_id] = names.external_of(user.name, 128) or ""
    erased, missing = call.collections.delete_references(gallery.name, [one for one in wanted if one not in held])
    failed: list[dict[str, object]] = [{"FaceId": names.face_id(one), "Reasons": ["FACE_NOT_FOUND"]} for one in missing]
    for face, name in held.items():
        told: dict[str, object] = {"FaceId": names.face_id(face), "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]}
        failed.append({**told, "UserId": name} if name else told)
    return {"DeletedFaces": [names.face_id(one) for one in erased], "UnsuccessfulFaceDeletions": failed}


def _subject(call: Call) -> str:
    if not call.inputs.has("ExternalImageId"):
        raise AwsError(
            "InvalidParameterException",
            "ExternalImageId must name the subject: a reference belongs to somebody, who can ask for it, withdraw and "
            "be erased",
        )
    return names.subject_of(call.inputs.text("ExternalImageId", names.EXTERNAL_IMAGE_ID))


def _enrolled(call: Call, gallery: KeptGallery, what: tuple[Upload, str]) -> str:
    picture, subject = what
    releases = scope.own_releases(call.caller, call.system, subject, gallery.purpose)
    grounds = Grounds(releases, entry=call.headers.get(MANDATE) or None)
    result = call.system.enrol_on(grounds, [picture], subject=subject, purpose=gallery.purpose, gallery=gallery.name)
    sample = result.samples[0]
    if sample.reference is not None:
        return sample.reference
    known = call.collections.enrolled(gallery.name, subject, picture)
    if known is None:
        raise AwsError("ResourceNotFoundException", "the reference was erased just now; index the face again")
    return known.reference_id


def _unindexed(call: Call, picture: Upload, *, poor: bool) -> Answer:
    found = call.collections.detect(picture)
    shown, others = _ranked(found)
    why = shapes.reasons(shown, call.collections.enrolment_floors) if poor else [_TOO_MANY]
    faces = [(shown, why), *((one, [_TOO_MANY]) for one in others)]
    return {
        "FaceRecords": [],
        "UnindexedFaces": [{"Reasons": why, "FaceDetail": shapes.detail(one, _size(found))} for one, why in faces],
        "FaceModelVersion": call.version,
    }


def _ranked(found: DetectionResult) -> tuple[FaceReport, list[FaceReport]]:
    ordered = sorted(found.faces, key=lambda one: -_area(one.face))
    if not ordered:
        raise AwsError("InvalidParameterException", "There are no faces in the image. Should be at least 1.")
    return ordered[0], ordered[1:]


def _area(face: Face) -> float:
    return face.box.area


def _size(found: DetectionResult) -> tuple[int, int]:
    return found.width, found.height


def _header(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")
