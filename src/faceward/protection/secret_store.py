"""The part of the key store that the master key wraps: small named secrets, and its own replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.core.errors import UsageError
from faceward.protection.holder import require_master
from faceward.protection.key_schema import MASTER_WRAPPED
from faceward.protection.wrap import Wrapper, WrappingContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceward.protection.database import Database

MAX_SECRET_BYTES = 64 * 1024


class SecretStore:
    """Named secrets in a database with the table `secret`.

    Args:
        database: The file.
        master: The 32-byte master key.
    """

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self._master = master

    def put_secret(self, name: str, value: bytes) -> None:
        """Keep a small secret (a signing seed, an HMAC key), replacing one of that name.

        It is wrapped by the master key.

        Raises:
            UsageError: It is larger than 64 KiB.
        """
        self.update_secret(name, lambda _: value)

    def update_secret(self, name: str, change: Callable[[bytes | None], bytes | None], *, durable: bool = True) -> None:
        """Replace a secret by what follows from it, in one transaction.

        Args:
            name: Name of the secret.
            change: Given the secret, or None where there is none; returns the new one, or None to leave it.
            durable: Whether it must outlive a power cut at once; otherwise an earlier one may come back then.

        Raises:
            UsageError: The new one is larger than 64 KiB.
            IntegrityError: The old one does not authenticate.
        """
        wrapper = self._outer("secret", name)
        with self._database.transaction(durable=durable) as connection:
            row = connection.execute("SELECT wrapped FROM secret WHERE name = ?", (name,)).fetchone()
            value = change(None if row is None else wrapper.unwrap(row[0]))
            if value is None:
                return
            if len(value) > MAX_SECRET_BYTES:
                raise UsageError(f"the secret {name} is larger than {MAX_SECRET_BYTES} bytes; keep it elsewhere")
            connection.execute("INSERT OR REPLACE INTO secret VALUES (?, ?)", (name, wrapper.wrap(value)))

    def secret(self, name: str) -> bytes:
        """Return a secret by name.

        Raises:
            UsageError: There is none of that name.
            IntegrityError: It does not authenticate.
        """
        rows = self._database.rows("SELECT wrapped FROM secret WHERE name = ?", (name,))
        if not rows:
            raise UsageError(f"the key store holds no secret {name!r}; set up the deployment again")
        return self._outer("secret", name).unwrap(rows[0][0])

    def rotate_master(self, new_master: bytes) -> None:
        """Rewrap everything that the master key wraps under a new one, in one transaction.

        The holder's file must follow; `faceward.protection.rotation` does both so that a crash between loses
        nothing.

        Raises:
            UsageError: The new master key is not 32 bytes.
            EnvironmentFailure: As for `destroy`.
        """
        require_master(new_master)
        replaced: list[bytes] = []
        with self._database.transaction() as connection:
            for use, (select, update) in MASTER_WRAPPED.items():
                for name, wrapped in connection.execute(select).fetchall():
                    secret = self._outer(use, name).unwrap(wrapped)
                    again = Wrapper(new_master, WrappingContext(use, name)).wrap(secret)
                    connection.execute(update, (again, name))
                    replaced.append(wrapped)
        self._master = new_master
        self._database.wipe(replaced)

    def _outer(self, use: str, scope: str) -> Wrapper:
        if not self._master:
            raise UsageError("the key store is locked; open it again")
        return Wrapper(self._master, WrappingContext(use, scope))
