"""The Unix socket that a custodian listens at: who may have it, and how a dead one is taken over."""

from __future__ import annotations

import contextlib
import grp
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.protection.guard import ProcessGuard

MAX_PATH_BYTES = 107
"""Longest path of a Unix socket (unix(7))."""
_BACKLOG = 128
_PROBE_SECONDS = 2.0
_CREDENTIALS = struct.Struct("3i")


@contextmanager
def listening(path: Path, state: Path, group: str | None) -> Iterator[socket.socket]:
    """Listen at a path, alone: for the path and for the state. What a killed custodian left is taken over.

    Args:
        path: The socket's file.
        state: The custodian's state.
        group: Who may connect beside this user; nobody if None.

    Raises:
        UsageError: The path is too long, is something else than a socket, or there is no such group.
        EnvironmentFailure: A custodian serves there or from this state already, or the path cannot be used.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise UsageError(f"{path} is too long for a socket; use a path of at most {MAX_PATH_BYTES} bytes")
    with contextlib.ExitStack() as stack:
        for guarded in (state, path):
            guard = ProcessGuard(guarded.with_name(f".{guarded.name}.serving"))
            if not stack.enter_context(guard.exclusive()):
                raise EnvironmentFailure(f"another custodian serves {guarded} already; stop that one first")
        _clear(path)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        _bind(listener, path, group)
        mine = path.lstat().st_ino
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == mine:
                    path.unlink()


def peer_uid(connection: socket.socket) -> int:
    """Return the user at the other end, as the kernel says (SO_PEERCRED, unix(7))."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])


def _clear(path: Path) -> None:
    """Remove the socket of a custodian that died."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise EnvironmentFailure(f"{path} cannot be reached ({error.strerror}); check its folder") from error
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"{path} is no socket; choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise EnvironmentFailure(f"{path} cannot be used ({error.strerror or error}); remove it") from error
    raise EnvironmentFailure(f"something answers at {path} already; stop it, or choose another path")


def _bind(listener: socket.socket, path: Path, group: str | None) -> None:
    try:
        number = -1 if group is None else grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"there is no group {group!r} on this machine; create it, or name another") from None
    try:
        # Nobody can connect between the making of the file and its final mode.
        before = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(before)
        if group is not None:
            os.chown(path, -1, number)
            path.chmod(0o660)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise EnvironmentFailure(f"{path} cannot be served ({error.strerror}); check its folder") from error
    listener.setblocking(False)
