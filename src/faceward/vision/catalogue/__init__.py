"""The packs that can be installed by name. Only their descriptions are part of the project; no weights are."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from faceward.core.errors import UsageError
from faceward.vision.download import Download
from faceward.vision.manifest import Manifest, parse_manifest

_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class Entry:
    """A pack that can be fetched.

    Attributes:
        manifest: What it says of itself.
        download: Its files' addresses and the terms; the same as the manifest's.
        text: The manifest as it is written into the pack's folder.
    """

    manifest: Manifest
    download: Download
    text: str


def read_entry(text: str, origin: str) -> Entry:
    """Read a manifest that says where its files are fetched from.

    Args:
        text: TOML.
        origin: What to call it in messages.

    Raises:
        BadInput: It is no manifest.
        UsageError: It has no `[download]` table.
    """
    manifest = parse_manifest(text, origin)
    if manifest.download is None:
        raise UsageError(f"{origin}: no [download] table says where its files are; use 'packs add' for a pack at hand")
    return Entry(manifest, manifest.download, text)


def entries() -> tuple[Entry, ...]:
    """Return the whole catalogue, by name."""
    return tuple(_read(file) for file in sorted(_files(), key=lambda file: file.name))


def find_entry(name: str) -> Entry:
    """Return a pack of the catalogue.

    Raises:
        UsageError: There is none of this name.
    """
    found = {file.name.removesuffix(_SUFFIX): file for file in _files()}
    if name not in found:
        raise UsageError(
            f"no pack {name!r} in the catalogue; there are {', '.join(sorted(found))}; "
            "use 'packs add' for files at hand"
        )
    return _read(found[name])


def _files() -> list[Traversable]:
    folder = importlib.resources.files(__package__)
    return [file for file in folder.iterdir() if file.name.endswith(_SUFFIX)]


def _read(file: Traversable) -> Entry:
    return read_entry(file.read_text(encoding="utf-8"), file.name)
