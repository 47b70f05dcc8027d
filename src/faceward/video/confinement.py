"""What a decoder may take and reach: memory by its cameras, and ports of the network that they are asked at."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from faceward.policy.camera_sources import is_stream

# Measured: 0.43 GiB of addresses for a decoder with one small camera, 0.94 with four of 1920x1080 and sixteen pictures
# that others are made from. A camera of 8K with as many keeps 0.8 GiB.
_BASE_MEMORY: Final = 2**30
_CAMERA_MEMORY: Final = 2**29
MOST_BLOCK: Final = 72 * 2**20
"""Bytes that libav takes at once: a plane of an 8K picture of ten bits has 66 million."""
_M_PERTURB = -6
_PERTURB = 0xA5
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_NAME_SERVICE = 53
_NO_NEW_PRIVILEGES = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _KNOWS_PORTS = 1, 4
_RULE_PORT = 2
_BIND, _CONNECT = 1, 2


def ports_of(sources: Iterable[str]) -> frozenset[int]:
    """Return the ports of the addresses among some sources."""
    found = set()
    for source in sources:
        if is_stream(source):
            parts = urlsplit(source)
            found.add(parts.port or _PORTS[parts.scheme.lower()])
    return frozenset(found)


def forget_freed_memory() -> None:
    """Have memory overwritten when it is given back."""
    with suppress(OSError, AttributeError):
        # Of glibc; another C library does without.
        ctypes.CDLL(None).mallopt(_M_PERTURB, _PERTURB)


def confine(cameras: int, ports: frozenset[int]) -> None:
    """Limit this process, for good. What a kernel or a library does not know is left out.

    Args:
        cameras: How many it decodes.
        ports: Which TCP ports it may connect to, beside that of the name service; on any host, which no kernel tells
            apart here.
    """
    most = _BASE_MEMORY + cameras * _CAMERA_MEMORY
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with suppress(OSError, AttributeError):
        _limit_blocks()
    with suppress(OSError, AttributeError):
        _limit_ports(ports | {_NAME_SERVICE})


def _limit_blocks() -> None:
    """Have libav refuse to take more at once, as for a packet that never ends."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    loaded = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "/libavutil" in line}
    for path in loaded:
        set_most = ctypes.CDLL(path).av_max_alloc
        set_most.argtypes, set_most.restype = (ctypes.c_size_t,), None
        set_most(MOST_BLOCK)


def _limit_ports(ports: frozenset[int]) -> None:
    """Have the kernel refuse other ports, and that anybody connects here (Landlock, from Linux 6.7 on)."""
    library = ctypes.CDLL(None, use_errno=True)
    call = library.syscall
    call.restype = ctypes.c_long
    if call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)) < _KNOWS_PORTS:
        return
    ruled = struct.pack("QQ", 0, _BIND | _CONNECT)
    rules = call(_CREATE_RULESET, ruled, ctypes.c_size_t(len(ruled)), ctypes.c_uint32(0))
    if rules < 0:
        return
    try:
        for port in ports:
            rule = struct.pack("QQ", _CONNECT, port)
            call(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(_RULE_PORT), rule, ctypes.c_uint32(0))
        if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
            call(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)
