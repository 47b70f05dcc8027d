"""The manifest of a model pack: which files, under what licence, in what form, and what their scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rfc8785

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import BadInput, UsageError
from faceward.core.names import check_name
from faceward.core.toml import loads_bounded
from faceward.vision.align import ARCFACE_112
from faceward.vision.calibration import Calibration, parse_calibration
from faceward.vision.download import Download, parse_download
from faceward.vision.fields import Table

DETECTORS = ("centerface", "yunet")
COLOURS = ("rgb", "bgr")


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
        mirror: Whether features are averaged with those of the mirror image.
    """

    model: ModelFile
    dimension: int
    size: int
    colour: str
    mean: float
    scale: float
    template: npt.NDArray[np.float64]
    mirror: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model pack as its author describes it.

    Attributes:
        name: The pack's name.
        licence: SPDX expression or plain statement, shown to the user.
        commercial: Whether the stated terms allow commercial use.
        source: Where the networks come from.
        training_data: What they were trained on, as far as it is known.
        detector: The detector, or None to take the default pack's.
        embedder: The embedding network.
        calibration: What a score means, or None: then nothing can be decided with the pack.
        download: Where the files are fetched from and on what terms, or None for a pack that is added by hand.
        digest: SHA-256 of detector and embedder, in canonical form: what makes the features.
        document: SHA-256 of the manifest as a whole, calibration included.
    """

    name: str
    licence: str
    commercial: bool
    source: str
    training_data: str
    detector: DetectorSpec | None
    embedder: EmbedderSpec
    calibration: Calibration | None
    download: Download | None
    digest: str
    document: str

    @property
    def identifier(self) -> str:
        """The pack's name with the start of its digest: what references are bound to."""
        return f"{self.name}@{self.digest[:16]}"

    def files(self) -> tuple[ModelFile, ...]:
        """Return all network files that the pack names."""
        own = (self.detector.model,) if self.detector else ()
        return (*own, self.embedder.model)

    def own_files(self) -> tuple[str, ...]:
        """Return the names of the files that lie in the pack's own folder."""
        return tuple(name for model in self.files() if not model.distribution for name, _ in model.parts())


def parse_manifest(text: str, origin: str) -> Manifest:
    """Parse a pack's manifest.

    Args:
        text: TOML.
        origin: What to call it in messages.

    Raises:
        BadInput: Not TOML, a missing or unknown key, or a value out of range; the message names the key.
    """
    try:
        raw = loads_bounded(text)
    except (ValueError, RecursionError) as error:  # besides TOML's own error, integers without end and deep nesting
        raise BadInput(f"{origin}: not a TOML manifest ({_one_line(error)}); correct the line") from None
    root = Table(raw, origin)
    head = root.table("pack")
    manifest = Manifest(
        name=_name(head),
        licence=head.text("licence"),
        commercial=head.boolean("commercial"),
        source=head.text("source"),
        training_data=head.text("training_data", "not stated"),
        detector=_detector(root.table("detector")) if "detector" in raw else None,
        embedder=_embedder(root.table("embedder")),
        calibration=parse_calibration(root.table("calibration")) if "calibration" in raw else None,
        download=parse_download(root.table("download")) if "download" in raw else None,
        digest=_digest(raw, origin),
        document=sha256_hex(text.encode()),
    )
    head.finish()
    root.finish()
    _one_address_each(manifest, root)
    return manifest


def _one_address_each(manifest: Manifest, root: Table) -> None:
    """Refuse addresses of other files than the pack's, and files without an address."""
    if manifest.download is None:
        return
    files = sorted(manifest.own_files())
    if len(set(files)) < len(files) or files != sorted(part.file for part in manifest.download.files):
        raise root.error("download", "must give one address for each file of the pack, and for no other")


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _name(head: Table) -> str:
    """Return the pack's name, which becomes a folder's."""
    text = head.text("name")
    try:
        name = check_name(text, "pack")
    except UsageError as error:
        raise BadInput(f"{error}; correct the manifest") from None
    if name.startswith(".") or "/" in name or "\\" in name:
        raise head.error("name", "holds a slash or begins with a dot")
    return name


def _digest(raw: Mapping[str, Any], origin: str) -> str:
    try:
        # The calibration may be improved without touching the features, so it does not change the identity.
        return sha256_hex(canonical_json({k: v for k, v in raw.items() if k in {"detector", "embedder"}}))
    except rfc8785.CanonicalizationError as error:  # dates, NaN and huge integers
        raise BadInput(f"{origin}: a value has no canonical form ({error}); use text, numbers and lists") from None


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
        if not distribution and ("/" in name or "\\" in name or name.startswith(".")):
            raise table.error(key, "names a file outside the pack's folder")
    return ModelFile(file, sha, distribution, prepare, prepared, weights, weights_sha)


def _detector(table: Table) -> DetectorSpec:
    spec = DetectorSpec(table.choice("kind", DETECTORS), _model(table), table.number("threshold", 0.01, 0.99))
    table.finish()
    return spec


def _embedder(table: Table) -> EmbedderSpec:
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
        mirror=table.boolean("mirror"),
    )
    table.finish()
    return spec
