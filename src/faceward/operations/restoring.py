"""Restoring a backup so that nobody comes back whom the log has forgotten since (rule T2).

A backup is older than what happened after it. What happened is known from a later copy of the log alone: its entries
name every key that was destroyed. So one is asked for, and going on without one is said in the log, by who takes it on
them; recognition stays stopped until people let it go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log
from faceward.audit.note import Signer
from faceward.audit.verifier import verify_log
from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import sync_folder
from faceward.operations import accounts, cameras, case_end, complaints, consent, gallery_notes
from faceward.operations import backup_files as files
from faceward.operations.api_keys import ApiKeys
from faceward.operations.backup import BACKUP, SECRET
from faceward.operations.case_store import CaseStore
from faceward.operations.config import KEY_FILE, KEYS_FILE, LOG_FILE, read_config
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.destruction import DESTROYS
from faceward.operations.gallery_term import SET_END
from faceward.operations.journal import DETAILS, Happening
from faceward.operations.openings import unsealed
from faceward.operations.restore_order import Order, Restored
from faceward.operations.snapshots import copy_database, pinned
from faceward.operations.staging import staging
from faceward.operations.stopping import Control
from faceward.operations.subject_keys import DEPLOYMENT_KEY_ID, SUBJECT_KEYS
from faceward.operations.system import System
from faceward.operations.withdrawal import WITHDRAW
from faceward.protection.holder import MasterKeyHolder
from faceward.protection.keys import KeyStore
from faceward.protection.rotation import open_keys

_Details: TypeAlias = "tuple[JSONObject, ...]"


@dataclass(frozen=True, slots=True)
class _Since:
    """What was ended since the backup: keys, and the subjects whose they were as far as the backup tells."""

    keys: frozenset[str]
    subjects: frozenset[str]
    destroyed: int


def restore(order: Order, master: Callable[[Path], MasterKeyHolder], opener: Callable[[Path], System]) -> Restored:
    """Restore a deployment, whole or not at all.

    1. Unpack both parts beside the place, checking each file against its manifest.
    2. Check that the parts are a pair, that this deployment made them, and its log.
    3. Put the later log in the place of the backup's, if it continues that.
    4. Destroy every key that it names since, and those that the backup never had.
    5. Open, which repeats what an opening repeats; and forget what is kept under erased names.
    6. Say in the log that it was restored, and stop recognition if anything happened since.
    7. Put the folder in its place.

    Args:
        order: What, and where.
        master: Returns what opens the master key, given its file.
        opener: Opens a deployment, given its folder, as whoever restores it.

    Raises:
        UsageError: See `Order.check`; or the parts are of two backups, or the log is no later.
        WrongSecret: The secret is not the deployment's, or the identity not the backup's.
        IntegrityError: A part or a log was altered, or the later log is another one.
        PolicyRefusal: People are in the roster and nobody of them has signed in (rule S2).
        EnvironmentFailure: A file cannot be read or written; nothing was restored.
    """
    order.check()
    try:
        order.home.parent.mkdir(parents=True, exist_ok=True)
        with staging(order.home.parent / f".{order.home.name}.restoring", "restore") as folder:
            # Steps 1 to 4.
            unpacked = _unpacked(order, folder)
            since = _prepare(order, unpacked, folder, master)
            # Step 5.
            with opener(folder) as system:
                result = _finish(order, unpacked[0].manifest, since, system)
            # Step 7.
            folder.replace(order.home)
            sync_folder(order.home.parent)
            return result
    except OSError as error:
        where = error.filename or order.home
        raise EnvironmentFailure(
            f"{where}: {error.strerror}; nothing was restored; check space and permissions"
        ) from None


def _unpacked(order: Order, folder: Path) -> tuple[files.Unpacked, files.Unpacked]:
    archive = files.unpack(order.archive, files.ARCHIVE, folder, order.identity)
    keys = files.unpack(order.keys, files.KEYS, folder, order.identity)
    if archive.manifest.backup != keys.manifest.backup:
        raise UsageError(
            f"{order.keys} is the key part of the backup of {keys.manifest.made}, the archive is of "
            f"{archive.manifest.made}: an archive is opened only by the key part that was made with it"
        )
    return archive, keys


def _prepare(
    order: Order,
    unpacked: tuple[files.Unpacked, files.Unpacked],
    folder: Path,
    master: Callable[[Path], MasterKeyHolder],
) -> _Since:
    keys = open_keys(folder / KEYS_FILE, master(folder / KEY_FILE))
    try:
        # Step 2.
        for part, path in zip(unpacked, (order.archive, order.keys), strict=True):
            part.check(keys.secret(SECRET), path)
        signer = Signer(read_config(folder).origin, keys.secret("log-seed"))
        verify_log(folder / LOG_FILE, signer.verifier.vkey)
        if order.log is None:
            return _Since(frozenset(), frozenset(), 0)
        # Step 3.
        later = folder / ".later.db"
        with pinned(order.log) as connection:
            copy_database(connection, later)
        verify_log(later, signer.verifier.vkey)
        manifest = unpacked[0].manifest
        with (
            Log.open(folder / LOG_FILE, None, signer.verifier) as before,
            Log.open(later, None, signer.verifier) as log,
        ):
            if not log.continues(manifest.log_size, bytes.fromhex(manifest.log_root)):
                raise IntegrityError(
                    f"{order.log}: does not continue the log of the backup, which has {manifest.log_size} entries; "
                    "give the newest log.db of this deployment"
                )
            # A log that lived on says at least that the backup was made.
            if log.size == manifest.log_size:
                raise UsageError(
                    f"{order.log}: holds nothing later than the backup; give the newest log.db, or --without-later-log"
                )
            since = _ended(before, log, keys)
            # Step 4.
            unknown = _unknown(log, keys)
        count = keys.destroy(sorted(since.keys))
        keys.destroy(sorted(unknown))
    finally:
        keys.close()
    later.replace(folder / LOG_FILE)
    return _Since(since.keys, since.subjects, count)


def _ended(before: Log, log: Log, keys: KeyStore) -> _Since:
    """Read from the later log which keys were destroyed since, and from the earlier one whose they were."""
    openings, doomed = keys.secret("openings"), set[str]()
    for index, entry in _entries_since(before, log):
        if entry.operation in DESTROYS and entry.phase in (Phase.BEGIN, Phase.NOTE):
            for sealed in log.openings(index):
                if sealed.slot == DETAILS:
                    named = unsealed(index, entry, sealed, openings).details.get("keys")
                    doomed.update(map(str, named) if isinstance(named, list) else ())
    subjects = set[str]()
    held = _held(keys, doomed)
    for key_id in sorted(doomed):
        placed = before.last_opening(key_id)
        if placed is not None and key_id in held:
            opening = unsealed(placed.entry, before.entry(placed.entry), placed.opening, held[key_id])
            subjects.add(str(opening.details["subject"]))
    return _Since(frozenset(doomed), frozenset(subjects), 0)


def _entries_since(before: Log, log: Log) -> Iterator[tuple[int, Entry]]:
    # What had begun when the backup was made has ended in the later log, so no recovery would take it up.
    for index in before.unfinished():
        yield index, log.entry(index)
    yield from log.entries(before.size, None)


def _held(keys: KeyStore, key_ids: set[str]) -> dict[str, bytes]:
    try:
        return dict(keys.subject_keys(SUBJECT_KEYS, sorted(key_ids)))
    except UsageError:
        # Nobody was enrolled yet.
        return {}


def _unknown(log: Log, keys: KeyStore) -> set[str]:
    """Return the keys of subjects whom the backup does not know: what the log says of them stays sealed for ever."""
    known = set(log.latest_rows()) - {DEPLOYMENT_KEY_ID}
    return known - set(_held(keys, known))


def _finish(order: Order, manifest: files.Manifest, since: _Since, system: System) -> Restored:
    deployment, desk = system._deployment, system._desk  # noqa: SLF001 - one of the operations itself
    _check_custodian(order, deployment)
    later = deployment.log.size - manifest.log_size if order.log is not None else None
    # That a backup was made is no change, and every log says so of the backup itself.
    changed = any(entry.operation != BACKUP for _, entry in deployment.log.entries(manifest.log_size, None))
    _forget(deployment, desk, since, manifest.log_size)
    # Step 6.
    details: JSONObject = {
        "backup": manifest.backup,
        "log_size": manifest.log_size,
        "later_log": order.log is not None,
        "keys": len(since.keys),
    }
    desk.journal.write(Phase.NOTE, [desk.announced(Happening("restore", details))])
    stopped = later is None or changed
    if stopped:
        Control(deployment, desk).stop("restored from a backup: what changed since is to be looked at")
    return Restored(order.home, manifest.backup, manifest.made, manifest.log_size, later, since.destroyed, stopped)


def _check_custodian(order: Order, deployment: Deployment) -> None:
    """Say before anything is done what a custodian of its own would say at the first search."""
    seen = deployment.custody.status()
    if not deployment.log.continues(seen.size, seen.root):
        given = "the log given" if order.log is not None else "the backup's log"
        raise IntegrityError(
            f"the custodian has seen {seen.size} entries of the log, and {given} does not continue them; "
            "give a newer log.db with --log: without one he opens no gallery again"
        )


def _forget(deployment: Deployment, desk: Desk, since: _Since, size: int) -> None:
    """Repeat what was ended since beside keys: by erasures, withdrawals, deletions of cases, and for programs."""
    for subject in sorted(since.subjects):
        consent.end_releases(deployment, subject)
        complaints.forget(deployment, subject)
        case_end.forget_subject(deployment, subject)
    desk.journal.sweep()
    # What is repeated here may append entries of its own.
    for index, entry in list(deployment.log.entries(size, deployment.log.size)):
        # Earlier versions noted of accounts alone that something was done.
        if entry.phase in (Phase.BEGIN, Phase.NOTE) and entry.operation in _REPEATED:
            opened = desk.journal.opened(index, entry)
            about = [opening.details for slot, opening in opened.items() if slot != DETAILS]
            _REPEATED[entry.operation](deployment, desk, entry, (opened[DETAILS].details, *about))


def _withdrawn(deployment: Deployment, _: Desk, entry: Entry, details: _Details) -> None:
    # Of somebody who was erased since, nothing but the first is left.
    for about in details[1:]:
        consent.end_purpose(deployment, str(about["subject"]), str(details[0]["purpose"]), entry.time)


def _case_deleted(deployment: Deployment, _: Desk, __: Entry, details: _Details) -> None:
    store = CaseStore(deployment)
    # The backup may be older than the case.
    with suppress(UsageError):
        store.delete(store.find(str(details[0]["case"])))


def _key_revoked(deployment: Deployment, desk: Desk, _: Entry, details: _Details) -> None:
    # The backup may be older than the key.
    with suppress(UsageError):
        ApiKeys(deployment, desk).revoke(str(details[0]["key"]))


def _unlinked(deployment: Deployment, _: Desk, __: Entry, details: _Details) -> None:
    digest = accounts.account_digest(str(details[0]["issuer"]), str(details[0]["subject"]))
    deployment.store.delete_document(accounts.KIND, digest)


def _list_ended(deployment: Deployment, _: Desk, __: Entry, details: _Details) -> None:
    # The backup may be older than the gallery. One whose end has come goes with the next act.
    gallery_notes.bring_forward(deployment, str(details[0]["gallery"]), from_rfc3339(str(details[0]["ends"])))


def _camera_removed(deployment: Deployment, _: Desk, __: Entry, details: _Details) -> None:
    cameras.forget(deployment, str(details[0]["camera"]))


_REPEATED: dict[str, Callable[[Deployment, Desk, Entry, _Details], None]] = {
    WITHDRAW: _withdrawn,
    case_end.DELETE: _case_deleted,
    "key.revoke": _key_revoked,
    SET_END: _list_ended,
    cameras.REMOVE: _camera_removed,
    accounts.UNLINK: _unlinked,
    # Whose it is since may be another's: linking it again is safer than letting in whose it was.
    accounts.LINK: _unlinked,
}
