"""Setting a deployment up, whole or not at all; and what opening it needs to know of that."""

from __future__ import annotations

import os
import secrets as random_bytes
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from faceward.audit.log import Log
from faceward.audit.note import Signer
from faceward.core.canonical import canonical_json
from faceward.core.clock import Clock, SystemClock, to_rfc3339
from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.core.files import sync_folder
from faceward.custody.client import CustodyClient
from faceward.custody.custodian import Custodian
from faceward.custody.protocol import Custody, Pins
from faceward.gallery.sqlite import SQLiteStore
from faceward.operations.config import (
    CONFIG_FILE,
    CUSTODIAN_FILE,
    GALLERY_FILE,
    KEY_FILE,
    KEYS_FILE,
    LOG_FILE,
    VKEY_FILE,
    Config,
)
from faceward.operations.log_head import EMPTY, keep_head
from faceward.operations.pinned_config import pin
from faceward.policy.jurisdiction import DEFAULT_JURISDICTION, load_jurisdiction
from faceward.policy.standard import load_standard
from faceward.protection.age import AgeFile
from faceward.protection.files import write_atomically
from faceward.protection.holder import MasterKeyHolder
from faceward.protection.keys import KeyStore
from faceward.protection.passphrase import PassphraseFile
from faceward.protection.rotation import create_keys
from faceward.standalone import pipeline
from faceward.vision.packs import DEFAULT_PACK

VKEY_NAME = "the log's public key"
# Name of the secret under which a custodian in this process keeps his state.
_CUSTODIAN = "custodian"
# The document by which gallery.db says whose it is: a mix-up of files is noticed before anything relies on it.
OWNER = ("deployment", "origin")


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
        pin(keys, config)
        if not config.custodian:
            keys.put_secret(_CUSTODIAN, random_bytes.token_bytes(32))
            Custodian.set_up(folder / CUSTODIAN_FILE, keys.secret(_CUSTODIAN), clock).close()
        custody = custody_of(folder, config, keys, clock)
        try:
            custody.found(Pins(config.origin, signer.verifier.vkey, config.standard, *digests))
        finally:
            custody.close()
    finally:
        keys.close()
    store = SQLiteStore.create(folder / GALLERY_FILE)
    try:
        store.put_document(*OWNER, config.origin.encode())
    finally:
        store.close()
    Log.create(folder / LOG_FILE, signer).close()
    write_atomically(folder / VKEY_FILE, signer.verifier.vkey.encode() + b"\n", VKEY_NAME)
    write_atomically(folder / CONFIG_FILE, canonical_json(config.to_json()) + b"\n", "the deployment's description")


def custody_of(home: Path, config: Config, keys: KeyStore, clock: Clock | None) -> Custody:
    """Return the custodian of a deployment: in a process of his own, or in this one."""
    if config.custodian:
        # The socket may lie elsewhere than when the deployment was set up.
        return CustodyClient(Path(os.environ.get("FACEWARD_CUSTODIAN") or config.custodian))
    return Custodian.open(home / CUSTODIAN_FILE, keys.secret(_CUSTODIAN), clock or SystemClock())
