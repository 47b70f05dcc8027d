"""Redacting footage against `deface`, in one run on the same clips: frames a second, and faces that are left visible.

    python benchmarks/footage.py [--rounds N] [--clips FOLDER]

Both command lines run as their users run them, whole processes, in turn. Leaks are counted in runs of their own, in
which both paint faces over in one colour. The reference is dense and neither uses it: every frame searched by
CenterFace and by YuNet at twice the resolution with low thresholds; a face counts where both find it, or one finds it
in three frames in a row, in composed clips only where somebody is. It has leaked where less than half of its box is
painted over. Of composed clips it is known who is where, found by anything or not; that is counted as well. Clips: the
two GIFs of ../shared/data/video, running there and back, and composed ones with blur, poor light, people who cross and
turn, and things that pass before faces. Needs ../shared.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import clips
import faceward
from faceward.core.faces import Box
from faceward.evaluate.intervals import wilson
from faceward.vision.detect import YuNet
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from faceward.vision.scaling import resized
from faceward.vision.session import Session

_YUNET = Path(__file__).resolve().parents[2] / "shared" / "models" / "yunet" / "yunet_n_dynamic.onnx"
_DENSE, _YUNET_LIMIT = 0.25, 0.4
_SAME, _RUN = 0.3, 3
# Encoding changes colours a little, at edges more.
_LIKE, _COVERED = 24.0, 0.5
_PAINT = {"ours": 128.0, "deface": 0.0}


def source(path: Path) -> list[np.ndarray]:
    """Return a clip's frames, RGB."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def there_and_back(gif: Path, path: Path, times: int) -> None:
    """Write a GIF as H.264, forwards and backwards, so that a clip is long enough to time."""
    frames = source(gif)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for _ in range(times):
            for pixels in [*frames, *frames[-2:0:-1]]:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())


def composed(folder: Path) -> dict[str, Sequence[Sequence[clips.Shown]]]:
    """Write clips in which a detector that sees one frame at a time misses faces; return who is where in them."""
    known = clips.lfw(3) if (clips.DATA / "lfw-view1").is_dir() else clips.sfhq()
    people = [tuple(pictures) for _, pictures in sorted(known.items())[:24]]
    walk = [
        clips.Pass(f"p{i}", people[i], start=0.6 * i, end=0.6 * i + 6, height=(34, 70), turn=35,
                   path=((-0.1, 0.3 + 0.1 * (i % 4)), (1.1, 0.35 + 0.08 * (i % 5))), blur=(0.0, 3.4, 0.0, 4.5))
        for i in range(8)
    ]  # fmt: skip
    back = [
        clips.Pass(f"q{i}", people[8 + i], start=0.8 * i, end=0.8 * i + 5, height=46, turn=20, shutter=0.9,
                   path=((1.1, 0.5), (0.5, 0.35 + 0.05 * i), (-0.1, 0.45)), gain=(0.9, 0.2))
        for i in range(6)
    ]  # fmt: skip
    posts = tuple(clips.Occluder(1 + 2 * i, 4 + 2 * i, (0.09, 0.95)) for i in range(3))
    scenes = {
        "blur-and-turns": clips.Scene((640, 480), 25, 11, "street", tuple(walk), (), noise=5, seed=3, crf=26),
        "crossing": clips.Scene((640, 480), 25, 9, "texture", tuple(back), posts, noise=9, seed=4, crf=30),
    }
    return {name: clips.compose(folder / f"{name}.mp4", scene).frames for name, scene in scenes.items()}


# The reference


