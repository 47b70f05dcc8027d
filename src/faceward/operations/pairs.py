"""Pictures in a program's hand, inside a deployment: found faces, and faces of two pictures compared. Nothing is kept.

The standalone operations do the same without a deployment; here the standard's rules are asked, the log has it, a stop
ends comparisons (rule W7), and where reviewers answer before scores are shown, nobody gets one from here (rule H2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject
from faceward.core.errors import NoFace, PolicyRefusal
from faceward.core.faces import Sample
from faceward.core.results import DetectionResult, FaceReport, VerificationResult
from faceward.core.sources import Source
from faceward.operations import pictures
from faceward.operations.case_store import CaseStore
from faceward.operations.context import Act, Desk
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
class Pair:
    """Two pictures to be compared.

    Attributes:
        first: The one.
        second: The other.
        purpose: The purpose that the comparison stands under, for the log; None where none is named.
    """

    first: Source
    second: Source
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Paired:
    """A face of the second picture.

    Attributes:
        face: The face.
        score: Its score with the face of the first, rounded to 0.001; None where it is too small to be compared, and
            where reviewers answer before scores are shown (rule H2).
        fmr: The false-match rate of a threshold at that score, by the model pack's calibration; None as above.
        match: Whether it reaches the pack's own operating point; None where it is too small to be compared.
    """

    face: FaceReport
    score: float | None
    fmr: float | None
    match: bool | None


@dataclass(frozen=True, slots=True)
class PairResult:
    """Two pictures compared.

    Attributes:
        source: The largest face of the first.
        source_size: Width and height of the first in pixels, as analysed.
        faces: The faces of the second, best first; the largest first where there are no scores.
        size: Width and height of the second.
        fmr: The accepted false-match rate of the pack's own operating point.
        blind: Whether scores are withheld (rule H2).
        pack: The model pack.
        entry: Index of the log entry.
    """

    source: FaceReport
    source_size: tuple[int, int]
    faces: tuple[Paired, ...]
    size: tuple[int, int]
    fmr: float
    blind: bool
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


def compare(deployment: Deployment, desk: Desk, pair: Pair) -> PairResult:
    """Compare the largest face of one picture with every face of another.

    Raises:
        PolicyRefusal: A rule of the standard refuses it (P1, P5, H2, K2, W7).
        NoFace: A picture holds none that can be used.
        BadInput: A picture cannot be used.
        UsageError: The model pack is not calibrated.
    """
    with _comparing(deployment, desk, pair) as (act, source, target):
        probe = _samples(deployment, source, 1)[0]
        if _too_small(probe):
            raise NoFace(f"{source.name}: the face is too small to be compared; give a larger picture")
        samples = _samples(deployment, target, MOST_FACES)
        paired = [_paired(deployment, probe, sample) for sample in samples]
        probe.features.fill(0)
        act.outcome["faces"] = len(paired)
    ordered = sorted(paired, key=lambda one: -2.0 if one.score is None else one.score, reverse=True)
    return PairResult(
        FaceReport(probe.face, probe.quality),
        (source.width, source.height),
        tuple(ordered),
        (target.width, target.height),
        deployment.pipeline.calibration.default_fmr,
        is_blind(deployment),
        deployment.pipeline.identifier,
        act.entry,
    )


def verify(deployment: Deployment, desk: Desk, pair: Pair, fmr: float | None = None) -> VerificationResult:
    """Compare the most prominent faces of two pictures; see `compare`.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        pair: The pictures.
        fmr: The false-match rate to accept; the pack's own default if None, which is the only one where reviewers
            answer first (rule H2): with many, decisions would tell the score.
    """
    with _comparing(deployment, desk, pair, fmr) as (act, first, second):
        found = pictures.compared(deployment.pipeline, (first, second), fmr)
        act.outcome.update({"operating_point": found.operating_point.score})
    score = None if found.score is None or is_blind(deployment) else coarse(found.score)
    return replace(found, score=score, purpose=pair.purpose, entry=act.entry)


def is_blind(deployment: Deployment) -> bool:
    """Tell whether reviewers answer here before scores are shown (rule H2)."""
    return deployment.standard.parameters.people.reviewers > 0


@contextmanager
def _comparing(
    deployment: Deployment, desk: Desk, pair: Pair, fmr: float | None = None
) -> Iterator[tuple[Act, Picture, Picture]]:
    """Authorise and record a comparison; what is refused here for a reason of its own is in the log as well."""
    paths = pair.first, pair.second
    first, second = (_decoded(path) for path in paths)
    kinds = [source_kind(path) for path in paths]
    sample = facts.Sample(next((kind for kind in kinds if kind != "file"), "file"))
    context = facts.pair_context(sample, stores_nothing=True, pack_verified=deployment.pipeline.verified)
    digests = [picture.digest.hex() if picture else None for picture in (first, second)]
    details: JSONObject = {"probes_sha256": [*digests], "purpose": pair.purpose}
    happening = Happening("verify-pair", details)
    refusal = _refusal(deployment, pair.purpose, fmr, [one for one in (first, second) if one is not None])
    if refusal is not None:
        # Whoever may not compare at all is told that, and not of which pictures there is a case.
        desk.authorise("verify-pair", context, happening)
        desk.deny(happening, refusal)
        raise refusal
    with desk.operation("verify-pair", context, happening) as act:
        if first is None or second is None:
            raise AssertionError("rule P5 refuses an address")
        yield act, first, second


def _refusal(
    deployment: Deployment, purpose: str | None, fmr: float | None, pair: Sequence[Picture]
) -> PolicyRefusal | None:
    if purpose is not None and deployment.purpose(purpose) is None:
        return PolicyRefusal("P1", "no purpose is registered under that name.", "Name a registered one, or none.")
    if not is_blind(deployment):
        return None
    if fmr is not None:
        return PolicyRefusal(
            "H2",
            "reviewers answer here before scores are shown, and decisions at many rates would tell the score.",
            "Leave the rate out.",
        )
    if any(CaseStore(deployment).holds(one) for one in pair):
        return PolicyRefusal(
            "H2",
            "this picture is of a case, whose reviewers are not to learn beforehand what a comparison says.",
            "Answer the case; its score is shown afterwards.",
        )
    return None


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
        return Paired(face, None, None, None)
    calibration = deployment.pipeline.calibration
    score = float(probe.features @ sample.features)
    sample.features.fill(0)
    match = score >= calibration.at_fmr(calibration.default_fmr).threshold
    if is_blind(deployment):
        return Paired(face, None, None, match)
    return Paired(face, coarse(score), calibration.fmr_of(coarse(score)), match)
