"""Memory that pictures took goes back to the system when they are gone."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# <malloc.h> of the GNU C library.
_M_MMAP_THRESHOLD = -3
_LARGE = 4 * 1024 * 1024


def give_back() -> bool:
    """Have the C library take blocks of 4 MiB and more from the system one by one, and return each when it is free.

    Left to itself it begins so, but after the first large block that is freed it cuts further ones from heaps, one for
    each thread, where a small block that remains holds what lies below it: a service that decodes large pictures in
    several threads came to three times the memory that it used.

    Returns:
        Whether the C library does; others than GNU's are left as they are.
    """
    with suppress(AttributeError, OSError):
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE))
    return False
