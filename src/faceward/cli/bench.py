"""This machine's figures. Ratios compare with other machines; times do not."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, pairs, say
from faceward.cli.progress import Advance, progress

if TYPE_CHECKING:
    from faceward.vision.pipeline import Pipeline

REFERENCES = 100_000
DIMENSION = 128
_ROUNDS = 15
_WIDTH, _HEIGHT = 640, 480


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(command(_bench))


def _bench(
    settings: Settings,
    pack: Annotated[Optional[str], typer.Option(help="Model pack.", show_default="the built-in one")] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of the networks.")] = 1,
) -> None:
    """Measure this machine: detection, embedding, search of 100,000 references. Needs no deployment."""
    from faceward.standalone import pipeline
    from faceward.vision.packs import DEFAULT_PACK

    vision = pipeline(pack or DEFAULT_PACK, threads)
    with progress(settings, "Measuring") as advance:
        figures = {"pack": vision.identifier, "threads": threads, **_measure(vision, advance)}
    if settings.as_json:
        emit(figures)
    else:
        _print(figures)


def _measure(vision: Pipeline, advance: Advance | None) -> dict[str, Any]:
    detect, embed = _vision_times(vision, advance)
    ours, bare = _search_times(advance)
    return {
        "rounds": _ROUNDS,
        "detect": {"width": _WIDTH, "height": _HEIGHT, "median_ms": round(detect, 3)},
        "embed": {"faces": 1, "median_ms": round(embed, 3)},
        "search": {
            "references": REFERENCES,
            "dimension": DIMENSION,
            "median_ms": round(ours, 3),
            "numpy_product_ms": round(bare, 3),
            "ratio": round(ours / bare, 3),
        },
    }


def _vision_times(vision: Pipeline, advance: Advance | None) -> tuple[float, float]:
    """Return the medians in milliseconds of detection in a picture and of embedding one face.

    The work does not depend on what the pixels show, so noise serves and no picture is needed.
    """
    import numpy as np

    from faceward.core.faces import Box, Face
    from faceward.vision.align import ARCFACE_112
    from faceward.vision.images import Picture

    pixels = np.random.default_rng(0).integers(0, 256, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)
    picture = Picture(pixels, 1.0, bytes(32), "bench")
    landmarks = (ARCFACE_112 * 1.5 + 100).astype(np.float32)
    face = Face(Box(100, 100, 268, 268), landmarks, 1.0)
    vision.load()
    [detect] = _medians([lambda: vision.detect(picture)], advance, 0)
    [embed] = _medians([lambda: vision.samples(picture, [face])], advance, 1)
    return detect, embed


def _search_times(advance: Advance | None) -> tuple[float, float]:
    """Return the medians in milliseconds of an exact search and of numpy's bare product on the same matrix."""
    import numpy as np

    from faceward.gallery.index import GalleryIndex

    rows = np.random.default_rng(1).standard_normal((REFERENCES, DIMENSION), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = GalleryIndex(DIMENSION)
    index.add([str(n) for n in range(REFERENCES)], [str(n).encode() for n in range(REFERENCES)], rows)
    probe = rows[:1].copy()
    ours, bare = _medians([lambda: index.search(probe, 0.9, 5), lambda: rows @ probe[0]], advance, 2)
    return ours, bare


def _medians(works: list[Callable[[], object]], advance: Advance | None, part: int) -> list[float]:
    """Time the works in turn, so that a change of the machine's pace falls on all of them."""
    times: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for number in range(_ROUNDS):
        for work, taken in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
        if advance is not None:
            advance(part * _ROUNDS + number + 1, 3 * _ROUNDS)
    return [statistics.median(taken) * 1000 for taken in times]


def _print(figures: dict[str, Any]) -> None:
    search = figures["search"]
    pairs(
        {
            "pack": figures["pack"],
            "threads": figures["threads"],
            f"detect, {_WIDTH}x{_HEIGHT}": f"{figures['detect']['median_ms']:.1f} ms",
            "align, assess and embed a face": f"{figures['embed']['median_ms']:.1f} ms",
            f"search {REFERENCES:,}x{DIMENSION}": f"{search['median_ms']:.2f} ms",
            "numpy's bare product": f"{search['numpy_product_ms']:.2f} ms",
            "ratio": f"{search['ratio']:.2f}",
        },
        f"Medians of {_ROUNDS} rounds",
    )
    say("The ratio compares with other machines; the times do not.")
