"""What needs no deployment: nothing is stored, and no reference is opened."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faceward.core.errors import BadInput, EnvironmentFailure, FacewardError, QualityTooLow, UsageError
from faceward.core.faces import Box, Face
from faceward.core.reports import RedactedPicture, RedactionResult
from faceward.core.results import DetectionResult, FaceReport, Threshold, VerificationResult
from faceward.core.sources import Source
from faceward.operations.recognition import read_picture
from faceward.vision.images import SUFFIXES, Picture, decode, read_file
from faceward.vision.pipeline import Effort, Pipeline
from faceward.vision.quality import assess
from faceward.vision.redact import MODES, THRESHOLD, Mode, encode, redact

# Which faces of a picture stay visible, and whose they are.
Chooser = Callable[[Picture, Sequence[Face]], dict[int, str]]
Progress = Callable[[int, int], None]
# Below this nothing can be told: the calibration data hold no smaller face.
MIN_EYE_DISTANCE = 12
_WRITABLE = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff"})


def detect(pipeline: Pipeline, path: Source) -> DetectionResult:
    """Find every face of a picture and measure its quality.

    Raises:
        BadInput: The picture cannot be used.
    """
    picture = read_picture(path)
    faces = pipeline.detect(picture, Effort.ALL)
    reports = tuple(FaceReport(face, assess(picture.pixels, face, picture.scale)) for face in faces)
    return DetectionResult(str(path), picture.width, picture.height, reports, pipeline.identifier)


def compare(pipeline: Pipeline, paths: tuple[Source, Source], fmr: float | None) -> VerificationResult:
    """Compare the most prominent faces of two pictures, and forget both.

    Args:
        pipeline: The model pack at work.
        paths: The two pictures.
        fmr: The false-match rate to accept; the pack's own default if None.

    Raises:
        BadInput: A picture cannot be used or holds no face.
        UsageError: The pack has no calibration, or the rate is out of range.
    """
    first, second = paths
    return compared(pipeline, (read_picture(first), read_picture(second)), fmr)


def compared(pipeline: Pipeline, pair: tuple[Picture, Picture], fmr: float | None) -> VerificationResult:
    """Compare the most prominent faces of two decoded pictures; see `compare`."""
    calibration = pipeline.calibration
    point = calibration.at_fmr(calibration.default_fmr if fmr is None else fmr)
    samples, passed_over = [], []
    for picture in pair:
        face, others = pipeline.principal(picture, alone=False)
        sample = pipeline.samples(picture, [face])[0]
        distance = sample.quality.components["inter_eye_distance"]
        if distance < MIN_EYE_DISTANCE:
            raise QualityTooLow(
                f"{picture.name}: the face is too small, its eyes are {distance:.0f} pixels apart and at least "
                f"{MIN_EYE_DISTANCE} are needed; give a larger picture"
            )
        samples.append(sample)
        passed_over.append(others)
    score = float(samples[0].features @ samples[1].features)
    for sample in samples:
        sample.features.fill(0)
    return VerificationResult(
        decision="match" if score >= point.threshold else "non-match",
        score=score,
        operating_point=Threshold(
            point.threshold, point.fmr, point.fmr_low, point.fmr_high, None, calibration.data, point.extrapolated
        ),
        faces=tuple(FaceReport(sample.face, sample.quality) for sample in samples),
        passed_over=tuple(passed_over),
        pack=pipeline.identifier,
    )


@dataclass(frozen=True, slots=True)
class Target:
    """A picture to redact and where it goes."""

    source: Path
    output: Path


def targets(source: Path, output: Path) -> tuple[Target, ...]:
    """Plan a redaction: a file to a file or into a folder, a folder to a folder of the same shape.

    Raises:
        BadInput: The source does not exist, cannot be read or holds no pictures.
        UsageError: The output is the source, or lies within it.
    """
    if source.is_dir():
        if output.resolve() == source.resolve() or source.resolve() in output.resolve().parents:
            raise UsageError(f"{output}: lies in the folder that is redacted; give another folder")
        if output.is_file():
            raise UsageError(f"{output}: is a file; give a folder")
        found = _pictures_below(source)
        if not found:
            raise BadInput(f"{source}: no pictures in this folder")
        return _distinct([Target(path, _written(output / path.relative_to(source))) for path in found])
    into_folder = output.is_dir() or not output.suffix
    if not into_folder and output.suffix.lower() not in _WRITABLE:
        raise UsageError(
            f"{output}: pictures cannot be written as {output.suffix!r}; use one of {', '.join(sorted(_WRITABLE))}"
        )
    target = Target(source, _written(output / source.name) if into_folder else output)
    return _distinct([target])


def _pictures_below(folder: Path) -> list[Path]:
    def fail(error: OSError) -> None:
        raise BadInput(f"{error.filename}: no permission to read the folder; change its permissions") from None

    return sorted(
        Path(root) / name
        for root, _, names in os.walk(folder, onerror=fail)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    )


def _written(path: Path) -> Path:
    """Return the name under which a picture can be written; formats that cannot are written as PNG."""
    return path if path.suffix.lower() in _WRITABLE else path.with_suffix(".png")


def _distinct(plan: list[Target]) -> tuple[Target, ...]:
    """Refuse a plan that writes two pictures to one file, or over any original."""
    originals = {target.source.resolve() for target in plan}
    seen: dict[Path, Path] = {}
    for target in plan:
        # Links are followed, since an original may be reached by one.
        place = target.output.resolve()
        if place in originals:
            raise UsageError(f"{target.output}: is one of the originals; give another place, so that none is lost")
        if place in seen:
            raise UsageError(f"{target.source} and {seen[place]} would be written to one file; rename one")
        seen[place] = target.source
    return tuple(plan)


def redact_all(
    pipeline: Pipeline,
    plan: Sequence[Target],
    mode: str,
    chooser: Chooser | None = None,
    progress: Progress | None = None,
) -> RedactionResult:
    """Hide every face of every picture, save those that the chooser keeps.

    A picture that cannot be read is reported and leaves no output; each output is written whole or not at all.

    Raises:
        UsageError: The mode is unknown.
        EnvironmentFailure: An output cannot be written.
        FacewardError: Of a single picture: why it cannot be redacted.
    """
    chosen = next((known for known in MODES if known == mode), None)
    if chosen is None:
        raise UsageError(f"--mode {mode!r} is unknown; use one of {', '.join(MODES)}")

    def work(target: Target) -> RedactedPicture:
        try:
            return _redact_one(pipeline, target, chosen, chooser)
        except EnvironmentFailure:
            raise
        except FacewardError as error:
            if len(plan) == 1:
                raise
            return RedactedPicture(str(target.source), None, 0, (), str(error))

    results: list[RedactedPicture] = []
    # Two pictures are worked on for each core, so that decoding overlaps with inference.
    with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        for result in pool.map(work, plan):
            results.append(result)
            if progress is not None:
                progress(len(results), len(plan))
    return RedactionResult(chosen, tuple(results))


def _redact_one(pipeline: Pipeline, target: Target, mode: Mode, chooser: Chooser | None) -> RedactedPicture:
    # At full resolution: what is written must not be smaller than what was given.
    picture = decode(read_file(target.source), target.source.name)
    faces = pipeline.detect(picture, Effort.ALL, THRESHOLD)
    kept = chooser(picture, faces) if chooser is not None and faces else {}
    hidden: list[Box] = [face.box for number, face in enumerate(faces) if number not in kept]
    visible = [faces[number].box for number in kept]
    pixels = redact(picture.pixels, hidden, visible, mode, secrets.randbits(64))
    _write(target.output, encode(pixels, target.output.suffix))
    return RedactedPicture(str(target.source), str(target.output), len(hidden), tuple(sorted(kept.values())))


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".redacting-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvironmentFailure(
            f"{path}: cannot be written: {error.strerror}; check the disk and permissions"
        ) from None
