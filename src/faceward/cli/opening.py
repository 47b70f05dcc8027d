"""What opens a deployment in a folder that is not in its place yet, from the options that every command takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from faceward.cli.options import Settings

if TYPE_CHECKING:
    from faceward.operations.system import System
    from faceward.protection.holder import MasterKeyHolder


def of_deployment(settings: Settings) -> tuple[Callable[[Path], MasterKeyHolder], Callable[[Path], System]]:
    """Return what opens a master key's file, and what opens a deployment's folder; the secret is asked for once.

    Raises:
        UsageError: No secret was given and nobody can be asked.
        WrongSecret: The passphrase of who signs in is wrong.
        BadInput: A file cannot be used.
    """
    from faceward.bootstrap import Secret, open_system
    from faceward.protection.process import forbid_core_files

    # Before any secret is read.
    forbid_core_files()
    passphrase = None if settings.identity is not None else settings.passphrase()
    secret = Secret(passphrase, settings.identity)
    who = settings.credentials()

    def opener(home: Path) -> System:
        return open_system(
            home,
            passphrase=passphrase,
            identity_file=settings.identity,
            operator=settings.operator,
            credentials=who,
        )

    return secret.holder, opener
