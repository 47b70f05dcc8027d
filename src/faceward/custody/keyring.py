"""Gallery keys in the custodian's state, each wrapped by its master key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from faceward.audit.strict import decode_base64, encode_base64
from faceward.core.errors import IntegrityError, UsageError
from faceward.protection.wrap import KEY_BYTES, Wrapper, WrappingContext

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject
    from faceward.custody.state import Turn

KIND = "gallery"
_USE = "custodied-key"
_ID_BYTES = 16


class Keyring:
    """Draws, opens and destroys gallery keys.

    A gallery has one key, or two while it is being rotated: the one in use first.

    Args:
        master: 32 bytes.
    """

    def __init__(self, master: bytes) -> None:
        self._master = master

    def close(self) -> None:
        """Forget the master key."""
        self._master = b""

    def held(self, turn: Turn, gallery: str, key_id: str) -> tuple[str, bytes]:
        """Return a key of a gallery: the one asked for, or with an empty identifier the one in use.

        Raises:
            UsageError: The gallery has no key.
            IntegrityError: It has no such key.
        """
        keys = _keys(turn, gallery)
        if not keys:
            raise UsageError(f"the custodian holds no key of the gallery {gallery!r}; create the gallery first")
        for held_id, wrapped in keys:
            if key_id in ("", held_id):
                return held_id, self._wrapper(gallery).unwrap(decode_base64(wrapped, "a gallery's key"), held_id)
        raise IntegrityError(
            f"the custodian does not hold the key {key_id} of the gallery {gallery!r}; restore the pair of key stores"
        )

    def create(self, turn: Turn, gallery: str) -> tuple[str, bytes]:
        """Draw a gallery's key; one that has a key keeps it, so that a set-up can be repeated."""
        if not _keys(turn, gallery):
            _put(turn, gallery, [self._draw(gallery)], None)
        return self.held(turn, gallery, "")

    def rotate(self, turn: Turn, gallery: str, in_use: str, entry: int) -> tuple[str, bytes]:
        """Draw a gallery's next key, or take up the rotation that was interrupted.

        Args:
            turn: The state.
            gallery: The gallery.
            in_use: Identifier of the key in use; empty for the one that is known to be.
            entry: Index of the log entry that announces it.

        Raises:
            UsageError: The gallery has no key.
            IntegrityError: It has no such key.
        """
        used, _ = self.held(turn, gallery, in_use)
        kept = _keys(turn, gallery)
        # Where the next key is in use already, what was interrupted was only the end of the old one.
        following = [pair for pair in kept if pair[0] != used] if kept[0][0] == used else []
        following = following or [self._draw(gallery)]
        _put(turn, gallery, [pair for pair in kept if pair[0] == used] + following, entry)
        return self.held(turn, gallery, following[0][0])

    def retire(self, turn: Turn, gallery: str, keep: str, entry: int) -> list[bytes]:
        """Destroy a gallery's keys but one; return the bytes to wipe.

        Raises:
            UsageError: No key is named, or the gallery is not being rotated by that entry.
            IntegrityError: It has no such key.
        """
        row = turn.get(KIND, gallery)
        if not keep or row is None or row.get("rotation") != entry:
            raise UsageError("the entry began no rotation of the gallery, or another one came after; rotate it again")
        self.held(turn, gallery, keep)
        kept = _keys(turn, gallery)
        _put(turn, gallery, [pair for pair in kept if pair[0] == keep], entry)
        return [wrapped.encode() for key_id, wrapped in kept if key_id != keep]

    def destroy(self, turn: Turn, gallery: str) -> list[bytes]:
        """Destroy every key of a gallery; return the bytes to wipe."""
        gone = _keys(turn, gallery)
        if gone:
            turn.drop(KIND, gallery)
        return [wrapped.encode() for _, wrapped in gone]

    def rewrap(self, turn: Turn, former: Keyring) -> list[bytes]:
        """Wrap every key by this keyring's master key instead of a former one's; return the bytes to wipe.

        Raises:
            IntegrityError: A key does not authenticate.
        """
        gone = []
        for gallery, row in turn.all(KIND).items():
            kept = _keys(turn, gallery)
            opened = [former.held(turn, gallery, key_id) for key_id, _ in kept]
            again = [(key_id, encode_base64(self._wrapper(gallery).wrap(key, key_id))) for key_id, key in opened]
            turn.put(KIND, gallery, {**row, "keys": [list(pair) for pair in again]})
            gone += [wrapped.encode() for _, wrapped in kept]
        return gone

    def _draw(self, gallery: str) -> tuple[str, str]:
        key_id = secrets.token_hex(_ID_BYTES)
        return key_id, encode_base64(self._wrapper(gallery).wrap(secrets.token_bytes(KEY_BYTES), key_id))

    def _wrapper(self, gallery: str) -> Wrapper:
        if not self._master:
            raise UsageError("the custodian is closed; open it again")
        return Wrapper(self._master, WrappingContext(_USE, gallery))


def _keys(turn: Turn, gallery: str) -> list[tuple[str, str]]:
    row = turn.get(KIND, gallery)
    listed = [] if row is None else row["keys"]
    # The state authenticates, so that this is what `_put` wrote.
    return [(str(pair[0]), str(pair[1])) for pair in listed if isinstance(pair, list | tuple)]  # type: ignore[union-attr]


def _put(turn: Turn, gallery: str, keys: list[tuple[str, str]], rotation: int | None) -> None:
    row: JSONObject = {"keys": [list(pair) for pair in keys], "rotation": rotation}
    turn.put(KIND, gallery, row)
