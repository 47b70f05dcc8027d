"""What needs no deployment: pictures in the caller's hand, and the model packs of this machine."""

from __future__ import annotations

from pathlib import Path

from faceward.core.reports import RedactionResult
from faceward.core.results import DetectionResult, JSONDict, VerificationResult
from faceward.core.sources import Upload, source_of
from faceward.operations import pictures
from faceward.settings import cache_folder, packs_folder
from faceward.vision.acceptance import Acceptance
from faceward.vision.manifest import Manifest
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import Pipeline


def pack_store() -> PackStore:
    """Return the packs on this machine."""
    return PackStore(packs_folder(), cache_folder())


def pipeline(pack: str = DEFAULT_PACK, threads: int = 1) -> Pipeline:
    """Return a model pack at work.

    Raises:
        UsageError: No such pack.
    """
    store = pack_store()
    return Pipeline(store, store.get(pack), threads)


def _at_work(pack: str | Pipeline) -> Pipeline:
    return pack if isinstance(pack, Pipeline) else pipeline(pack)


def verify_pictures(
    first: Path | str | Upload,
    second: Path | str | Upload,
    *,
    pack: str | Pipeline = DEFAULT_PACK,
    fmr: float | None = None,
) -> VerificationResult:
    """Compare two pictures and store nothing; see `operations.pictures.compare`.

    Args:
        first: A picture file.
        second: Another.
        pack: Name of a model pack, which is loaded for this call, or one at work from `pipeline` for many calls.
        fmr: The false-match rate to accept; the pack's own default if None.
    """
    return pictures.compare(_at_work(pack), (source_of(first), source_of(second)), fmr)


def detect(image: Path | str | Upload, *, pack: str | Pipeline = DEFAULT_PACK) -> DetectionResult:
    """Find the faces of a picture; see `operations.pictures.detect`, and `verify_pictures` for `pack`."""
    return pictures.detect(_at_work(pack), source_of(image))


def redact(
    source: Path | str,
    output: Path | str,
    *,
    mode: str = "pixelate",
    pack: str | Pipeline = DEFAULT_PACK,
    progress: pictures.Progress | None = None,
) -> RedactionResult:
    """Hide every face of a picture or a folder; see `operations.pictures.redact_all`."""
    model = _at_work(pack)
    return pictures.redact_all(model, pictures.targets(Path(source), Path(output)), mode, None, progress)


def manifest_json(manifest: Manifest, accepted: Acceptance | None = None) -> JSONDict:
    """Return the object that describes a pack, with the terms that were accepted when it was installed by name."""
    calibration = manifest.calibration
    return {
        "name": manifest.name,
        "identifier": manifest.identifier,
        "licence": manifest.licence,
        "commercial": manifest.commercial,
        "source": manifest.source,
        "training_data": manifest.training_data,
        "accepted": accepted.to_json() if accepted else None,
        "dimension": manifest.dimension,
        "detector": manifest.detector.kind if manifest.detector else None,
        "calibration": None
        if calibration is None
        else {
            "data": calibration.data,
            "mated": calibration.mated,
            "nonmated": calibration.nonmated,
            "default_fmr": calibration.default_fmr,
            "strictest_fmr": calibration.strictest,
            "measured_to": calibration.strictest_measured,
        },
    }
