"""DetectFaces and CompareFaces: pictures in the caller's hand, of which nothing is stored."""

from __future__ import annotations

from faceward.operations.pairs import Pair, PairResult
from faceward.service.rekognition import shapes
from faceward.service.rekognition.calls import PURPOSE, Answer, Call
from faceward.service.rekognition.inputs import QUALITY_FILTERS
from faceward.service.rekognition.similarity import similarity_of
from faceward.service.v1 import scope

ATTRIBUTES = (
    "DEFAULT",
    "ALL",
    "AGE_RANGE",
    "BEARD",
    "EMOTIONS",
    "EYE_DIRECTION",
    "EYEGLASSES",
    "EYES_OPEN",
    "GENDER",
    "MOUTH_OPEN",
    "MUSTACHE",
    "FACE_OCCLUDED",
    "SMILE",
    "SUNGLASSES",
)
_DEFAULT_SIMILARITY = 80.0
_COMPARE = ("SourceImage", "TargetImage", "SimilarityThreshold", "QualityFilter")


def detect(call: Call) -> Answer:
    """Find faces. Attributes that would be guessed of a person are never given, whatever is asked for (rule P4)."""
    call.inputs.only(("Image", "Attributes"))
    picture = call.inputs.picture("Image")
    asked = call.inputs.words("Attributes", ATTRIBUTES)
    if set(asked) - {"DEFAULT"}:
        call.note("rule P4: box, landmarks, pose, quality and confidence are all that is given of a face")
    found = call.collections.detect(picture)
    ordered = sorted(found.faces, key=lambda one: -one.face.box.area)
    return {"FaceDetails": [shapes.detail(one, (found.width, found.height)) for one in ordered[:100]]}


def compare(call: Call) -> Answer:
    """Compare the largest face of one picture with every face of another."""
    call.inputs.only(_COMPARE)
    threshold = call.inputs.number("SimilarityThreshold", _DEFAULT_SIMILARITY, (0, 100))
    call.inputs.choice("QualityFilter", "NONE", QUALITY_FILTERS)
    source, target = call.inputs.picture("SourceImage"), call.inputs.picture("TargetImage")
    purpose = scope.comparing(call.caller, call.system, call.headers.get(PURPOSE) or None)
    found = call.collections.compare(Pair(source, target, purpose))
    if found.blind:
        call.note("reviewers answer here before scores are shown (rule H2): the model pack's own threshold holds")
    matches, unmatched = _sorted(found, threshold)
    return {
        "SourceImageFace": {
            "BoundingBox": shapes.box(found.source.face.box, found.source_size),
            "Confidence": shapes.confidence(found.source),
        },
        "FaceMatches": matches,
        "UnmatchedFaces": unmatched,
    }


def _sorted(found: PairResult, threshold: float) -> tuple[list[shapes.Shape], list[shapes.Shape]]:
    matches: list[shapes.Shape] = []
    unmatched: list[shapes.Shape] = []
    for one in found.faces:
        face = shapes.compared_face(one.face, found.size)
        similarity = None if one.fmr is None else similarity_of(one.fmr)
        if found.blind and one.match:
            matches.append({"Face": face})
        elif similarity is not None and similarity >= threshold:
            matches.append({"Similarity": similarity, "Face": face})
        else:
            unmatched.append(face)
    return matches, unmatched