class Reference:
    """Dense detection by two networks."""

    def __init__(self) -> None:
        self._pipeline = faceward.pipeline()
        self._yunet = YuNet(Session(_YUNET.read_bytes(), _YUNET.name, 1))

    def faces(self, frames: Sequence[np.ndarray]) -> list[list[Box]]:
        """Return the faces of each frame that two networks, or three frames in a row, agree on."""
        found = [self._both(pixels) for pixels in frames]
        every = [[*first, *second] for first, second in found]
        return [
            _unique(
                [box for box in first if _near(box, second) or _lasting(box, number, every)]
                + [box for box in second if _lasting(box, number, every)]
            )
            for number, (first, second) in enumerate(found)
        ]

    def _both(self, pixels: np.ndarray) -> tuple[list[Box], list[Box]]:
        large = resized(pixels, 2 * pixels.shape[1], 2 * pixels.shape[0])
        picture = Picture(large, 1.0, b"", "frame")
        first = [_halved(face.box) for face in self._pipeline.detect(picture, Effort.ALL, _DENSE)]
        second = [_halved(face.box) for face in self._yunet.detect(large, _YUNET_LIMIT)]
        return first, second


def _halved(box: Box) -> Box:
    return Box(box.x0 / 2, box.y0 / 2, box.x1 / 2, box.y1 / 2)


def _near(box: Box, others: Sequence[Box]) -> bool:
    return any(box.overlap(other) > _SAME for other in others)


def _lasting(box: Box, number: int, every: Sequence[Sequence[Box]]) -> bool:
    spans = [range(number - k, number - k + _RUN) for k in range(_RUN)]
    return any(
        span[0] >= 0 and span[-1] < len(every) and all(i == number or _near(box, every[i]) for i in span)
        for span in spans
    )


def _unique(boxes: Sequence[Box]) -> list[Box]:
    kept: list[Box] = []
    for box in boxes:
        if not _near(box, kept):
            kept.append(box)
    return kept


# Leaks


@dataclass(slots=True)
class Count:
    """Faces of the reference and those left visible, frame by frame."""

    faces: list[int] = field(default_factory=list)
    leaked: list[int] = field(default_factory=list)

    def rate(self) -> float:
        """Return the share that leaked."""
        return sum(self.leaked) / max(1, sum(self.faces))


def covered(after: np.ndarray, paint: float, box: Box) -> bool:
    """Tell whether at least half of a face is painted over."""
    x0, y0 = max(0, round(box.x0)), max(0, round(box.y0))
    x1, y1 = min(after.shape[1], round(box.x1)), min(after.shape[0], round(box.y1))
    if x1 <= x0 or y1 <= y0:
        return True
    apart = np.abs(after[y0:y1, x0:x1].astype(float) - paint).max(axis=2)
    return bool((apart < _LIKE).mean() >= _COVERED)


def leaks(painted: Sequence[np.ndarray], paint: float, faces: Sequence[Sequence[Box]]) -> Count:
    """Count the faces that show in frames in which faces are painted over."""
    count = Count()
    for pixels, boxes in zip(painted, faces, strict=True):
        count.faces.append(len(boxes))
        count.leaked.append(sum(not covered(pixels, paint, box) for box in boxes))
    return count


