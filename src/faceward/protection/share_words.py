"""A custodian's share: its words (SLIP-0039), read strictly, and how many of how many are needed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shamir_mnemonic import MnemonicError, Share

from faceward.core.errors import BadInput, UsageError
from faceward.protection.files import read_bounded
from faceward.protection.holder import MASTER_KEY_BYTES

if TYPE_CHECKING:
    from pathlib import Path

MAX_SHARES = 16
_MAX_SHARE_BYTES = 4096
_SHARE_DOMAIN = b"faceward/custodian-share/v1\0"


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many of how many shares open the master key.

    Attributes:
        threshold: k, 2 to `count`: with one share no secret would be shared.
        count: n, 2 to 16 (SLIP-0039).
    """

    threshold: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Quorum:
        """Read `3-of-5`.

        Raises:
            UsageError: It has another form, or no such quorum is possible.
        """
        found = re.fullmatch(r"([0-9]{1,2})-of-([0-9]{1,2})", text.strip())
        quorum = cls(int(found[1]), int(found[2])) if found else None
        if quorum is None or not 2 <= quorum.threshold <= quorum.count <= MAX_SHARES:
            raise UsageError(f"{text!r} is no quorum; give k-of-n, 2 to {MAX_SHARES} shares, like 3-of-5")
        return quorum

    def __str__(self) -> str:
        return f"{self.threshold}-of-{self.count}"


@dataclass(frozen=True, slots=True)
class HeldShare:
    """One custodian's share, its own checksum verified.

    Attributes:
        words: The mnemonic, in lower case with single spaces. Secret.
        source: The file it came from, or how it was handed in, for messages.
        set_name: Four hexadecimal digits, the same for all shares made together.
        number: Which share it is, from 1.
        threshold: How many open the master key.
    """

    words: str = field(repr=False)
    source: str
    set_name: str
    number: int
    threshold: int

    @classmethod
    def parse(cls, text: str, source: str) -> HeldShare:
        """Read a share; lines that begin with `#` are passed over.

        Raises:
            BadInput: It is mistyped, damaged, or no share of a master key.
        """
        lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
        words = " ".join(" ".join(lines).lower().split())
        if not words:
            raise BadInput(f"{source} holds no words; give a custodian's share")
        try:
            share = Share.from_mnemonic(words)
        except (MnemonicError, ValueError) as error:
            raise BadInput(
                f"{source} is mistyped or damaged ({_reason(error)}); compare it with the original"
            ) from None
        if (share.group_count, len(share.value)) != (1, MASTER_KEY_BYTES):
            raise BadInput(f"{source} is a share of something else; give one that 'faceward custodian' made")
        return cls(words, source, f"{share.identifier:04x}", share.index + 1, share.member_threshold)

    @classmethod
    def read(cls, path: Path) -> HeldShare:
        """Read a share's file.

        Raises:
            BadInput: It is mistyped, damaged, or no share of a master key.
            IntegrityError: The file is missing or too large.
            EnvironmentFailure: It cannot be read.
        """
        data = read_bounded(path, _MAX_SHARE_BYTES, "the share")
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            raise BadInput(f"{path} is no share; give a text file with a custodian's words") from None
        return cls.parse(text, str(path))

    @property
    def digest(self) -> str:
        """What the set of shares knows of it: 64 hexadecimal digits."""
        return hashlib.sha256(_SHARE_DOMAIN + self.words.encode()).hexdigest()


def _reason(error: Exception) -> str:
    """Say what is wrong without repeating a word of a secret."""
    text = str(error)
    if "checksum" in text:
        return "its checksum is wrong"
    return (
        "a word is not in the list" if "word" in text and "length" not in text else "it has too few or too many words"
    )
