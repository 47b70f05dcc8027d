"""What a camera costs before any face is looked for: decoding and gating an empty scene.

    python benchmarks/decoding.py                   # about a minute and a half
    python benchmarks/decoding.py --seconds 30

Films of 640x480 in H.264, an empty scene with a sensor's noise, play at their own speed; 5 frames a second are looked
at. Shares are of one core: of the decoder's process and, by itself, of the process that reads. The peer is OpenCV in a
process of its own that plays the same film: `VideoCapture` on one thread, `grab` for each frame, `retrieve` for those
that are looked at, made grey and small (160 wide), `BackgroundSubtractorMOG2`. It has no zones, no clock, no second
process and no news.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from faceward.video.feeds import Feeds, FeedSpec, Frame
from faceward.video.gate import MotionGate

SIZE = 640, 480
RATE = 5
WARM = 3.0
PEER = """
import sys, time
import cv2
path, rate, seconds, warm = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
cv2.setNumThreads(1)
film = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
own = film.get(cv2.CAP_PROP_FPS)
motion = cv2.createBackgroundSubtractorMOG2()
start, begun, number = time.monotonic(), None, 0
while time.monotonic() < start + warm + seconds:
    if begun is None and time.monotonic() > start + warm:
        begun = time.process_time(), time.monotonic()
    if not film.grab():
        film.set(cv2.CAP_PROP_POS_FRAMES, 0)
        continue
    number += 1
    if number % round(own / rate) == 0:
        shown, picture = film.retrieve()
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (160, 120), interpolation=cv2.INTER_AREA)
        cv2.countNonZero(motion.apply(small))
    due = start + number / own
    if due > time.monotonic():
        time.sleep(due - time.monotonic())
print((time.process_time() - begun[0]) / (time.monotonic() - begun[1]))
"""


def film(path: Path, rate: int, seconds: int = 20) -> Path:
    """Write an empty scene, coded as cameras do: no frames that refer forward, a whole one every two seconds."""
    rng = np.random.default_rng(1)
    width, height = SIZE
    texture = rng.normal(120, 30, (height // 16, width // 16, 3)).clip(0, 255).repeat(16, 0).repeat(16, 1)
    noises = [rng.normal(0, 1.5, (height, width, 1)) for _ in range(7)]
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "bf": "0", "g": str(2 * rate)}
        stream: Any = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(rate * seconds):
            picture = (texture + noises[number % len(noises)]).clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def processor(pid: int) -> float:
    """Return the seconds that a process has computed; of threads that are alive, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def ours(path: Path, cameras: int, seconds: float) -> tuple[float, float, float]:
    """Return the decoders' share of a core for a camera, the reader's, and the share of frames that were gated."""
    specs = [FeedSpec(f"camera {number}", str(path), rate=RATE, loop=True) for number in range(cameras)]

    def play(feeds: Feeds, duration: float) -> None:
        end = time.monotonic() + duration
        while (left := end - time.monotonic()) > 0:
            for item in feeds.poll(left):
                if isinstance(item, Frame):
                    feeds.release(item)

    with Feeds(specs) as feeds:
        play(feeds, WARM)
        before, reader, began = sum(map(processor, feeds.decoders())), time.process_time(), time.monotonic()
        play(feeds, seconds)
        passed = time.monotonic() - began
        decoders = sum(map(processor, feeds.decoders())) - before
        counts = feeds.counts()["camera 0"]
        return decoders / passed / cameras, (time.process_time() - reader) / passed, counts.gated / counts.looked_at


def peer(path: Path, seconds: float) -> float | None:
    """Return OpenCV's share of a core, or None where it is not installed."""
    command = [sys.executable, "-c", PEER, str(path), str(RATE), str(seconds), str(WARM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def gate() -> tuple[float, float]:
    """Return the median milliseconds that the gate takes for a calm picture and for one in which a person walks."""
    rng = np.random.default_rng(2)
    texture = rng.integers(60, 200, (120, 160)).astype(float)
    calm = [(texture + rng.normal(0, 2, texture.shape)).clip(0, 255).astype(np.uint8) for _ in range(20)]
    walking = [picture.copy() for picture in calm]
    for number, picture in enumerate(walking):
        picture[20:100, 5 * number : 5 * number + 30] = 20
    found = []
    for pictures in (calm, walking):
        motion, times = MotionGate(), []
        for number in range(1000):
            start = time.perf_counter()
            motion.moving(pictures[number % 20], SIZE, number / RATE)
            times.append(time.perf_counter() - start)
        found.append(float(np.median(times)) * 1000)
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="how long each is measured")
    options = parser.parse_args()
    calm, walking = gate()
    print(f"gate, 160x120: {calm:.3f} ms a calm picture, {walking:.3f} ms with a person who walks")
    with tempfile.TemporaryDirectory() as folder:
        for rate in (5, 25):
            path = film(Path(folder) / f"{rate}.mp4", rate)
            for cameras in (1,) if rate == 5 else (1, 8):
                share, reader, gated = ours(path, cameras, options.seconds)
                print(
                    f"{cameras} camera(s), source {rate:2d} frames/s, {RATE} looked at: {share:.2%} of a core each,"
                    f" reader {reader:.2%} in all; {gated:.1%} of the frames gated"
                )
                if cameras == 1:
                    other = peer(path, options.seconds)
                    if other is None:
                        print("    the peer needs OpenCV (opencv-python-headless)")
                    else:
                        print(f"    OpenCV VideoCapture + MOG2: {other:.2%}; ours {other / share:.2f} times as cheap")


if __name__ == "__main__":
    main()
