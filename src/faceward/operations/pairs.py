"""Pictures in a program's hand, inside a deployment: found faces, and faces of two pictures compared. Nothing is kept.

The standalone operations do the same without a deployment; here the standard's rules are asked, and the log has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.canonical import JSONObject
from faceward.core.errors import NoFace
from faceward.core.faces import Sample
from faceward.core.results import DetectionResult, FaceReport
from faceward.core.sources import Source
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.pictures import MIN_EYE_DISTANCE
from faceward.operations.recognition import coarse, source_kind
from faceward.policy import facts
from faceward.vision.images import Picture, decode, is_address, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS, Effort
from faceward.vision.quality import assess

MOST_FACES = 100
"""Most faces of a picture that are compared: the largest."""


@dataclass(frozen=True, slots=True)
class Paired:
    """A face of the second picture.

    Attributes:
        face: The face.
        score: Its score with the face of the first, rounded to 0.001; None where it is too small to be compared.
        fmr: The false-match rate of a threshold at that score, by the model pack's calibration; None as above.
    """

    face: FaceReport
    score: float | None
    fmr: float | None


@dataclass(frozen=True, slots=True)
class PairResult:
    """Two pictures compared.

    Attributes:
        source: The largest face of the first.
        source_size: Width and height of the first in pixels, as analysed.
        faces: The faces of the second, best first.
        size: Width and height of the second.
        pack: The model pack.
        entry: Index of the log entry.
    """

    source: FaceReport
    source_size: tuple[int, int]
    faces: tuple[Paired, ...]
    size: tuple[int, int]
    pack: str
    entry: int


def detect(deployment: Deployment, desk: Desk, path: Source) -> DetectionResult:
    """Find every face of a picture and measure its quality.

    Raises:
        PolicyRefusal: A rule of the standard refuses it (P5).
        BadInput: The picture cannot be used.
    """
    picture = _decoded(path)
    happening = Happening("detect", {"probe_sha256": picture.digest.hex() if picture else None})
    with desk.operation("detect", facts.detect_context(facts.Sample(source_kind(path))), happening) as act:
        if picture is None:
            raise AssertionError("rule P5 refuses an address")
        faces = deployment.pipeline.detect(picture, Effort.ALL)
        act.outcome["faces"] = len(faces)
    reports = tuple(FaceReport(face, assess(picture.pixels, face, picture.scale)) for face in faces)
    return DetectionResult(str(path), picture.width, picture.height, reports, deployment.pipeline.identifier)


def compare(deployment: Deployment, desk: Desk, first: Source, second: Source) -> PairResult:
    """Compare the largest face of one picture with every face of another.

    Raises:
        PolicyRefusal: A rule of the standard refuses it (P5, K2).
        NoFace: A picture holds none that can be used.
        BadInput: A picture cannot be used.
        UsageError: The model pack is not calibrated.
    """
    pictures = (_decoded(first), _decoded(second))
    kinds = [source_kind(path) for path in (first, second)]
    sample = facts.Sample(next((kind for kind in kinds if kind != "file"), "file"))
    context = facts.pair_context(sample, stores_nothing=True, pack_verified=deployment.pipeline.verified)
    digests = [picture.digest.hex() if picture else None for picture in pictures]
    details: JSONObject = {"probes_sha256": [*digests]}
    with desk.operation("verify-pair", context, Happening("verify-pair", details)) as act:
        source, target = pictures
        if source is None or target is None:
            raise AssertionError("rule P5 refuses an address")
        probe = _samples(deployment, source, 1)[0]
        if _too_small(probe):
            raise NoFace(f"{first.name}: the face is too small to be compared; give a larger picture")
        samples = _samples(deployment, target, MOST_FACES)
        paired = [_paired(deployment, probe, sample) for sample in samples]
        probe.features.fill(0)
        act.outcome["faces"] = len(paired)
    return PairResult(
        FaceReport(probe.face, probe.quality),
        (source.width, source.height),
        tuple(sorted(paired, key=lambda one: -2.0 if one.score is None else one.score, reverse=True)),
        (target.width, target.height),
        deployment.pipeline.identifier,
        act.entry,
    )


def _decoded(path: Source) -> Picture | None:
    return None if is_address(path) else decode(read_file(path), path.name, ANALYSIS_PIXELS)


def _samples(deployment: Deployment, picture: Picture, most: int) -> tuple[Sample, ...]:
    faces = deployment.pipeline.detect(picture, Effort.ALL)
    if not faces:
        raise NoFace(f"{picture.name}: no face was found; give a picture with upright faces, eyes visible")
    return deployment.pipeline.samples(picture, sorted(faces, key=lambda face: -face.box.area)[:most])


def _too_small(sample: Sample) -> bool:
    return sample.quality.components["inter_eye_distance"] < MIN_EYE_DISTANCE


def _paired(deployment: Deployment, probe: Sample, sample: Sample) -> Paired:
    face = FaceReport(sample.face, sample.quality)
    if _too_small(sample):
        sample.features.fill(0)
        return Paired(face, None, None)
    score = coarse(float(probe.features @ sample.features))
    sample.features.fill(0)
    return Paired(face, score, deployment.pipeline.calibration.fmr_of(score))
