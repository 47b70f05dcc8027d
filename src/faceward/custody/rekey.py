"""Another master key for a custodian: everything that it keeps is wrapped and authenticated anew.

For the day on which somebody who knew the secret leaves, or shares are lost: sealing the same key anew does not end
what the former secret opens, this does.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure
from faceward.custody.keyring import Keyring
from faceward.custody.state import KEY_USE, State
from faceward.protection.guard import ProcessGuard
from faceward.protection.holder import require_master
from faceward.protection.rotation import open_sealed, replace_master

if TYPE_CHECKING:
    from pathlib import Path

    from faceward.protection.holder import MasterKeyHolder


class _Rekeyable(State):
    """A state that can be authenticated under another key."""

    def rekey(self, former: bytes, master: bytes) -> None:
        """Wrap and authenticate all of it anew, in one transaction.

        Args:
            former: The master key until now, 32 bytes.
            master: The next one.

        Raises:
            IntegrityError: Something does not authenticate under the former.
            EnvironmentFailure: It cannot be written; nothing has changed.
        """
        require_master(master)
        key = self._key
        try:
            with self.turn() as turn:
                gone = Keyring(master).rewrap(turn, Keyring(former))
                for kind, name in self._rows:
                    row = turn.get(kind, name)
                    if row is not None:
                        turn.put(kind, name, row)
                turn.head = replace(turn.head)
                # What the end of the turn writes is authenticated by this one.
                self._key = hmac.digest(master, KEY_USE, "sha256")
        except BaseException:
            self._key, self._version = key, None
            raise
        self.wipe(gone)


def fitting_master(path: Path, holder: MasterKeyHolder) -> bytes:
    """Return the master key of a custodian's state, finishing a change of it that was interrupted.

    Args:
        path: The state.
        holder: What opens its master key.

    Raises:
        WrongSecret: The holder's secret is wrong.
        IntegrityError: A file is missing or damaged, or they do not belong together.
        EnvironmentFailure: A file cannot be read, or the hardware is not there.
    """

    def fits(master: bytes) -> bytes:
        State.open(path, master).close()
        return master

    return open_sealed(holder, fits)


def change_master(path: Path, holder: MasterKeyHolder) -> None:
    """Give a custodian that does not run another master key, held in the same way.

    Args:
        path: The state.
        holder: What opens its master key and seals the next one.

    Raises:
        WrongSecret: The holder's secret is wrong.
        IntegrityError: A file is missing or damaged, or they do not belong together.
        EnvironmentFailure: The custodian runs, or a file cannot be written; it still opens with the former secret.
    """
    # The guard that a custodian holds while it serves; see `custody.endpoint`.
    with ProcessGuard(path.with_name(f".{path.name}.serving")).exclusive() as alone:
        if not alone:
            raise EnvironmentFailure(f"a custodian serves {path}; stop it first")
        former = fitting_master(path, holder)
        state = _Rekeyable.open(path, former)
        try:
            replace_master(holder, lambda master: state.rekey(former, master))
        finally:
            state.close()
