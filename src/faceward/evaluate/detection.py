"""Detection: in how many pictures faces are found, and how far that agrees with boxes that people drew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import BadInput
from faceward.core.faces import Box
from faceward.evaluate.collection import Collection, read_csv
from faceward.evaluate.contents import content
from faceward.evaluate.intervals import rate
from faceward.vision.images import decode
from faceward.vision.pipeline import Effort, Pipeline

OVERLAP = 0.5
"""Intersection over union from which a face found is the face that a box marks."""
_CORNERS = ("x0", "y0", "x1", "y1")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one picture.

    Attributes:
        boxes: Boxes of the faces, most confident first; None where the picture cannot be read or decoded.
    """

    boxes: tuple[Box, ...] | None


def detect_all(
    files: Sequence[Path], pipeline: Pipeline, progress: Progress | None = None, threads: int = 1
) -> tuple[Found, ...]:
    """Find the faces of pictures, each searched at its full resolution.

    Args:
        files: Picture files.
        pipeline: The pack at work.
        progress: Called with the pictures done and their number.
        threads: How many pictures are worked on at once.
    """
    pipeline.load()

    def one(path: Path) -> Found:
        data = content(path)
        try:
            picture = decode(data, path.name)
        except BadInput:
            return Found(None)
        faces = sorted(pipeline.detect(picture, Effort.ALL), key=lambda face: -face.confidence)
        scale = 1 / picture.scale
        return Found(tuple(Box(*(value * scale for value in _corners(face.box))) for face in faces))

    found = []
    pool = ThreadPoolExecutor(threads)
    try:
        for number, result in enumerate(pool.map(one, files), 1):
            found.append(result)
            if progress is not None:
                progress(number, len(files))
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(found)


def read_boxes(path: Path, collection: Collection) -> dict[int, tuple[Box, ...]]:
    """Read boxes of faces: columns `image`, `x0`, `y0`, `x1`, `y1`, a row for each face.

    Corners are in pixels of the upright picture, `x1` and `y1` exclusive. A picture without a face has one row with
    empty corners. Pictures that the file does not name take no part in precision and recall.

    Args:
        path: The file.
        collection: The pictures.

    Returns:
        Place of the picture → its boxes.

    Raises:
        BadInput: It cannot be read, names a picture that is not there or twice the same box, or corners are no numbers.
    """
    rows = read_csv(path, "boxes")
    if set(rows[0]) != {"image", *_CORNERS}:
        raise BadInput(f"{path}: boxes have the columns image, x0, y0, x1 and y1; correct the first line")
    index = collection.index()
    found: dict[int, tuple[Box, ...]] = {}
    empty: set[int] = set()
    for number, row in enumerate(rows, 2):
        if row["image"] not in index:
            raise BadInput(f"{path}: row {number} names the picture {row['image']!r}, which is not there; correct it")
        place = index[row["image"]]
        cells = [row[corner] for corner in _CORNERS]
        box = _box(path, number, cells) if any(cells) else None
        before = found.get(place, ())
        if place in empty or (box is None and place in found) or box in before:
            raise BadInput(f"{path}: row {number} repeats a box or contradicts another row of {row['image']!r}")
        found[place] = before if box is None else (*before, box)
        if box is None:
            empty.add(place)
    return found


def summary(found: Sequence[Found], truth: Mapping[int, Sequence[Box]]) -> JSONObject:
    """Count.

    Returns:
        `pictures`, `unreadable`, `none`, `one`, `several` (each of the three a rate over the pictures with its
        interval) and, where boxes are known, `boxes` with `pictures`, `faces`, `overlap`, `recall` and `precision`;
        null where there are none to take a share of.
    """
    pictures = len(found)
    counts = [len(one.boxes) if one.boxes is not None else 0 for one in found]
    by_number: dict[str, JSONValue] = {
        "none": _share(sum(count == 0 for count in counts), pictures),
        "one": _share(sum(count == 1 for count in counts), pictures),
        "several": _share(sum(count > 1 for count in counts), pictures),
    }
    unreadable = sum(one.boxes is None for one in found)
    boxes = _agreement(found, truth) if truth else None
    return {"pictures": pictures, "unreadable": unreadable, **by_number, "boxes": boxes}


def _agreement(found: Sequence[Found], truth: Mapping[int, Sequence[Box]]) -> JSONObject:
    hits = faces = detections = 0
    for place, boxes in truth.items():
        there = found[place].boxes or ()
        hits += _matched(there, boxes)
        faces += len(boxes)
        detections += len(there)
    return {
        "pictures": len(truth),
        "faces": faces,
        "overlap": OVERLAP,
        "recall": _share(hits, faces),
        "precision": _share(hits, detections),
    }


def _matched(there: Sequence[Box], boxes: Sequence[Box]) -> int:
    """Give each face found, most confident first, the free box that it overlaps most (PASCAL VOC, 2010)."""
    free = list(boxes)
    for face in there:
        best = max(free, key=face.overlap, default=None)
        if best is not None and face.overlap(best) >= OVERLAP:
            free.remove(best)
    return len(boxes) - len(free)


def _share(count: int, total: int) -> JSONValue:
    return asdict(rate(count, total)) if total else None


def _box(path: Path, number: int, cells: Sequence[str]) -> Box:
    try:
        x0, y0, x1, y1 = (float(cell) for cell in cells)
    except ValueError:
        raise BadInput(f"{path}: row {number} has corners that are no numbers; correct it") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))) or x1 <= x0 or y1 <= y0:
        raise BadInput(f"{path}: row {number} is no box: x1 and y1 must lie beyond x0 and y0; correct it")
    return Box(x0, y0, x1, y1)


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1
