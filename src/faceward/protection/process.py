"""Keeping a process's memory to itself, where the system offers it."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_files() -> None:
    """Have no core dump written: what a crash leaves on disk must hold no key."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_dumps() -> None:
    """Have no core dump written, and keep other processes of the same user from reading this one's memory.

    The second with prctl(2), `PR_SET_DUMPABLE`, on Linux alone. Root reads everything all the same.
    """
    forbid_core_files()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
