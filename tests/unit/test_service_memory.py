"""What a service took for pictures is given back, whatever lies between."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import numpy as np
from pathlib import Path
from faceward.service.memory import give_back

def resident():
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024

assert give_back()
before, small = resident(), []
for _ in range(4):
    held = []
    for _ in range(12):
        held.append(np.ones(8 << 20, dtype=np.uint8))
        small.append(np.ones(1 << 16, dtype=np.uint8))
    assert resident() - before > 90
    del held
print(resident() - before)
"""


def test_large_blocks_are_returned_though_small_ones_remain() -> None:
    found = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    # 48 small ones of 64 KiB, and what the allocator needs beside.
    assert float(found.stdout) < 12
