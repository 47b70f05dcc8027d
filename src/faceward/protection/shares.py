"""The master key on no disk: shares that custodians keep, any k of which open it (SLIP-0039).

Beside the state lies a set of digests only. It tells a mistyped, a foreign and an outdated share at once and by
name, and holds nothing that helps to guess a share: each has 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics

from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError, WrongSecret
from faceward.core.files import sync_folder
from faceward.protection.document import Document, write_document
from faceward.protection.files import write_atomically
from faceward.protection.holder import MASTER_KEY_BYTES, require_master, staged_path
from faceward.protection.share_words import MAX_SHARES, HeldShare, Quorum

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "faceward-master-key-shares"
_WHAT = "the set of shares"
_FIELDS = frozenset({"set", "threshold", "count", "digests", "check"})
_CHECK_DOMAIN = b"faceward/custodian-master/v1\0"
# Stretching is for guessable passphrases, and there is none: the secret has 256 random bits.
_ITERATION_EXPONENT = 0


@dataclass(frozen=True, slots=True)
class ShareSet:
    """What lies beside the state: nothing secret.

    Attributes:
        path: The file.
        name: Four hexadecimal digits that all its shares carry.
        quorum: How many of how many open the master key.
        digests: One a share, in their order.
        check: Digest of the master key.
    """

    path: Path
    name: str
    quorum: Quorum
    digests: tuple[str, ...]
    check: str

    @classmethod
    def read(cls, path: Path) -> ShareSet:
        """Read the file.

        Raises:
            IntegrityError: It is missing, damaged or of a newer version.
            EnvironmentFailure: It cannot be read.
        """
        document = Document.read(path, FORMAT, _FIELDS, _WHAT)
        count = document.whole("count", 2, MAX_SHARES)
        quorum = Quorum(document.whole("threshold", 2, count), count)
        return cls(path, document.text("set"), quorum, document.digests("digests", count), document.digest("check"))

    def admit(self, held: HeldShare) -> None:
        """Refuse a share that is not of this set.

        Raises:
            WrongSecret: It was made for another custodian, or earlier or later than this set.
        """
        if held.digest not in self.digests:
            raise WrongSecret(
                f"{held.source} is share {held.number} of set {held.set_name}, but {self.path} needs shares of set "
                f"{self.name}; give one that was made with it"
            )

    def combine(self, shares: Sequence[HeldShare]) -> bytes:
        """Return the 32-byte master key.

        Args:
            shares: At least as many different shares as the quorum says, in any order.

        Raises:
            WrongSecret: One is foreign, one is given twice, or there are too few.
            IntegrityError: They do not make the master key of this set.
        """
        for held in shares:
            self.admit(held)
        different = {held.number: held for held in shares}
        if len(different) != len(shares):
            raise WrongSecret("a share is given twice; every custodian has another one")
        needed = self.quorum.threshold
        if len(different) < needed:
            raise WrongSecret(
                f"{len(different)} of the {needed} shares that are needed were given; "
                f"any {needed} of the {self.quorum.count} custodians must come together"
            )
        words = [held.words for held in different.values()][:needed]
        try:
            master = bytes(combine_mnemonics(words))
        except (MnemonicError, ValueError):
            master = b""
        if len(master) != MASTER_KEY_BYTES or not hmac.compare_digest(_check(master), self.check):
            raise IntegrityError(f"the shares do not make the master key of {self.path}; restore it from its backup")
        return master


@dataclass(frozen=True, slots=True)
class SharesFile:
    """A holder whose secret is spread over custodians.

    Attributes:
        path: The set of shares, which holds nothing secret.
        shares: What the custodians who came brought.
        quorum: How many of how many, for sealing; the set's own if None.
        out: New or empty folder for new shares, for sealing alone.
    """

    path: Path
    shares: tuple[HeldShare, ...] = field(default=(), repr=False)
    quorum: Quorum | None = None
    out: Path | None = None

    def open(self) -> bytes:
        """Return the 32-byte master key; see `MasterKeyHolder.open`."""
        return ShareSet.read(self.path).combine(self.shares)

    def seal(self, master: bytes, *, replace: bool = True) -> None:
        """Write one file a custodian, then the set; a crash between leaves the former set in force.

        Whoever holds k shares of the former set can still combine them: have them destroyed, or seal another
        master key.

        Raises:
            UsageError: No folder or quorum is named, the folder holds something, or `replace` is false and the
                set exists.
            EnvironmentFailure: A file cannot be written.
        """
        require_master(master)
        if self.out is None:
            raise UsageError("new shares need a folder; name a new one with --out DIR")
        if not replace and self.path.exists():
            raise UsageError(f"{_WHAT} {self.path} already exists; choose another place or remove it")
        quorum = self.quorum or ShareSet.read(self.path).quorum
        pair = (quorum.threshold, quorum.count)
        [mnemonics] = generate_mnemonics(1, [pair], master, iteration_exponent=_ITERATION_EXPONENT)
        made = [HeldShare.parse(words, f"share {number}") for number, words in enumerate(mnemonics, 1)]
        _make_folder(self.out)
        for held in made:
            path = self.out / f"share-{held.number}-of-{quorum.count}.txt"
            write_atomically(path, _file(held, quorum).encode(), "the share", replace=False)
        write_document(
            self.path,
            FORMAT,
            {
                "set": made[0].set_name,
                "threshold": quorum.threshold,
                "count": quorum.count,
                "digests": [held.digest for held in made],
                "check": _check(master),
            },
            _WHAT,
            replace=replace,
        )

    def staged(self) -> SharesFile:
        """Return the holder of the next master key; see `MasterKeyHolder.staged`.

        It opens with the new shares, once they were written.
        """
        quorum = self.quorum or (ShareSet.read(self.path).quorum if self.path.exists() else None)
        return SharesFile(staged_path(self.path), self.shares, quorum, self.out)


def _check(master: bytes) -> str:
    return hashlib.sha256(_CHECK_DOMAIN + master).hexdigest()


def _file(held: HeldShare, quorum: Quorum) -> str:
    return (
        f"# faceward: share {held.number} of {quorum.count}, set {held.set_name}; any {quorum.threshold} of them open "
        f"the custodian's master key.\n"
        f"# For one custodian alone: keep it offline, away from the others, and make no copy of it here.\n"
        f"{held.words}\n"
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} holds something already; name a new folder for the shares")
        sync_folder(folder.parent)
    except OSError as error:
        raise EnvironmentFailure(
            f"{folder} cannot be used for shares ({error.strerror}); check space and permissions"
        ) from error
