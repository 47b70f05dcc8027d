"""Reading the files of a pack: its manifest and its networks, from a folder or from an installed distribution."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from pathlib import Path

from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError
from faceward.core.files import read_regular
from faceward.vision.download import MAX_FILE_BYTES
from faceward.vision.networks import ModelFile

_MOST_ATTACHED = 2**28


def model_file(model: ModelFile, file: str, folder: Path | None) -> bytes:
    """Return one file of a network as it is, not verified.

    Args:
        model: The network.
        file: Which of its files.
        folder: The pack's folder, or None for a pack that takes its files from distributions.

    Raises:
        BadInput: The file is missing, cannot be read, or is too large.
        EnvironmentFailure: The distribution that carries it is not installed.
        IntegrityError: The distribution lacks it, or nothing says where it is.
    """
    if model.distribution:
        path = _distributed(model)
    elif folder is not None:
        path = folder / file
    else:
        raise IntegrityError(f"{file}: a built-in pack must name a distribution")
    try:
        if not path.is_file():
            raise BadInput(f"{path}: no such file; restore it")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path}: larger than {MAX_FILE_BYTES:,} bytes; not a model")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: the model cannot be read: {error.strerror}; restore the file") from None


def _distributed(model: ModelFile) -> Path:
    """Find a file of an installed distribution without importing its code."""
    try:
        files = importlib.metadata.files(model.distribution) or []
    except importlib.metadata.PackageNotFoundError:
        raise EnvironmentFailure(
            f"the package {model.distribution} is not installed; run 'pip install {model.distribution}'"
        ) from None
    for entry in files:
        if str(entry) == model.file:
            return Path(str(entry.locate()))
    raise IntegrityError(f"the package {model.distribution} lacks {model.file}; install the version in constraints.txt")


def is_folder(path: Path) -> bool:
    """Return whether a path names a folder.

    Raises:
        BadInput: It cannot be looked at.
    """
    try:
        return path.is_dir()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}; check the path") from None


def manifest_text(path: Path) -> str:
    """Return the text of a manifest.

    Raises:
        BadInput: There is no such file, or it is larger than a manifest can be, or no text.
    """
    try:
        if not path.is_file():
            raise BadInput(f"{path}: no such file; give a pack.toml")
        if path.stat().st_size > 2**20:
            raise BadInput(f"{path}: larger than a manifest can be; give a pack.toml")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: the manifest cannot be read: {error.strerror}; give a pack.toml") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text in UTF-8; give a pack.toml") from None


def attached_file(file: str, folder: Path | None) -> bytes:
    """Return a file beside a manifest that is no network.

    Args:
        file: Its name.
        folder: The pack's folder, or None for a pack that comes with the project.

    Raises:
        BadInput: It is missing, too large or cannot be read.
    """
    if folder is None:
        return (importlib.resources.files("faceward.vision") / "builtin" / file).read_bytes()
    path = folder / file
    try:
        data = read_regular(path, _MOST_ATTACHED)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; restore it") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}; restore the file") from None
    if data is None:
        raise BadInput(f"{path}: larger than {_MOST_ATTACHED:,} bytes; restore the file")
    return data
