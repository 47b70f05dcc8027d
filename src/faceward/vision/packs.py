"""Model packs: where they are, whether their files are what the manifest says, and how they become sessions."""

from __future__ import annotations

import importlib.resources
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import read_regular
from faceward.vision import acceptance
from faceward.vision.acceptance import ACCEPTED, Acceptance
from faceward.vision.cohort import Cohort, parse_cohort
from faceward.vision.fields import MANIFEST_FILE
from faceward.vision.manifest import Manifest, parse_manifest
from faceward.vision.networks import ModelFile
from faceward.vision.pack_files import attached_file, is_folder, manifest_text, model_file
from faceward.vision.prepare import PREPARE, keep

DEFAULT_PACK = "centerface-dlib"
_MANIFEST = MANIFEST_FILE


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was found.

    Attributes:
        manifest: What it says of itself.
        folder: Where its files lie, or None for a pack that takes them from installed distributions.
    """

    manifest: Manifest
    folder: Path | None


@dataclass(frozen=True, slots=True)
class FileCheck:
    """Whether one file of a pack is what its manifest says."""

    file: str
    sha256: str
    found: str

    @property
    def intact(self) -> bool:
        """True if the hashes are equal."""
        return self.found == self.sha256


def attachment(file: str, pack: Pack) -> bytes:
    """Return a file that a manifest names and that is no network, verified by hash.

    Raises:
        IntegrityError: Its hash differs from the manifest's.
        BadInput: It is missing or cannot be read.
    """
    data = attached_file(file, pack.folder)
    check = FileCheck(file, dict(pack.manifest.attachments())[file], sha256_hex(data))
    if not check.intact:
        raise _differs(pack.manifest.name, check)
    return data


def load_cohort(pack: Pack) -> Cohort | None:
    """Return the strangers against whom a pack's scores are set, or None.

    Raises:
        IntegrityError: The file's hash differs from the manifest's, or it holds no such features.
        BadInput: It is missing or cannot be read.
    """
    spec = pack.manifest.cohort
    if spec is None:
        return None
    rows = parse_cohort(attachment(spec.file, pack), pack.manifest.embedder.dimension, spec.nearest)
    return Cohort(rows, spec.nearest, spec.weight, spec.centre)


class PackStore:
    """The packs on this machine: those that come with the project and those in the user's folder.

    Args:
        folder: The user's packs, a folder for each.
        cache: Where prepared graphs are kept. It may be deleted at any time.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder, self._cache = folder, cache

    @property
    def folder(self) -> Path:
        """Where the user's packs lie."""
        return self._folder

    def names(self) -> tuple[str, ...]:
        """Return the names of all packs, the default first."""
        # A folder whose name begins with a dot is a copy that was interrupted.
        own = sorted(p.parent.name for p in self._folder.glob(f"*/{_MANIFEST}") if p.parent.name[0] != ".")
        return (DEFAULT_PACK, *(name for name in own if name != DEFAULT_PACK))

    def get(self, name: str) -> Pack:
        """Return a pack by name.

        Raises:
            UsageError: No such pack.
            BadInput: Its manifest is damaged.
        """
        if name == DEFAULT_PACK:
            resource = importlib.resources.files("faceward.vision") / "builtin" / f"{name}.toml"
            return Pack(parse_manifest(resource.read_text(encoding="utf-8"), f"{name}.toml"), None)
        if name not in self.names():
            raise UsageError(
                f"no model pack {name!r}; there are {', '.join(self.names())}, or add one with 'packs add'"
            )
        path = self._folder / name / _MANIFEST
        manifest = parse_manifest(manifest_text(path), str(path))
        if manifest.name != name:
            raise BadInput(f"{path}: the manifest names the pack {manifest.name!r}; give its folder the same name")
        return Pack(manifest, path.parent)

    def acceptance(self, pack: Pack) -> Acceptance | None:
        """Return the terms that were accepted when a pack was installed by name, or None for one that was not.

        Raises:
            BadInput: The record is damaged or cannot be read.
        """
        path = None if pack.folder is None else pack.folder / ACCEPTED
        try:
            data = None if path is None else read_regular(path, acceptance.MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadInput(f"{path}: cannot be read: {error.strerror}; restore the file") from None
        return None if path is None else acceptance.parse_acceptance(data or b"", str(path))

    def add(self, manifest_path: Path) -> Pack:
        """Copy a pack into the user's folder, after its files were verified. Nothing is left behind if one differs.

        Args:
            manifest_path: Its `pack.toml`, or the folder of that.

        Raises:
            BadInput: The manifest cannot be read, or a file that it names is missing.
            UsageError: A pack of this name exists already.
            IntegrityError: A file's hash differs from the manifest's, or a model keeps weights in other files.
        """
        if is_folder(manifest_path):
            manifest_path /= _MANIFEST
        return self.add_files(manifest_text(manifest_path), str(manifest_path), manifest_path.parent)

    def add_files(self, text: str, origin: str, folder: Path, accepted: Acceptance | None = None) -> Pack:
        """Copy a pack of which the manifest is at hand; see `add`, also for what is raised.

        Args:
            text: The manifest.
            origin: What to call it in messages.
            folder: Where its files lie.
            accepted: The terms that its user accepted, kept with it.
        """
        pack = Pack(parse_manifest(text, origin), folder)
        if pack.manifest.name in self.names():
            raise UsageError(f"a pack {pack.manifest.name!r} exists already; give the new one another name")
        for check in self.verify(pack):
            if not check.intact:
                raise _differs(pack.manifest.name, check)
        for model in pack.manifest.files():
            # What is built from another form than ONNX is looked at when it is built.
            if model.prepare != "dlib-resnet" and not model.weights:
                _refuse_external_data(model, _verified(model, pack))
        self._place(pack, folder, text, accepted)
        return self.get(pack.manifest.name)

    def _place(self, pack: Pack, folder: Path, text: str, accepted: Acceptance | None) -> None:
        """Copy a pack's files into a folder of their own, which has the pack's name once it is complete."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=".adding-", dir=self._folder))
            try:
                for file in pack.manifest.own_files():
                    shutil.copyfile(folder / file, staging / file)
                for file, _ in pack.manifest.attachments():
                    shutil.copyfile(folder / file, staging / file)
                (staging / _MANIFEST).write_text(text, encoding="utf-8")
                if accepted is not None:
                    (staging / ACCEPTED).write_bytes(accepted.encode())
                staging.chmod(0o755)
                staging.rename(self._folder / pack.manifest.name)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        except OSError as error:
            raise EnvironmentFailure(f"{self._folder}: the pack cannot be stored: {error.strerror}") from None

    def verify(self, pack: Pack) -> tuple[FileCheck, ...]:
        """Hash every file of a pack and set it against the manifest.

        Raises:
            BadInput: A file is missing or cannot be read.
        """
        return tuple(
            FileCheck(file, sha256, sha256_hex(model_file(model, file, pack.folder)))
            for model in pack.manifest.files()
            for file, sha256 in model.parts()
        ) + tuple(
            FileCheck(file, sha256, sha256_hex(attached_file(file, pack.folder)))
            for file, sha256 in pack.manifest.attachments()
        )

    def model_bytes(self, model: ModelFile, pack: Pack) -> bytes:
        """Return the graph that is run, verified by hash, prepared on first use and kept in the cache.

        Raises:
            IntegrityError: A file's hash differs from the manifest's, or the model keeps weights in other files.
            BadInput: A file is missing.
        """
        data = self._graph(model, pack)
        # The graphs of the pack that comes with the project are known by their hashes.
        if pack.folder is not None and not model.weights:
            _refuse_external_data(model, data)
        return data

    def weights_bytes(self, model: ModelFile, pack: Pack) -> bytes | None:
        """Return the weights of a network in OpenVINO's format, verified by hash; None for one in a single file.

        Raises:
            IntegrityError: The hash differs from the manifest's.
            BadInput: The file is missing.
        """
        return _verified(model, pack, part=1) if model.weights else None

    def _graph(self, model: ModelFile, pack: Pack) -> bytes:
        if model.prepare == "as-is":
            return _verified(model, pack)
        cached = self._cache / f"{model.prepared_sha256}.onnx"
        try:
            data = cached.read_bytes()
        except OSError:
            data = b""
        if sha256_hex(data) == model.prepared_sha256:
            return data
        data = PREPARE[model.prepare](_verified(model, pack))
        if sha256_hex(data) != model.prepared_sha256:
            raise IntegrityError(
                f"{model.file}: the prepared graph's hash differs from the pinned one; install the pinned versions of "
                "onnx and protobuf (see constraints.txt)"
            )
        keep(cached, data)
        return data


def _verified(model: ModelFile, pack: Pack, part: int = 0) -> bytes:
    file, sha256 = model.parts()[part]
    data = model_file(model, file, pack.folder)
    check = FileCheck(file, sha256, sha256_hex(data))
    if not check.intact:
        raise _differs(pack.manifest.name, check)
    return data


def _differs(pack: str, check: FileCheck) -> IntegrityError:
    return IntegrityError(
        f"pack {pack}: {check.file} has SHA-256 {check.found[:16]}…, the manifest says {check.sha256[:16]}…; "
        "restore the original file"
    )


def _refuse_external_data(model: ModelFile, data: bytes) -> None:
    from faceward.vision.graphs import refuse_external_data  # noqa: PLC0415 - onnx is needed for users' packs alone

    try:
        refuse_external_data(data)
    except IntegrityError as error:
        raise IntegrityError(f"{model.file}: {error}") from None