def _fitted(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    # deface makes sides multiples of 16 by scaling.
    return pixels if pixels.shape[1::-1] == size else resized(pixels, *size)


def told(count: Count, rng: np.random.Generator) -> str:
    """Write a count with its rate and interval."""
    low, high = interval(count, rng)
    frames = f"in {sum(n > 0 for n in count.leaked)} of {len(count.leaked)} frames"
    return (
        f"{sum(count.leaked)} of {sum(count.faces)} faces leaked, {count.rate():.2%} [{low:.2%}, {high:.2%}], {frames}"
    )


def interval(count: Count, rng: np.random.Generator) -> tuple[float, float]:
    """Return a 95 % interval of the leak rate by drawing blocks of a second anew: neighbouring frames are alike.

    Where nothing leaked, each block counts as one trial.
    """
    faces, leaked = np.array(count.faces), np.array(count.leaked)
    blocks = np.array_split(np.arange(len(faces)), max(2, len(faces) // 25))
    drawn = rng.integers(0, len(blocks), size=(2000, len(blocks)))
    sums = np.array([(faces[b].sum(), leaked[b].sum()) for b in blocks])
    totals = sums[drawn].sum(axis=1)
    rates = totals[:, 1] / np.maximum(1, totals[:, 0])
    if not leaked.any():
        return 0.0, wilson(0, len(blocks)).high
    return float(np.quantile(rates, 0.025)), float(np.quantile(rates, 0.975))


# The two programs


def run(command: Sequence[str]) -> float:
    """Run a program and return the seconds it took."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(folder: Path, rounds: int, truths: Mapping[str, Sequence[Sequence[clips.Shown]]]) -> None:
    """Run both on every clip and print what came of it."""
    out = folder / "out"
    out.mkdir()
    reference, rng = Reference(), np.random.default_rng(1)
    totals = {"ours": Count(), "deface": Count()}
    ratios: list[float] = []
    for clip in sorted(folder.glob("*.mp4")):
        made = {name: out / f"{clip.stem}-{name}.mp4" for name in _PAINT}
        commands = {
            "ours": [sys.executable, "-m", "faceward", "redact", str(clip), "-o", str(made["ours"])],
            "deface": [str(Path(sys.executable).with_name("deface")), str(clip), "-o", str(made["deface"])],
        }
        seconds: dict[str, list[float]] = {"ours": [], "deface": []}
        for _ in range(rounds):
            for name, command in commands.items():
                seconds[name].append(run(command))
        frames = source(clip)
        mine = [b / a for a, b in zip(seconds["ours"], seconds["deface"], strict=True)]
        ratios += mine
        rates = {name: len(frames) / statistics.median(times) for name, times in seconds.items()}
        print(
            f"{clip.stem}: {len(frames)} frames; {rates['ours']:.1f} frames/s against deface's {rates['deface']:.1f}: "
            f"{statistics.median(mine):.2f} times (of {rounds} rounds {min(mine):.2f} to {max(mine):.2f})"
        )
        run([*commands["ours"], "--mode", "fill"])
        run([*commands["deface"], "--replacewith", "solid"])
        there = [[one.box for one in row if one.visible] for row in truths.get(clip.stem, ())]
        faces = reference.faces(frames)
        if there:
            faces = [[box for box in row if _near(box, boxes)] for row, boxes in zip(faces, there, strict=True)]
        for name, total in totals.items():
            painted = [_fitted(pixels, frames[0].shape[1::-1]) for pixels in source(made[name])]
            count = leaks(painted, _PAINT[name], faces)
            total.faces += count.faces
            total.leaked += count.leaked
            print(f"  {name}: {told(count, rng)}")
            if there:
                print(f"    of all that are there: {told(leaks(painted, _PAINT[name], there), rng)}")
    print(f"all: {statistics.median(ratios):.2f} times deface's frames a second (slowest round {min(ratios):.2f})")
    for name, total in totals.items():
        print(f"  {name}: {told(total, rng)}")
    if sum(totals["deface"].leaked):
        print(f"  leak rate {totals['ours'].rate() / totals['deface'].rate():.3f} of deface's")
    shares(sorted(folder.glob("*.mp4")))


def shares(paths: Sequence[Path]) -> None:
    """Say where the time goes: decoding, detecting and encoding one after the other, in seconds of one core."""
    from faceward.video.footage_looking import survey
    from faceward.video.footage_reading import open_footage

    pipeline = faceward.pipeline()
    pipeline.load()
    decode = detect = looks = frames = 0.0
    for path in paths:
        start = time.perf_counter()
        with open_footage(path) as footage:
            frames += sum(1 for _ in footage.moments())
        decode += time.perf_counter() - start
        start = time.perf_counter()
        with open_footage(path) as footage:
            looks += len(survey(footage.moments(), pipeline, lambda _: None).looks)
        detect += time.perf_counter() - start
    print(
        f"  the first pass takes {1e3 * detect / frames:.1f} ms a frame (looks at {looks / frames:.0%} of frames), "
        f"decoding alone {1e3 * decode / frames:.2f} ms"
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=Path, help="a folder to keep the clips and what is made of them in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.clips or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for gif in clips.gifs():
            there_and_back(gif, folder / f"{gif.stem}.mp4", 4)
        measure(folder, given.rounds, composed(folder))


if __name__ == "__main__":
    main()
