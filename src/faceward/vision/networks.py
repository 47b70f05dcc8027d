"""The networks of a pack, and what goes with them, as its manifest describes their form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.vision.align import ARCFACE_112
from faceward.vision.fields import Table

DETECTORS = ("centerface", "yunet")
COLOURS = ("rgb", "bgr")
_MOST_VIEWS = 16
_MOST_SCALING = 0.5


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One network file and the hash that it must have.

    Attributes:
        file: Name inside the pack's folder, or inside `distribution`.
        sha256: 64 hexadecimal digits.
        distribution: An installed Python distribution that carries the file, or empty.
        prepare: How the file becomes the graph that is run: `as-is`, `static-inputs` or `dlib-resnet`.
        prepared_sha256: What the prepared graph must hash to, or empty for `as-is`.
        weights: For a network in OpenVINO's format, the file of its weights beside `file`, which holds its structure;
            empty for a network in one file.
        weights_sha256: Hash of the weights' file, or empty.
    """

    file: str
    sha256: str
    distribution: str
    prepare: str
    prepared_sha256: str
    weights: str = ""
    weights_sha256: str = ""

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Return the name and the hash of each file that the network consists of."""
        own = (self.file, self.sha256)
        return (own, (self.weights, self.weights_sha256)) if self.weights else (own,)


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A detector's file and form."""

    kind: str
    model: ModelFile
    threshold: float


@dataclass(frozen=True, slots=True)
class View:
    """One way of cutting a face out for the network.

    Attributes:
        scale: Size of the face in the chip, relative to the template, about the chip's centre.
        mirrored: Whether the chip is mirrored.
    """

    scale: float
    mirrored: bool


_SIDES = (View(1.0, mirrored=False), View(1.0, mirrored=True))


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """An embedding network's file and form of input.

    Attributes:
        model: The network.
        dimension: Length d of the features.
        size: Side of the square chip in pixels.
        colour: Order of the channels, `rgb` or `bgr`.
        mean: Subtracted from 0-255 samples.
        scale: What the difference is divided by.
        template: Where the five landmarks lie in the chip, shape (5, 2), pixels.
        views: What the features of a face are averaged over, at least one.
    """

    model: ModelFile
    dimension: int
    size: int
    colour: str
    mean: float
    scale: float
    template: npt.NDArray[np.float64]
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class CohortSpec:
    """A cohort of strangers and how a score is set against it; see `vision.cohort`.

    Attributes:
        file: Name inside the pack's folder, or among the project's own packs.
        sha256: 64 hexadecimal digits.
        nearest: How many of the nearest strangers count.
        weight: How much of their mean similarity is taken off the score.
        centre: Mean similarity that changes nothing.
    """

    file: str
    sha256: str
    nearest: int
    weight: float
    centre: float


def _model(table: Table) -> ModelFile:
    sha = table.text("sha256").lower()
    prepare = table.choice("prepare", ("as-is", "static-inputs", "dlib-resnet"), "as-is")
    prepared = table.text("prepared_sha256", "").lower()
    weights, weights_sha = table.text("weights", ""), table.text("weights_sha256", "").lower()
    for key, value in (("sha256", sha), ("prepared_sha256", prepared), ("weights_sha256", weights_sha)):
        if value and (len(value) != 64 or set(value) - set("0123456789abcdef")):
            raise table.error(key, "is not 64 hexadecimal digits")
    if (prepare == "as-is") != (not prepared):
        raise table.error("prepared_sha256", "goes with a prepare other than as-is")
    if bool(weights) != bool(weights_sha):
        raise table.error("weights_sha256", "goes with weights")
    file = table.text("file")
    distribution = table.text("distribution", "")
    if weights and (distribution or prepare != "as-is" or weights == file):
        raise table.error("weights", "goes with a file of the pack's own folder that is run as it is")
    for key, name in (("file", file), ("weights", weights)):
        if not distribution:
            table.check_beside(key, name)
    return ModelFile(file, sha, distribution, prepare, prepared, weights, weights_sha)


def parse_detector(table: Table) -> DetectorSpec:
    """Read `[detector]`; raises as `parse_manifest` does."""
    spec = DetectorSpec(table.choice("kind", DETECTORS), _model(table), table.number("threshold", 0.01, 0.99))
    table.finish()
    return spec


def parse_embedder(table: Table) -> EmbedderSpec:
    """Read `[embedder]`; raises as `parse_manifest` does."""
    size = table.whole("size", 16, 1024)
    template = table.points("template", size)
    spec = EmbedderSpec(
        model=_model(table),
        dimension=table.whole("dimension", 8, 8192),
        size=size,
        colour=table.choice("colour", COLOURS),
        mean=table.number("mean", 0, 255),
        scale=table.number("scale", 1e-6, 1e6),
        template=ARCFACE_112 * (size / 112) if template is None else template,
        views=_views(table) if table.has("views") else _SIDES[: 1 + table.boolean("mirror")],
    )
    table.finish()
    return spec


def _views(table: Table) -> tuple[View, ...]:
    rows = table.rows("views", 2)
    # Beyond these scales a chip shows a part of the face or mostly what surrounds it.
    if len(rows) > _MOST_VIEWS or (abs(rows[:, 0] - 1) > _MOST_SCALING).any() or not set(rows[:, 1]) <= {0, 1}:
        raise table.error("views", f"is not 1 to {_MOST_VIEWS} rows of a scale from 0.5 to 1.5 and 0 or 1 for mirrored")
    return tuple(View(float(scale), bool(mirrored)) for scale, mirrored in rows)


def parse_cohort_spec(table: Table) -> CohortSpec:
    """Read `[cohort]`; raises as `parse_manifest` does."""
    file, sha = table.attached()
    nearest = table.whole("nearest", 1, 1000)
    spec = CohortSpec(file, sha, nearest, table.number("weight", 0.01, 1), table.number("centre", -1, 1))
    table.finish()
    return spec


def parse_evaluation_file(table: Table) -> tuple[str, str]:
    """Read `[evaluation]`, the name and the hash of a file; raises as `parse_manifest` does."""
    named = table.attached()
    table.finish()
    return named
