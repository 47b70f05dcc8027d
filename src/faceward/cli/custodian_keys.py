"""What opens and seals a custodian's master key, from options, the environment, files or a prompt."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.core.errors import BadInput, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceward.protection.holder import MasterKeyHolder
    from faceward.protection.share_words import HeldShare
    from faceward.protection.shares import ShareSet

PASSPHRASE = "FACEWARD_CUSTODIAN_PASSPHRASE"  # noqa: S105 - the name of a variable
NEW_PASSPHRASE = "FACEWARD_CUSTODIAN_NEW_PASSPHRASE"  # noqa: S105 - the name of a variable
PIN = "FACEWARD_CUSTODIAN_PIN"
KEY_FILE = "custodian.key"
STATE_FILE = "custodian.db"
_MAX_SECRET_BYTES = 4096

State = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="The custodian's own folder.", readable=False, show_default=False)
]
Share = Annotated[
    Optional[list[Path]],
    typer.Option("--share", metavar="FILE", help="A custodian's share; may be repeated.", readable=False),
]
Module = Annotated[
    Optional[Path],
    typer.Option("--pkcs11-module", metavar="FILE", help="Library of the hardware module's maker.", readable=False),
]
PinFile = Annotated[
    Optional[Path],
    typer.Option(
        "--pin-file",
        metavar="FILE",
        help="File whose first line is the token's PIN, used where FACEWARD_CUSTODIAN_PIN is not set.",
        readable=False,
    ),
]
Token = Annotated[Optional[str], typer.Option("--token", metavar="LABEL", help="Label of the token.")]
KeyLabel = Annotated[
    Optional[str], typer.Option("--key-label", metavar="LABEL", help="Label of the token's key; made if there is none.")
]
Recipients = Annotated[
    Optional[list[str]],
    typer.Option("--recipient", metavar="age1…", help="Seal to this age recipient; may be repeated."),
]
Quorum = Annotated[
    Optional[str], typer.Option("--shares", metavar="K-of-N", help="Share the key among N custodians; any K open it.")
]
Out = Annotated[
    Optional[Path],
    typer.Option("--out", metavar="DIR", help="New folder for the shares, one file a custodian.", readable=False),
]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What was given to open or seal with; None where it was not.

    Attributes:
        passphrase_file: File with the passphrase.
        identity: age identity file.
        recipients: age recipients to seal to.
        module: PKCS #11 library.
        pin_file: File with the token's PIN.
        token: Label of the token to seal with.
        key_label: Label of the key to seal with.
        shares: Files of shares.
        quorum: `k-of-n`, to seal.
        out: Folder for new shares.
        variable: Environment's variable with the passphrase.
    """

    passphrase_file: Path | None = None
    identity: Path | None = None
    recipients: tuple[str, ...] = ()
    module: Path | None = None
    pin_file: Path | None = None
    token: str | None = None
    key_label: str | None = None
    shares: tuple[Path, ...] = ()
    quorum: str | None = None
    out: Path | None = None
    variable: str = PASSPHRASE

    def passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase: from the environment, else the file, else a prompt.

        Raises:
            UsageError: There is none and nobody to ask, or the two differ.
            BadInput: The file cannot be used.
        """
        what = "the new passphrase" if self.variable == NEW_PASSPHRASE else "the custodian's passphrase"
        option = "--new-passphrase-file" if self.variable == NEW_PASSPHRASE else "--passphrase-file"
        return _secret(self.variable, self.passphrase_file, what, option, new=new)

    def pin(self) -> str:
        """Return the token's PIN, in the same way; there is no option for its text.

        Raises:
            UsageError: There is none and nobody to ask.
            BadInput: The file cannot be used.
        """
        return _secret(PIN, self.pin_file, "the token's PIN", "--pin-file", new=False)


def opener(path: Path, secrets: Secrets) -> MasterKeyHolder:
    """Return the holder that opens a sealed master key, of the kind that its file says.

    Raises:
        UsageError: What this kind needs was not given.
        IntegrityError: The file is missing, damaged, or of an unknown kind.
    """
    from faceward.protection.age import AgeFile
    from faceward.protection.backends import Backend, backend_of
    from faceward.protection.passphrase import PassphraseFile
    from faceward.protection.pkcs11 import Pkcs11File
    from faceward.protection.share_words import Quorum as Shared
    from faceward.protection.shares import SharesFile

    kind = backend_of(path)
    if kind is Backend.AGE:
        if secrets.identity is None:
            raise UsageError("this custodian's master key is held by an age identity; name its file: --identity")
        return AgeFile(path, secrets.identity, secrets.recipients)
    if kind is Backend.PKCS11:
        if secrets.module is None:
            raise UsageError("this custodian's master key is held by a token; name its library: --pkcs11-module")
        return Pkcs11File(path, secrets.module, secrets.pin())
    if kind is Backend.SHARES:
        quorum = Shared.parse(secrets.quorum) if secrets.quorum else None
        return SharesFile(path, read_shares(path, secrets.shares), quorum, secrets.out)
    return PassphraseFile(path, secrets.passphrase())


def sealer(path: Path, secrets: Secrets, kind: str) -> MasterKeyHolder:
    """Return the holder that seals a master key anew, of the kind asked for.

    Raises:
        UsageError: What this kind needs was not given, or the kind is unknown.
    """
    from faceward.protection.age import AgeFile
    from faceward.protection.backends import Backend, backend_of
    from faceward.protection.passphrase import PassphraseFile
    from faceward.protection.pkcs11 import DEFAULT_KEY, Pkcs11File, TokenKey
    from faceward.protection.share_words import Quorum as Shared
    from faceward.protection.shares import SharesFile

    if kind == "age":
        if secrets.identity is None and not secrets.recipients:
            raise UsageError("age needs --identity FILE, or the recipients: --recipient age1…")
        # Sealing to recipients reads no identity: theirs may be far from here.
        return AgeFile(path, secrets.identity or Path("identity"), secrets.recipients)
    if kind == "pkcs11":
        if secrets.module is None or not secrets.token:
            raise UsageError("a token needs its library and label: --pkcs11-module FILE --token LABEL")
        target = TokenKey(secrets.token, secrets.key_label or DEFAULT_KEY)
        return Pkcs11File(path, secrets.module, secrets.pin(), target)
    if kind == "shares":
        if secrets.out is None:
            raise UsageError("shares need a new folder: --out DIR")
        if secrets.quorum is None and (not path.exists() or backend_of(path) is not Backend.SHARES):
            raise UsageError("say how many custodians, and how many of them open the key: --shares 3-of-5")
        return SharesFile(path, quorum=Shared.parse(secrets.quorum) if secrets.quorum else None, out=secrets.out)
    if kind == "passphrase":
        return PassphraseFile(path, secrets.passphrase(new=True))
    raise UsageError(f"{kind!r} is no way to hold a key; give passphrase, age, pkcs11 or shares")


def kind_of(secrets: Secrets) -> str:
    """Say which way to hold the key the options ask for.

    Raises:
        UsageError: They ask for several.
    """
    asked = {
        "shares": secrets.quorum is not None or secrets.out is not None,
        "pkcs11": secrets.module is not None or secrets.token is not None,
        "age": secrets.identity is not None or bool(secrets.recipients),
        "passphrase": secrets.passphrase_file is not None,
    }
    kinds = [kind for kind, wanted in asked.items() if wanted]
    if len(kinds) > 1:
        raise UsageError(f"the options ask for {' and '.join(kinds)}; choose one way to hold the key")
    return kinds[0] if kinds else "passphrase"


def read_shares(path: Path, files: tuple[Path, ...]) -> tuple[HeldShare, ...]:
    """Read shares from files, or at a terminal one after the other, each refused as soon as it is wrong.

    Raises:
        UsageError: No file is named and there is no terminal.
        BadInput: A share is mistyped, or of another set (`WrongSecret`).
        IntegrityError: The set of shares is damaged.
    """
    from faceward.protection.holder import staged_path
    from faceward.protection.share_words import HeldShare
    from faceward.protection.shares import ShareSet

    known = [ShareSet.read(path)]
    if staged_path(path).exists():
        # A change of the master key was interrupted, and the next one's shares may be those in force.
        known.append(ShareSet.read(staged_path(path)))
    if files:
        held = tuple(HeldShare.read(file) for file in files)
        for share in held:
            _admit(known, share)
        return held
    needed = known[0].quorum.threshold
    if not sys.stdin.isatty():
        raise UsageError(f"{needed} custodians must come together; name their shares: --share FILE")
    came: dict[int, HeldShare] = {}
    while len(came) < needed:
        try:
            share = HeldShare.parse(_ask(f"Share {len(came) + 1} of {needed}: "), "this share")
            _admit(known, share)
        except BadInput as error:
            # Nothing is given up for one custodian's slip.
            sys.stderr.write(f"faceward: {error}\n")
            continue
        came[share.number] = share
    return tuple(came.values())


def _admit(known: Sequence[ShareSet], share: HeldShare) -> None:
    if not any(share.digest in one.digests for one in known):
        known[0].admit(share)


def require_private(folder: Path) -> Path:
    """Return a custodian's folder, which must be its own user's alone.

    Raises:
        UsageError: It is missing, somebody else's, or open to others.
    """
    try:
        found = folder.stat()
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}; begin a custodian with 'faceward custodian init'") from None
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{folder} is no folder; name the custodian's own: --state DIR")
    if found.st_uid != os.geteuid():
        raise UsageError(f"{folder} belongs to another user; run the custodian as that user")
    if found.st_mode & 0o077:
        raise UsageError(f"{folder} is open to other users; close it: chmod 700 {folder}")
    return folder


def _secret(variable: str, file: Path | None, what: str, option: str, *, new: bool) -> str:
    given = os.environ.get(variable)
    if given:
        return given
    if file is not None:
        return _first_line(file, what)
    if not sys.stdin.isatty():
        raise UsageError(f"{what} is missing; set {variable} or give {option} FILE")
    typed = _ask(f"{what[0].upper()}{what[1:]}: ")
    if not typed:
        raise UsageError(f"{what} is empty; type it, or set {variable}")
    if new and _ask("The same again: ") != typed:
        raise UsageError("the two differ; nothing was done; start again")
    return typed


def _first_line(path: Path, what: str) -> str:
    from faceward.protection.files import read_bounded

    try:
        lines = read_bounded(path, _MAX_SECRET_BYTES, f"the file with {what}").decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or not lines[0]:
        raise BadInput(f"{path}: the first line is not {what}; write it there, as UTF-8 text")
    return lines[0]


def _ask(prompt: str) -> str:
    from getpass import getpass

    return getpass(prompt, stream=sys.stderr)
