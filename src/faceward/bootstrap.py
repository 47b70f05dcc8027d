"""The composition root: settings and secrets in, an open system out."""

from __future__ import annotations

import getpass
import os
import secrets as random_bytes
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from faceward.audit.entries import Phase
from faceward.audit.log import Log
from faceward.audit.note import Signer
from faceward.core.canonical import JSONObject, canonical_json
from faceward.core.clock import Clock, SystemClock, to_rfc3339
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.custody.client import CustodyClient
from faceward.custody.custodian import Custodian
from faceward.custody.protocol import Custody, Pins
from faceward.gallery.sqlite import SQLiteStore
from faceward.operations import destruction, signing_in, upkeep
from faceward.operations.config import (
    CONFIG_FILE,
    CUSTODIAN_FILE,
    GALLERY_FILE,
    KEY_FILE,
    KEYS_FILE,
    LOG_FILE,
    VKEY_FILE,
    Config,
    read_config,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.log_head import EMPTY, check_head, keep_head, kept_head
from faceward.operations.signing_in import Credentials
from faceward.operations.system import System
from faceward.policy.jurisdiction import DEFAULT_JURISDICTION, load_jurisdiction
from faceward.policy.rules import Rules
from faceward.policy.standard import load_standard
from faceward.protection.age import AgeFile
from faceward.protection.files import read_bounded, sync_folder, write_atomically
from faceward.protection.guard import ProcessGuard
from faceward.protection.holder import MasterKeyHolder
from faceward.protection.keys import KeyStore
from faceward.protection.passphrase import PassphraseFile
from faceward.protection.rotation import create_keys, open_keys
from faceward.standalone import pipeline
from faceward.vision.packs import DEFAULT_PACK

_VKEY = "the log's public key"
# Name of the secret under which a custodian in this process keeps his state.
_CUSTODIAN = "custodian"
_MAX_VKEY_BYTES = 4096
_SESSION_GUARD = "session.guard"
# The document by which gallery.db says whose it is: a mix-up of files is noticed before anything relies on it.
_OWNER = ("deployment", "origin")


@dataclass(frozen=True, slots=True)
class Secret:
    """What opens a deployment's master key: a passphrase, or an age identity.

    Attributes:
        passphrase: The passphrase, or None.
        identity_file: An age identity file, or None.
        recipients: At set-up, the age recipients (`age1…`) who can open it.
    """

    passphrase: str | None = field(default=None, repr=False)
    identity_file: Path | None = None
    recipients: tuple[str, ...] = ()

    def holder(self, path: Path) -> MasterKeyHolder:
        """Return the holder of the master key at a path.

        Raises:
            UsageError: Neither or both were given.
        """
        if (self.passphrase is None) == (self.identity_file is None):
            raise UsageError("give either a passphrase (FACEWARD_PASSPHRASE) or an age identity file (--identity)")
        if self.identity_file is not None:
            return AgeFile(path, self.identity_file, self.recipients)
        return PassphraseFile(path, self.passphrase or "")


def create(  # noqa: PLR0913 - keywords that describe a deployment
    home: Path | str,
    *,
    standard: str,
    secret: Secret,
    jurisdiction: str = DEFAULT_JURISDICTION,
    about: tuple[str, str] = ("", ""),
    pack: str = DEFAULT_PACK,
    custodian: Path | None = None,
    trial: bool = False,
    clock: Clock | None = None,
) -> None:
    """Set up a deployment, whole or not at all; open it with `open_system`.

    Args:
        home: A folder that does not exist or is empty.
        standard: Name of the standard.
        secret: What will open it.
        jurisdiction: Code of the jurisdiction profile.
        about: Who decides about the data and how subjects reach them, for notices.
        pack: Name of the model pack.
        custodian: Socket of a custodian's process that serves no deployment yet; he works in this process if None.
        trial: The deployment is for trial only: it may do with a custodian in its own process where its standard wants
            one of its own.
        clock: Where time comes from; the machine's clock if None.

    Raises:
        UsageError: The folder is not empty, a name is unknown, or the custodian serves another deployment.
        PolicyRefusal: There is no profile of the jurisdiction (rule P3).
        IntegrityError: The pack's files are not what its manifest says.
        EnvironmentFailure: The folder cannot be written.
    """
    home, clock = Path(home), clock or SystemClock()
    chosen, place = load_standard(standard), load_jurisdiction(jurisdiction)
    model = pipeline(pack)
    model.load()
    try:
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise UsageError(f"{home}: not an empty folder; name a new one, or open what is there")
        home.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    except OSError as error:
        raise EnvironmentFailure(f"{home}: cannot be written: {error.strerror}; choose another place") from None
    try:
        origin = f"faceward.local/{random_bytes.token_hex(8)}"
        config = Config(
            standard=chosen.name,
            jurisdiction=place.code,
            controller=about[0],
            contact=about[1],
            pack=pack,
            pack_digest=model.pack.manifest.digest,
            origin=origin,
            created=to_rfc3339(clock.now()),
            age=secret.identity_file is not None,
            custodian="" if custodian is None else str(custodian),
            trial=trial,
        )
        _fill(staging, config, (chosen.digest, model.pack.manifest.document), secret, clock)
        staging.replace(home)
        sync_folder(home.parent)
    except OSError as error:
        raise EnvironmentFailure(f"{home}: cannot be written: {error.strerror}; choose another place") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fill(folder: Path, config: Config, digests: tuple[str, str], secret: Secret, clock: Clock) -> None:
    seed = random_bytes.token_bytes(32)
    signer = Signer(config.origin, seed)
    keys = create_keys(folder / KEYS_FILE, secret.holder(folder / KEY_FILE))
    try:
        keys.put_secret("log-seed", seed)
        keys.put_secret("pseudonyms", random_bytes.token_bytes(32))
        keys.put_secret("openings", random_bytes.token_bytes(32))
        keys.put_secret("documents", random_bytes.token_bytes(32))
        keep_head(keys, EMPTY)
        # Pinned where only the master key opens it, so that an edited description is noticed.
        keys.put_secret("config-digest", config.digest())
        if not config.custodian:
            keys.put_secret(_CUSTODIAN, random_bytes.token_bytes(32))
            Custodian.set_up(folder / CUSTODIAN_FILE, keys.secret(_CUSTODIAN), clock).close()
        custody = _custody(folder, config, keys, clock)
        try:
            custody.found(Pins(config.origin, signer.verifier.vkey, config.standard, *digests))
        finally:
            custody.close()
    finally:
        keys.close()
    store = SQLiteStore.create(folder / GALLERY_FILE)
    try:
        store.put_document(*_OWNER, config.origin.encode())
    finally:
        store.close()
    Log.create(folder / LOG_FILE, signer).close()
    write_atomically(folder / VKEY_FILE, signer.verifier.vkey.encode() + b"\n", _VKEY)
    write_atomically(folder / CONFIG_FILE, canonical_json(config.to_json()) + b"\n", "the deployment's description")


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
        if keys.secret("config-digest") != config.digest():
            raise IntegrityError(f"{home / CONFIG_FILE}: was altered after set-up; restore it from a backup")
        store = SQLiteStore.open(home / GALLERY_FILE)
        stack.callback(store.close)
        if store.documents(_OWNER[0]).get(_OWNER[1]) != config.origin.encode():
            raise IntegrityError(f"{home / GALLERY_FILE}: belongs to another deployment; restore this one's own")
        signer = Signer(config.origin, keys.secret("log-seed"))
        if read_bounded(home / VKEY_FILE, _MAX_VKEY_BYTES, _VKEY).strip() != signer.verifier.vkey.encode():
            raise IntegrityError(f"{home / VKEY_FILE}: is not the key of this deployment's log; restore it")
        # Read before the log, to which another process may append meanwhile.
        head = kept_head(keys)
        log = Log.open(home / LOG_FILE, signer)
        stack.callback(log.close)
        check_head(log, head)
        custody = _custody(home, config, keys, clock)
        stack.callback(custody.close)
        deployment = _assemble(home, config, (keys, store, log, custody), (operator, clock))
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
    model = pipeline(config.pack)
    if model.pack.manifest.digest != config.pack_digest:
        raise IntegrityError(
            f"the model pack {config.pack!r} is not the one this deployment was set up with; restore it"
        )
    return Deployment(
        home=home,
        config=config,
        standard=standard,
        rules=Rules(standard),
        jurisdiction=load_jurisdiction(config.jurisdiction),
        store=store,
        keys=keys,
        log=log,
        pipeline=model,
        clock=clock or SystemClock(),
        operator=operator or _account(),
        pool=ThreadPoolExecutor(max(1, os.cpu_count() or 1)),
        custody=custody,
    )


def _begin_session(deployment: Deployment, session: ExitStack, *, sweep: bool) -> None:
    """Recover what a killed process left, if this is the only one, and hold the deployment open beside others."""
    guard = ProcessGuard(deployment.home / _SESSION_GUARD)
    desk = Desk(deployment)
    with guard.exclusive() as alone:
        if alone:
            upkeep.recover(deployment, desk)
            if sweep:
                desk.journal.sweep()
    session.enter_context(guard.shared())
    if deployment.log.size == 0:
        desk.journal.write(Phase.NOTE, [Happening("init", _description(deployment))])


def _custody(home: Path, config: Config, keys: KeyStore, clock: Clock | None) -> Custody:
    if config.custodian:
        # The socket may lie elsewhere than when the deployment was set up.
        return CustodyClient(Path(os.environ.get("FACEWARD_CUSTODIAN") or config.custodian))
    return Custodian.open(home / CUSTODIAN_FILE, keys.secret(_CUSTODIAN), clock or SystemClock())


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
