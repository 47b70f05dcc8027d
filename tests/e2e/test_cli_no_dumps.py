"""Processes that hold faces and what they are compared with leave no core file, and nobody else reads their memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# What is opened first is the deployment; there is none, and the process tells how it stands by then.
PROBE = """
import ctypes, resource, sys
from faceward.cli.options import Settings

def opened(settings):
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
    print("core", *resource.getrlimit(resource.RLIMIT_CORE), "dumpable", dumpable, flush=True)
    raise SystemExit(0)

Settings.open = opened
from faceward.cli import main
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
@pytest.mark.parametrize(
    "arguments",
    [
        ("watch", "--camera", "door", "--watchlist", "theft"),
        ("gate", "--camera", "gate 7", "--document", "chip.jpg", "--gallery", "LH123", "--purpose", "boarding"),
    ],
)
def test_W1_no_memory_is_dumped_or_read_before_anything_is_opened(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", PROBE, "--home", str(tmp_path), *arguments]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert done.stdout == "core 0 0 dumpable 0\n", done.stderr
