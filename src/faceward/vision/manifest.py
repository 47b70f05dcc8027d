"""The manifest of a model pack: which files, under what licence, in what form, and what their scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import BadInput, UsageError
from faceward.core.names import check_name
from faceward.core.toml import loads_bounded
from faceward.vision.calibration import Calibration, parse_calibration
from faceward.vision.download import Download, parse_download
from faceward.vision.fields import Table
from faceward.vision.networks import (
    CohortSpec,
    DetectorSpec,
    EmbedderSpec,
    ModelFile,
    parse_cohort_spec,
    parse_detector,
    parse_embedder,
    parse_evaluation_file,
)


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
        cohort: Strangers against whom scores are set, or None.
        calibration: What a score means, or None: then nothing can be decided with the pack.
        evaluation: Name and hash of the file with the evaluation that comes with the pack, or None.
        download: Where the files are fetched from and on what terms, or None for a pack that is added by hand.
        digest: SHA-256 of detector, embedder and cohort, in canonical form: what makes the features.
        document: SHA-256 of the manifest as a whole, calibration included.
    """

    name: str
    licence: str
    commercial: bool
    source: str
    training_data: str
    detector: DetectorSpec | None
    embedder: EmbedderSpec
    cohort: CohortSpec | None
    calibration: Calibration | None
    evaluation: tuple[str, str] | None
    download: Download | None
    digest: str
    document: str

    @property
    def identifier(self) -> str:
        """The pack's name with the start of its digest: what references are bound to."""
        return f"{self.name}@{self.digest[:16]}"

    @property
    def dimension(self) -> int:
        """Length of the features: the network's, and one more where a cohort says how common a face is."""
        return self.embedder.dimension + (self.cohort is not None)

    def attachments(self) -> tuple[tuple[str, str], ...]:
        """Return name and hash of each file beside the manifest that is no network."""
        cohort = ((self.cohort.file, self.cohort.sha256),) if self.cohort else ()
        return (*cohort, self.evaluation) if self.evaluation else cohort

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
        detector=parse_detector(root.table("detector")) if "detector" in raw else None,
        embedder=parse_embedder(root.table("embedder")),
        cohort=parse_cohort_spec(root.table("cohort")) if "cohort" in raw else None,
        calibration=parse_calibration(root.table("calibration")) if "calibration" in raw else None,
        evaluation=parse_evaluation_file(root.table("evaluation")) if "evaluation" in raw else None,
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
        return sha256_hex(canonical_json({k: v for k, v in raw.items() if k in {"detector", "embedder", "cohort"}}))
    except rfc8785.CanonicalizationError as error:  # dates, NaN and huge integers
        raise BadInput(f"{origin}: a value has no canonical form ({error}); use text, numbers and lists") from None
