"""Peak memory, measured in processes of their own.

The peak is read from VmHWM and not from getrusage, whose ru_maxrss a new process inherits from its parent on Linux.
Bounds are in MiB, for a process whose networks are loaded; measured values were 20 to 30 % below them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc"),
]

MAKE = """
import sys, importlib.util
from pathlib import Path
import numpy as np
from PIL import Image
found = importlib.util.find_spec("skimage")
face = Image.open(Path(found.origin).parent / "data" / "astronaut.png").convert("RGB")
width, height = 11_500, 8_700
down = np.linspace(0, 200, height, dtype=np.uint8)[:, None]
across = np.linspace(0, 55, width, dtype=np.uint8)[None]
image = Image.merge("RGB", [Image.fromarray(down + across)] * 2 + [Image.fromarray(down // 2 + across)])
for side, place in ((3000, (1000, 1000)), (1024, (6000, 5000)), (512, (9000, 700))):
    image.paste(face.resize((side, side)), place)
folder = Path(sys.argv[1])
image.save(folder / "plain.jpg", quality=88)
image.save(folder / "progressive.jpg", quality=88, progressive=True, subsampling=0)
image.save(folder / "plain.png", compress_level=1)
image.putalpha(255)
image.save(folder / "alpha.png", compress_level=1)
Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(folder / "deep.png", compress_level=1)
"""

HEAD = """
import sys
from pathlib import Path
from faceward.vision.images import decode, read_file
from faceward.vision.packs import DEFAULT_PACK, PackStore
from faceward.vision.pipeline import ANALYSIS_PIXELS, Effort, Pipeline
from faceward.vision.redact import THRESHOLD, encode, redact

def memory(field):
    text = Path("/proc/self/status").read_text()
    return int(text.split(field + ":")[1].split()[0]) // 1024

folder = Path(sys.argv[1])
store = PackStore(folder / "packs", folder / "cache")
pipeline = Pipeline(store, store.get(DEFAULT_PACK))
pipeline.load()
"""

ANALYSE = """
picture = decode(read_file(folder / sys.argv[2]), "large", ANALYSIS_PIXELS)
faces = pipeline.detect(picture, Effort[sys.argv[3]])
samples = pipeline.samples(picture, faces)
print(len(samples), memory("VmHWM"))
"""

# Every tile is cut and its findings are kept, but the network runs on one in eight: the others get what it said of the
# last one of their size. What is found of so large a picture is tested elsewhere, on a smaller one.
REDACT = """
from faceward.vision.session import Session
run, said, turns = Session.run, {}, 0

def seldom(self, inputs):
    global turns
    turns += 1
    shapes = tuple(values.shape for values in inputs.values())
    if turns % 8 == 0 or shapes not in said:
        said[shapes] = run(self, inputs)
    return said[shapes]

Session.run = seldom
picture = decode(read_file(folder / sys.argv[2]), "large")
faces = pipeline.detect(picture, Effort.ALL, THRESHOLD)
data = encode(redact(picture.pixels, [face.box for face in faces], [], "blur", 1), ".png")
print(len(faces), memory("VmHWM"))
"""

REPEAT = """
import io
import numpy as np
from PIL import Image
numbers = np.random.default_rng(0)
noise = np.asarray(Image.fromarray(numbers.integers(0, 256, (40, 60, 3)).astype(np.uint8)).resize((800, 600)))
stream = io.BytesIO()
Image.fromarray(noise).save(stream, "JPEG")
faces = None

def once():
    picture = decode(stream.getvalue(), "small")
    found = pipeline.detect(picture, Effort.ALL, 0.05)
    pipeline.samples(picture, found)
    pipeline.detect(picture, Effort.PRINCIPAL)

for _ in range(10):
    once()
before = memory("VmRSS")
for _ in range(30):
    once()
print(before, memory("VmRSS"))
"""

BOMB = """
import struct, zlib
from faceward.core.errors import BadInput
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
before = memory("VmHWM")
for side in (12_000, 100_000):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(50_000_000))
    try:
        decode(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""), "bomb")
    except BadInput:
        print(before, memory("VmHWM"))
"""


def _run(script: str, *arguments: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large")
    _run(MAKE, str(path))
    return path


# What is searched has the same size and form whatever the file was, so that one of them is searched for every face.
@pytest.mark.parametrize(
    ("name", "effort", "bound"),
    [
        ("plain.jpg", "ALL", 900),
        ("plain.jpg", "PRINCIPAL", 900),
        ("plain.png", "PRINCIPAL", 900),
        ("alpha.png", "PRINCIPAL", 900),
        ("deep.png", "PRINCIPAL", 900),
        ("progressive.jpg", "PRINCIPAL", 1100),
    ],
)
def test_a_hundred_megapixels_are_analysed_in_bounded_memory(folder: Path, name: str, effort: str, bound: int) -> None:
    faces, peak = _run(HEAD + ANALYSE, str(folder), name, effort)
    assert faces == 3 if effort == "ALL" else faces >= 1
    assert peak < bound


def test_a_hundred_megapixels_are_redacted_in_bounded_memory(folder: Path) -> None:
    faces, peak = _run(HEAD + REDACT, str(folder), "plain.png")
    assert faces >= 1
    # Measured: 1565 to 1606, of which the picture, the redacted one and its file take two thirds.
    assert peak < 1800


def test_repeated_detections_keep_memory_flat(tmp_path: Path) -> None:
    before, after = _run(HEAD + REPEAT, str(tmp_path))
    assert after < before + 30


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    first_before, first_after, second_before, second_after = _run(HEAD + BOMB, str(tmp_path))
    # The file itself may be held and unpacked by the test; the picture it declares takes 400 MB and more.
    assert first_after < first_before + 150
    assert second_after < second_before + 150
