"""Speed: pictures a second from the file to the features, and where the time goes."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from faceward.core.canonical import JSONObject
from faceward.core.errors import BadInput
from faceward.core.faces import Face
from faceward.evaluate.contents import content
from faceward.evaluate.features import extract, processors
from faceward.vision.align import chip
from faceward.vision.images import Picture, decode
from faceward.vision.pipeline import Pipeline
from faceward.vision.quality import assess

STAGES = ("decode", "detect", "align", "assess", "embed")
MOST_TIMED = 300
_WARM_UP = 3

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast features are extracted on this machine.

    Attributes:
        cores: Processors that the process may use.
        processor: Their architecture.
        threads: Pictures worked on at once.
        pictures: Pictures.
        failed: Failures to acquire among them.
        pictures_per_second: Of all of them, with that many threads.
        timed: Pictures that were timed in stages.
        stages: Mean milliseconds of each of `STAGES` a picture, one at a time.
    """

    cores: int
    processor: str
    threads: int
    pictures: int
    failed: int
    pictures_per_second: float
    timed: int
    stages: Mapping[str, float]

    def to_json(self) -> JSONObject:
        """Return it as plain values."""
        return asdict(self)


def measure(
    files: Sequence[Path], pipeline: Pipeline, progress: Progress | None = None, threads: int | None = None
) -> Speed:
    """Measure extraction, nothing cached.

    The rate is that of all pictures with `threads` at once. The stages are then timed on up to 300 of them, spread over
    the whole, one after the other on one thread: their sum is the time of one picture alone.

    Args:
        files: Picture files.
        pipeline: The pack at work.
        progress: Called with the pictures done and their number.
        threads: How many pictures are worked on at once; as many as there are processors if None.

    Raises:
        BadInput: None of those that are timed shows a face.
    """
    cores = processors()
    threads = threads or cores
    pipeline.load()
    extract(files[:_WARM_UP], pipeline, None, threads=threads)
    found = extract(files, pipeline, None, progress, threads)
    step = -(-len(files) // MOST_TIMED)
    totals = dict.fromkeys(STAGES, 0.0)
    timed = 0
    for path in files[::step]:
        taken = _stages(path, pipeline)
        if taken is not None:
            timed += 1
            for stage, seconds in taken.items():
                totals[stage] += seconds
    if not timed:
        raise BadInput("no face was found in any picture that was timed; give pictures of people")
    return Speed(
        cores,
        platform.machine(),
        threads,
        len(files),
        found.failed,
        len(files) / found.seconds,
        timed,
        {stage: 1000 * total / timed for stage, total in totals.items()},
    )


def _stages(path: Path, pipeline: Pipeline) -> dict[str, float] | None:
    """Time one picture in seconds, or return None where it holds no face.

    Features are made in one step of the pipeline. What aligning and assessing take of it is measured beside it.
    """
    clock = time.perf_counter
    start = clock()
    data = content(path)
    try:
        picture = decode(data, path.name)
        decoded = clock()
        face, _ = pipeline.principal(picture, alone=False)
    except BadInput:
        return None
    detected = clock()
    _align(picture, face, pipeline)
    aligned = clock()
    assess(picture.pixels, face, picture.scale)
    assessed = clock()
    pipeline.samples(picture, [face])
    done = clock() - assessed
    align, judge = aligned - detected, assessed - aligned
    return {
        "decode": decoded - start,
        "detect": detected - decoded,
        "align": align,
        "assess": judge,
        "embed": max(0.0, done - align - judge),
    }


def _align(picture: Picture, face: Face, pipeline: Pipeline) -> None:
    spec = pipeline.pack.manifest.embedder
    centre = (spec.size - 1) / 2
    for scale in {view.scale for view in spec.views}:
        chip(picture.pixels, face.landmarks, (spec.template - centre) * scale + centre, spec.size)
