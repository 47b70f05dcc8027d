"""From an entry of the catalogue to a pack in the user's folder: fetched whole, verified, then there under its name."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, UsageError
from faceward.fetch.partial import Partial
from faceward.fetch.transfer import Wanted, fetch
from faceward.vision.acceptance import Acceptance
from faceward.vision.catalogue import Entry
from faceward.vision.download import RemoteFile, refused_address
from faceward.vision.packs import Pack, PackStore

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes wanted, of all files together."""

# Names in a pack's folder never begin with a dot.
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the files of a pack are taken from: their own addresses, unless one of these is given.

    Attributes:
        base_url: A folder on a server that has all files under their own names.
        folder: A folder on this machine.
    """

    base_url: str | None = None
    folder: Path | None = None

    def address(self, remote: RemoteFile) -> str:
        """Return where a file is fetched from."""
        return remote.address if self.base_url is None else f"{self.base_url.rstrip('/')}/{quote(remote.file)}"

    def describe(self, entry: Entry) -> str:
        """Return the names of the servers that are asked, or `folder`."""
        if self.folder is not None:
            return "folder"
        hosts = {urlsplit(self.address(remote)).hostname or "" for remote in entry.download.files}
        return ", ".join(sorted(hosts))


def check_wanted(store: PackStore, entry: Entry, origin: Origin) -> None:
    """Refuse what could not be installed, before anybody is asked and anything is fetched.

    Raises:
        UsageError: A pack of this name is there already, or the base address is none to fetch from.
        BadInput: The folder lacks a file.
    """
    name = entry.manifest.name
    if name in store.names():
        same = store.get(name).manifest.identifier == entry.manifest.identifier
        raise UsageError(
            f"the pack {name} is installed already; 'packs verify {name}' checks it"
            if same
            else f"another pack {name!r} exists already; move the folder {store.folder / name} away first"
        )
    if origin.base_url is not None and origin.folder is not None:
        raise UsageError("give --from or --base-url, not both")
    for remote in entry.download.files:
        if origin.folder is not None:
            if not (origin.folder / remote.file).is_file():
                raise BadInput(f"{origin.folder}: lacks {remote.file}; fetch it from {remote.address}")
        elif why := refused_address(origin.address(remote)):
            raise UsageError(f"--base-url {why}; give the address of a folder on a server")


def install(store: PackStore, entry: Entry, origin: Origin, at: datetime, progress: Progress | None = None) -> Pack:
    """Fetch a pack, verify it and add it to the user's packs. Call it only once the licence was accepted.

    What was interrupted is continued by the next call. Until the last step nothing of the pack can be seen or used.

    Args:
        store: The user's packs.
        entry: What to install.
        origin: Where the files are taken from.
        at: When the licence was accepted.
        progress: Called as bytes arrive.

    Raises:
        UsageError: A pack of this name is there already.
        EnvironmentFailure: The network or the disk does not do it, or another process installs the same pack.
        IntegrityError: A file is not what the catalogue says. It was removed.
        BadInput: The folder lacks a file.
    """
    check_wanted(store, entry, origin)
    manifest, download = entry.manifest, entry.download
    accepted = Acceptance(
        licence=manifest.licence,
        licence_at=download.licence_at,
        conflict=download.conflict,
        document=manifest.document,
        at=at,
        origin=origin.describe(entry),
    )
    if origin.folder is not None:
        return store.add_files(entry.text, manifest.name, origin.folder, accepted)
    with _at_work(store.folder / f".fetching-{manifest.document[:16]}", manifest.name) as work:
        # Another process may have finished while this one waited for its turn.
        check_wanted(store, entry, origin)
        try:
            _fetch_all(entry, origin, work, progress)
        except EnvironmentFailure as error:
            files = " and ".join(manifest.own_files())
            raise EnvironmentFailure(
                f"{error}. Without a network: bring {files} in a folder, 'packs install {manifest.name} --from FOLDER'"
            ) from None
        try:
            pack = store.add_files(entry.text, manifest.name, work, accepted)
        except IntegrityError:
            # What lies there is damaged; kept, it would be found again by every further call.
            shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)
    return pack


def _fetch_all(entry: Entry, origin: Origin, work: Path, progress: Progress | None) -> None:
    hashes = {file: sha256 for model in entry.manifest.files() for file, sha256 in model.parts()}
    total = entry.download.size
    partials = {one.file: Partial(work / f".{hashes[one.file]}.part") for one in entry.download.files}
    _room(work, total - sum(partial.length for partial in partials.values()) + total)
    before = 0
    for remote in entry.download.files:
        target, partial, start = work / remote.file, partials[remote.file], before

        def received(there: int, start: int = start) -> None:
            if progress is not None:
                progress(start + there, total)

        # A whole file is verified anew by the store.
        if not target.exists():
            hosts = remote.hosts if origin.base_url is None else ()
            wanted = Wanted(origin.address(remote), remote.size, hashes[remote.file], hosts)
            fetch(wanted, partial, received)
            partial.path.rename(target)
        before += remote.size


def _room(folder: Path, wanted: int) -> None:
    """Refuse to begin what the disk cannot hold."""
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise EnvironmentFailure(f"{folder.parent}: {wanted:,} bytes are wanted, {free:,} are free; make room")


@contextmanager
def _at_work(folder: Path, name: str) -> Iterator[Path]:
    """Provide the folder in which a pack is put together, to one process at a time."""
    try:
        lock = _locked(folder)
    except BlockingIOError:
        raise EnvironmentFailure(f"another process is installing the pack {name}; wait for it") from None
    except OSError as error:
        raise EnvironmentFailure(f"{folder.parent}: the pack cannot be stored: {error.strerror}") from None
    try:
        yield folder
    finally:
        # Where nothing came, nothing is left.
        if [one.name for one in folder.glob(".*")] == [_LOCK] and not any(folder.glob("[!.]*")):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int:
    """Lock the folder; whoever finished before may have removed the file of the lock meanwhile."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _LOCK
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
