"""The composition root: settings and secrets in, an open system out."""

from __future__ import annotations

import getpass
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from faceward.audit.entries import Phase
from faceward.audit.log import Log
from faceward.audit.note import Signer
from faceward.core.canonical import JSONObject
from faceward.core.clock import Clock, SystemClock
from faceward.core.errors import IntegrityError, UsageError
from faceward.creation import OWNER, VKEY_NAME, Secret, create, custody_of
from faceward.custody.protocol import Custody
from faceward.gallery.sqlite import SQLiteStore
from faceward.operations import destruction, signing_in, upkeep
from faceward.operations.config import (
    GALLERY_FILE,
    KEY_FILE,
    KEYS_FILE,
    LOG_FILE,
    SESSION_GUARD,
    VKEY_FILE,
    Config,
    read_config,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.log_head import check_head, kept_head
from faceward.operations.pack_use import follow
from faceward.operations.pinned_config import check_pinned
from faceward.operations.signing_in import Credentials
from faceward.operations.system import System
from faceward.policy.jurisdiction import load_jurisdiction
from faceward.policy.rules import Rules
from faceward.policy.standard import load_standard
from faceward.protection.files import read_bounded
from faceward.protection.guard import ProcessGuard
from faceward.protection.keys import KeyStore
from faceward.protection.rotation import open_keys
from faceward.standalone import pipeline

__all__ = ["Credentials", "Secret", "create", "open_system"]

_MAX_VKEY_BYTES = 4096


def open_system(
    home: Path | str,
    *,
    passphrase: str | None = None,
    identity_file: Path | None = None,
    operator: str | None = None,
    credentials: Credentials | None = None,
    clock: Clock | None = None,
) -> System:
    """Open a deployment.

    Args:
        home: Its folder.
        passphrase: What opens its master key; `FACEWARD_PASSPHRASE` if neither this nor an identity is given.
        identity_file: An age identity instead.
        operator: Who acts, as the log will say; the account's name if None. It is claimed, not proven.
        credentials: Who signs in, instead: proven by their key.
        clock: Where time comes from; the machine's clock if None.

    Raises:
        UsageError: There is no deployment.
        WrongSecret: The passphrase or identity does not open it.
        PolicyRefusal: Who signs in is not who they say (rule K2); the attempt is in the log.
        IntegrityError: A file was altered or is of a newer version.
        EnvironmentFailure: The custodian does not answer.
    """
    home = Path(home)
    config = read_config(home)
    if passphrase is None and identity_file is None:
        passphrase = os.environ.get("FACEWARD_PASSPHRASE")
    if config.age != (identity_file is not None):
        raise UsageError(f"{home}: is opened by {'an age identity' if config.age else 'a passphrase'}; give that alone")
    holder = Secret(passphrase, identity_file).holder(home / KEY_FILE)
    with ExitStack() as stack:
        keys = open_keys(home / KEYS_FILE, holder)
        stack.callback(keys.close)
        check_pinned(home, keys, config)
        store = SQLiteStore.open(home / GALLERY_FILE)
        stack.callback(store.close)
        if store.documents(OWNER[0]).get(OWNER[1]) != config.origin.encode():
            raise IntegrityError(f"{home / GALLERY_FILE}: belongs to another deployment; restore this one's own")
        signer = Signer(config.origin, keys.secret("log-seed"))
        if read_bounded(home / VKEY_FILE, _MAX_VKEY_BYTES, VKEY_NAME).strip() != signer.verifier.vkey.encode():
            raise IntegrityError(f"{home / VKEY_FILE}: is not the key of this deployment's log; restore it")
        # Read before the log, to which another process may append meanwhile.
        head = kept_head(keys)
        log = Log.open(home / LOG_FILE, signer)
        stack.callback(log.close)
        check_head(log, head)
        custody = custody_of(home, config, keys, clock)
        stack.callback(custody.close)
        deployment = _assemble(home, config, (keys, store, log, custody), (operator, clock))
        follow(deployment)
        # Before anything is opened: a key store older than the log must not bring back whom it forgot (rule T2).
        repeated = destruction.repeat(deployment, Desk(deployment).journal, head[0])
        session = stack.enter_context(ExitStack())
        _begin_session(deployment, session, sweep=repeated > 0)
        if credentials is not None:
            signing_in.sign_in(deployment, Desk(deployment), credentials)
        stack.pop_all()
    return System(deployment, session)


def _assemble(
    home: Path,
    config: Config,
    files: tuple[KeyStore, SQLiteStore, Log, Custody],
    who: tuple[str | None, Clock | None],
) -> Deployment:
    keys, store, log, custody = files
    operator, clock = who
    standard = load_standard(config.standard)
    return Deployment(
        home=home,
        config=config,
        standard=standard,
        rules=Rules(standard),
        jurisdiction=load_jurisdiction(config.jurisdiction),
        store=store,
        keys=keys,
        log=log,
        pipeline=pipeline(config.pack),
        clock=clock or SystemClock(),
        operator=operator or _account(),
        pool=ThreadPoolExecutor(max(1, os.cpu_count() or 1)),
        custody=custody,
    )


def _begin_session(deployment: Deployment, session: ExitStack, *, sweep: bool) -> None:
    """Recover what a killed process left, if this is the only one, and hold the deployment open beside others."""
    guard = ProcessGuard(deployment.home / SESSION_GUARD)
    desk = Desk(deployment)
    with guard.exclusive() as alone:
        if alone:
            upkeep.recover(deployment, desk)
            if sweep:
                desk.journal.sweep()
    session.enter_context(guard.shared())
    if deployment.log.size == 0:
        desk.journal.write(Phase.NOTE, [Happening("init", _description(deployment))])


def _description(deployment: Deployment) -> JSONObject:
    return {
        **deployment.config.to_json(),
        "standard_digest": deployment.standard.digest,
        "pack_identifier": deployment.pipeline.identifier,
    }


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
