"""Clips whose truth is known: pictures of people moved over backgrounds, as frames or as H.264 in MP4.

    scene = Scene(seconds=6, passes=(Pass("anna", picture, start=1, end=5, height=80),))
    truth = compose(folder / "clip.mp4", scene)       # truth.frames[12] says who is where in the thirteenth frame
    for pixels, shown in frames(scene): ...           # the same without a file

One seed gives one clip. Times are seconds from the first frame, positions are shares of width and height. The pictures
come from `lfw` (View 1 of Labeled Faces in the Wild), `sfhq` (people who do not exist) or anywhere else; a picture that
is framed as neither of these needs `face=`. Nothing here asks a detector where a face is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from faceward.core.faces import Box

Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
# Centre, width and height of the face as shares of the picture: means of what a detector finds in these data sets.
LFW_FACE = (0.505, 0.513, 0.385, 0.506)
SFHQ_FACE = (0.502, 0.540, 0.509, 0.644)
_LFW_SIDE = 250
_VISIBLE = 0.6
_SOUND_RATE = 44100
_TONE = 440.0
BACKGROUNDS = ("plain", "noise", "texture", "gradient", "street")


@dataclass(frozen=True, slots=True)
class Pass:
    """One stay of a person in the view.

    Attributes:
        person: Who it is, as the truth names them.
        picture: A picture, or several of the same person that are shown one after the other.
        start: When they appear, seconds.
        end: When they are gone.
        height: Height of the face in pixels; several numbers, at equal intervals, for somebody who comes nearer or goes
            away. `walked` gives those of a person who walks.
        path: Where the centre of the face goes, at equal intervals; points outside 0 to 1 are out of the view.
        change: "switch" from picture to picture, or "blend" them over a third of a second.
        turn: Greatest rotation to either side, degrees.
        blur: Blur of the lens, standard deviation in pixels; several numbers for a lens that searches its focus.
        shutter: Share of a frame's time for which the shutter is open: how far movement smears.
        gain: Brightness at the start and at the end, 1 being the picture's own.
        face: Centre, width and height of the face in the picture as shares of it; by the picture's size if None.
    """

    person: str
    picture: Path | tuple[Path, ...]
    start: float = 0.0
    end: float = 5.0
    height: float | tuple[float, ...] = 80.0
    path: tuple[Point, ...] = ((0.1, 0.45), (0.9, 0.45))
    change: str = "switch"
    turn: float = 3.0
    blur: float | tuple[float, ...] = 0.0
    shutter: float = 0.2
    gain: tuple[float, float] = (1.0, 1.0)
    face: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Occluder:
    """Something without a face that passes in front of everybody; `size` in shares of width and height."""

    start: float
    end: float
    size: Point = (0.15, 0.9)
    path: tuple[Point, ...] = ((-0.1, 0.5), (1.1, 0.5))
    colour: tuple[int, int, int] = (58, 52, 66)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a camera sees.

    Attributes:
        size: Width and height in pixels, both even.
        rate: Frames a second.
        seconds: How long.
        background: One of `BACKGROUNDS`.
        passes: Who passes.
        occluders: What passes in front of them.
        noise: The sensor's noise, standard deviation in grey levels.
        light: How far the light drifts up and down, as a share of it.
        light_period: Seconds that one drift up and down takes.
        seed: What all chance comes from.
        sound: Whether the file has a sound track, a tone.
        offset: Presentation time of the first frame in the file, seconds.
        metadata: What the file says about itself, as a telephone writes it.
        crf: Quality of the encoder; more is worse. Cameras that watch shops are at 28 to 35.
        preset: The encoder's preset.
    """

    size: tuple[int, int] = (640, 480)
    rate: float = 10.0
    seconds: float = 6.0
    background: str = "street"
    passes: tuple[Pass, ...] = ()
    occluders: tuple[Occluder, ...] = ()
    noise: float = 2.0
    light: float = 0.0
    light_period: float = 20.0
    seed: int = 1
    sound: bool = False
    offset: float = 0.0
    metadata: dict[str, str] = field(default_factory=dict)
    crf: int = 18
    preset: str = "veryfast"

    @property
    def count(self) -> int:
        """How many frames there are."""
        return max(1, round(self.seconds * self.rate))


@dataclass(frozen=True, slots=True)
class Shown:
    """One person in one frame.

    Attributes:
        person: Who.
        box: Their face in pixels of the frame, which may reach beyond its edges.
        visible: Whether most of the face is inside the frame with nothing in front of it.
        share: How much of it is, 0 to 1.
        number: Which of the scene's passes this is.
    """

    person: str
    box: Box
    visible: bool
    share: float
    number: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What a clip shows, for each of its frames in order."""

    size: tuple[int, int]
    rate: float
    frames: tuple[tuple[Shown, ...], ...]

    def at(self, seconds: float) -> tuple[Shown, ...]:
        """Return who is shown that long after the first frame."""
        return self.frames[min(len(self.frames) - 1, max(0, round(seconds * self.rate)))]

    def people(self) -> frozenset[str]:
        """Return all whose face is visible in some frame."""
        return frozenset(shown.person for frame in self.frames for shown in frame if shown.visible)

    def visible(self, number: int) -> frozenset[str]:
        """Return whose faces are visible in one frame."""
        return frozenset(shown.person for shown in self.frames[number] if shown.visible)

    def to_json(self) -> dict[str, Any]:
        """Return a form that can be written beside the clip."""
        rows = [
            [[s.person, round(s.box.x0), round(s.box.y0), round(s.box.x1), round(s.box.y1), s.visible] for s in frame]
            for frame in self.frames
        ]
        return {"size": list(self.size), "rate": self.rate, "frames": rows}


# The data sets


def lfw(pictures: int = 1) -> dict[str, tuple[Path, ...]]:
    """Return the people of LFW View 1 of whom there are at least this many pictures, and these pictures."""
    root = DATA / "lfw-view1" / "images"
    if not root.is_dir():
        _absent("../shared/data/lfw-view1 is not on this machine")
    found = {folder.name: tuple(sorted(folder.glob("*.jpg"))) for folder in sorted(root.iterdir()) if folder.is_dir()}
    return {name: paths for name, paths in found.items() if len(paths) >= pictures}


def sfhq(count: int | None = None) -> dict[str, tuple[Path, ...]]:
    """Return people who do not exist, one picture each."""
    found = sorted((DATA / "sfhq").glob("*.jpg"))
    if not found:
        _absent("../shared/data/sfhq is not on this machine")
    return {path.stem: (path,) for path in found[:count]}


def draw(seed: int, *groups: tuple[int, int]) -> tuple[dict[str, tuple[Path, ...]], ...]:
    """Draw groups of people of LFW View 1 that share nobody.

    Args:
        seed: What is drawn.
        groups: How many people, and how many pictures of each there must be.
    """
    rng = np.random.default_rng(seed)
    taken: set[str] = set()
    drawn: dict[int, dict[str, tuple[Path, ...]]] = {}
    # Who needs many pictures chooses first, as few people have them.
    for place in sorted(range(len(groups)), key=lambda place: -groups[place][1]):
        count, pictures = groups[place]
        known = lfw(pictures)
        free = [name for name in known if name not in taken]
        if len(free) < count:
            raise ValueError(f"{count} people with {pictures} pictures are asked for; {len(free)} are left")
        chosen = sorted(str(name) for name in rng.choice(free, count, replace=False))
        taken.update(chosen)
        drawn[place] = {name: known[name] for name in chosen}
    return tuple(drawn[place] for place in range(len(groups)))


def gifs() -> tuple[Path, ...]:
    """Return the short clips of real people in public."""
    found = tuple(sorted((DATA / "video").glob("*.gif")))
    if not found:
        _absent("../shared/data/video is not on this machine")
    return found


def _absent(reason: str) -> NoReturn:
    # Benchmarks use this module too, and have no pytest.
    if "pytest" in sys.modules:
        import pytest

        pytest.skip(reason)
    raise SystemExit(reason)


# From a scene to frames


def walked(first: float, last: float, near: float) -> tuple[float, ...]:
    """Return the heights of a face whose owner walks straight from one distance to another.

    Args:
        first: Where they begin, metres from the camera.
        last: Where they end.
        near: Height of a face one metre away, pixels.
    """
    return tuple(near / float(metres) for metres in np.linspace(first, last, 17))


def frames(scene: Scene) -> Iterator[tuple[Pixels, tuple[Shown, ...]]]:
    """Yield each frame, RGB of shape (height, width, 3), and who is in it."""
    stage = _Stage(scene)
    for number in range(scene.count):
        yield stage.frame(number)


def truth_of(scene: Scene) -> Truth:
    """Return what a scene shows without drawing it."""
    stage = _Stage(scene)
    return Truth(scene.size, scene.rate, tuple(stage.shown(number / scene.rate) for number in range(scene.count)))


def compose(path: Path, scene: Scene) -> Truth:
    """Write a scene as H.264; the container is the one that the file's name says."""
    found: list[tuple[Shown, ...]] = []
    metadata = {"creation_time": datetime(2026, 6, 1, 12, tzinfo=UTC).isoformat(), **scene.metadata}
    options = {"movflags": "use_metadata_tags"} if path.suffix in {".mp4", ".mov"} else {}
    with av.open(str(path), "w", options=options) as container:
        if scene.metadata:
            container.metadata.update(metadata)
        rate = Fraction(scene.rate).limit_denominator(1001)
        video = container.add_stream("libx264", rate=rate)
        video.width, video.height = scene.size
        video.pix_fmt = "yuv420p"
        video.time_base = Fraction(1, 90000)
        video.codec_context.time_base = Fraction(1, 90000)
        video.gop_size = max(1, round(2 * scene.rate))
        video.options = {"crf": str(scene.crf), "preset": scene.preset}
        sound = _sound(container) if scene.sound else None
        for number, (pixels, shown) in enumerate(frames(scene)):
            found.append(shown)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = round((scene.offset + number / scene.rate) * 90000)
            frame.time_base = Fraction(1, 90000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            _play(container, sound, scene)
    return Truth(scene.size, scene.rate, tuple(found))


def _sound(container: Any) -> Any:
    return container.add_stream("aac", rate=_SOUND_RATE, layout="mono")


def _play(container: Any, stream: Any, scene: Scene) -> None:
    length = 1024
    for block in range(math.ceil(scene.seconds * _SOUND_RATE / length)):
        moments = (block * length + np.arange(length)) / _SOUND_RATE
        wave = (0.2 * np.sin(2 * np.pi * _TONE * moments)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = _SOUND_RATE
        frame.pts = block * length + round(scene.offset * _SOUND_RATE)
        frame.time_base = Fraction(1, _SOUND_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a face is at a moment: centre, height in pixels, rotation in degrees, speed in pixels a frame."""

    x: float
    y: float
    height: float
    turn: float
    speed: Point


class _Stage:
    """Draws the frames of one scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        rng = np.random.default_rng(scene.seed)
        self._ground = _background(scene, rng)
        self._phases = rng.uniform(0, 2 * np.pi, size=len(scene.passes))
        # A bank of noise that each frame takes a piece of: drawing it afresh would cost more than all the rest.
        width, height = scene.size
        self._bank = (rng.standard_normal((height + 64, width + 64, 1)) * scene.noise).astype(np.float32)
        self._offsets = rng.integers(0, 64, size=(scene.count, 2))

    def frame(self, number: int) -> tuple[Pixels, tuple[Shown, ...]]:
        scene, moment = self._scene, number / self._scene.rate
        canvas = Image.fromarray(self._ground)
        for place in self._order(moment):
            self._person(canvas, scene.passes[place], self._place(place, moment), moment)
        for thing in scene.occluders:
            box = self._occluder(thing, moment)
            if box is not None:
                ImageDraw.Draw(canvas).rounded_rectangle((box.x0, box.y0, box.x1, box.y1), 12, fill=thing.colour)
        pixels = np.asarray(canvas, dtype=np.float32)
        if scene.light:
            pixels = pixels * (1 + scene.light * math.sin(2 * np.pi * moment / scene.light_period))
        if scene.noise:
            down, across = self._offsets[number]
            pixels = pixels + self._bank[down : down + scene.size[1], across : across + scene.size[0]]
        return np.clip(pixels, 0, 255).astype(np.uint8), self.shown(moment)

    def shown(self, moment: float) -> tuple[Shown, ...]:
        """Return who is there, with how much of each face can be seen."""
        order = self._order(moment)
        boxes = [self._box(place, moment) for place in order]
        hiding = [box for thing in self._scene.occluders if (box := self._occluder(thing, moment)) is not None]
        found = []
        for place, box, nearer in zip(order, boxes, range(1, len(order) + 1), strict=True):
            share = _seen(box, [_head(other) for other in boxes[nearer:]] + hiding, self._scene.size)
            found.append(Shown(self._scene.passes[place].person, box, share >= _VISIBLE, round(share, 3), place))
        return tuple(sorted(found, key=lambda shown: shown.number))

    def _order(self, moment: float) -> list[int]:
        """Return the passes that take place now, the farthest first."""
        now = [place for place, each in enumerate(self._scene.passes) if each.start <= moment < each.end]
        return sorted(now, key=lambda place: self._place(place, moment).height)

    def _place(self, number: int, moment: float) -> _Place:
        each = self._scene.passes[number]
        share = (moment - each.start) / max(1e-9, each.end - each.start)
        before = share - 1 / (self._scene.rate * max(1e-9, each.end - each.start))
        (x, y), (x0, y0) = (_along(each.path, at) for at in (share, before))
        width, height = self._scene.size
        high = _between(each.height if isinstance(each.height, tuple) else (each.height,), share)
        turn = each.turn * math.sin(2 * np.pi * 0.4 * moment + self._phases[number])
        speed = ((x - x0) * width, (y - y0) * height)
        return _Place(x * width, y * height, high, turn, speed)

    def _box(self, number: int, moment: float) -> Box:
        at, each = self._place(number, moment), self._scene.passes[number]
        _, _, wide, high = _face(each, _pictures(each)[0])
        size = _size(_pictures(each)[0])
        half = at.height * (wide * size[0]) / (high * size[1]) / 2
        return Box(at.x - half, at.y - at.height / 2, at.x + half, at.y + at.height / 2)

    def _occluder(self, thing: Occluder, moment: float) -> Box | None:
        if not thing.start <= moment < thing.end:
            return None
        x, y = _along(thing.path, (moment - thing.start) / (thing.end - thing.start))
        width, height = self._scene.size
        wide, high = thing.size[0] * width / 2, thing.size[1] * height / 2
        return Box(x * width - wide, y * height - high, x * width + wide, y * height + high)

    def _person(self, canvas: Image.Image, each: Pass, at: _Place, moment: float) -> None:
        share = (moment - each.start) / (each.end - each.start)
        patch = _turned(_portrait(each, share, at.height), at)
        blur = _between(each.blur if isinstance(each.blur, tuple) else (each.blur,), share)
        if blur:
            patch = patch.filter(ImageFilter.GaussianBlur(blur))
        patch = _smeared(patch, (at.speed[0] * each.shutter, at.speed[1] * each.shutter))
        gain = each.gain[0] + (each.gain[1] - each.gain[0]) * share
        if gain != 1:
            bands = patch.split()
            patch = Image.merge("RGBA", (*(band.point(lambda v: min(255, v * gain)) for band in bands[:3]), bands[3]))
        left, top = math.floor(at.x - patch.width / 2), math.floor(at.y - patch.height / 2)
        _body(canvas, patch, at)
        canvas.paste(patch, (left, top), patch)


def _along(path: tuple[Point, ...], share: float) -> Point:
    if len(path) == 1:
        return path[0]
    share = min(1.0, max(0.0, share)) * (len(path) - 1)
    first = min(len(path) - 2, int(share))
    (x0, y0), (x1, y1) = path[first], path[first + 1]
    return x0 + (x1 - x0) * (share - first), y0 + (y1 - y0) * (share - first)


def _between(values: tuple[float, ...], share: float) -> float:
    return float(np.interp(share * (len(values) - 1), np.arange(len(values)), values))


def _seen(box: Box, hiding: list[Box], size: tuple[int, int]) -> float:
    """Return how much of a box is inside the frame and behind nothing, counted on a grid."""
    across = box.x0 + (np.arange(12) + 0.5) / 12 * box.width
    down = box.y0 + (np.arange(12) + 0.5) / 12 * box.height
    x, y = np.meshgrid(across, down)
    free = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1])
    for other in hiding:
        free &= ~((x >= other.x0) & (x < other.x1) & (y >= other.y0) & (y < other.y1))
    return float(free.mean())


def _head(face: Box) -> Box:
    """Return what a person hides who stands in front: head and body."""
    return Box(
        face.x0 - 0.3 * face.width, face.y0 - 0.15 * face.height, face.x1 + 0.3 * face.width, face.y1 + 5 * face.height
    )


# People


def _pictures(each: Pass) -> tuple[Path, ...]:
    return each.picture if isinstance(each.picture, tuple) else (each.picture,)


@lru_cache(maxsize=512)
def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def _face(each: Pass, path: Path) -> tuple[float, float, float, float]:
    if each.face is not None:
        return each.face
    return LFW_FACE if _size(path) == (_LFW_SIDE, _LFW_SIDE) else SFHQ_FACE


def _portrait(each: Pass, share: float, height: float) -> Image.Image:
    """Return the picture that is shown now, about as large as it will be drawn, its face in the middle."""
    paths = _pictures(each)
    at = min(1.0, max(0.0, share)) * len(paths)
    number = min(len(paths) - 1, int(at))
    # Sizes go in steps, so that most frames find theirs made.
    step = math.ceil(height / 6) * 6
    now = _cut(paths[number], _face(each, paths[number]), step)
    turning = (at - number) * (each.end - each.start) / len(paths) * 3
    if each.change == "blend" and number and turning < 1:
        before = _cut(paths[number - 1], _face(each, paths[number - 1]), step)
        now = Image.blend(before.resize(now.size), now, turning)
    return now


@lru_cache(maxsize=256)
def _cut(path: Path, face: tuple[float, float, float, float], height: int) -> Image.Image:
    """Return a picture whose face has this height, in its middle, with a soft oval around head and shoulders."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    ratio = height / (face[3] * picture.height)
    width, tall = (max(8, round(n * ratio)) for n in picture.size)
    small = picture.resize((width, tall), Image.Resampling.LANCZOS)
    lowest = np.asarray(small)[-2:].reshape(-1, 3).mean(axis=0)
    small.putalpha(_matte((width, tall), face))
    x, y = face[0] * width, face[1] * tall
    half = math.ceil(max(x, width - x)), math.ceil(max(y, tall - y))
    # What is transparent has a colour too, which a rotation mixes in at the edges.
    centred = Image.new("RGBA", (2 * half[0], 2 * half[1]), (*(int(v) for v in lowest), 0))
    centred.paste(small, (round(half[0] - x), round(half[1] - y)))
    return centred


def _matte(size: tuple[int, int], face: tuple[float, float, float, float]) -> Image.Image:
    width, height = size
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    head = np.hypot((x - face[0]) / (0.78 * face[2]), (y - face[1] + 0.06 * face[3]) / (0.72 * face[3]))
    chest = np.hypot((x - face[0]) / (1.15 * face[2]), (y - face[1] - 0.95 * face[3]) / (0.5 * face[3]))
    inside = np.clip((1.06 - np.minimum(head, chest)) / 0.14, 0, 1)
    # The picture's own edges show as little as the oval's.
    edge = np.clip(np.minimum.reduce([x, 1 - x, y, 1 - y]) / 0.03, 0, 1)
    return Image.fromarray((255 * inside * edge).astype(np.uint8))


def _turned(patch: Image.Image, at: _Place) -> Image.Image:
    """Rotate about the middle, which is the face's, scale to the exact height and shift by parts of a pixel."""
    step = math.ceil(at.height / 6) * 6
    scale = step / at.height
    angle = math.radians(at.turn)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    width, height = patch.size
    part = at.x - math.floor(at.x - width / 2) - width / 2, at.y - math.floor(at.y - height / 2) - height / 2
    x, y = width / 2 + part[0], height / 2 + part[1]
    matrix = (cos, sin, width / 2 - cos * x - sin * y, -sin, cos, height / 2 + sin * x - cos * y)
    return patch.transform(patch.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _smeared(patch: Image.Image, smear: Point) -> Image.Image:
    length = math.hypot(*smear)
    if length < 1:
        return patch
    steps = min(9, math.ceil(length) + 1)
    grown = np.asarray(patch, dtype=np.float32)
    total = np.zeros_like(grown)
    for share in np.linspace(-0.5, 0.5, steps):
        total += np.roll(grown, (round(smear[1] * share), round(smear[0] * share)), axis=(0, 1))
    return Image.fromarray((total / steps).astype(np.uint8), "RGBA")


def _body(canvas: Image.Image, patch: Image.Image, at: _Place) -> None:
    """Draw clothes below the picture, in the colour of what it shows lowest."""
    half = at.height * 0.95
    row = np.asarray(patch)[int(patch.height * 0.5 + 0.62 * at.height) :].reshape(-1, 4)
    seen = row[row[:, 3] > 128]
    colour = tuple(int(v) for v in seen[:, :3].mean(axis=0)) if len(seen) else (70, 74, 86)
    top = at.y + 0.62 * at.height
    box = (at.x - half, top, at.x + half, top + 5 * at.height)
    ImageDraw.Draw(canvas).rounded_rectangle(box, at.height * 0.5, fill=colour)


# Backgrounds


def _background(scene: Scene, rng: np.random.Generator) -> Pixels:
    width, height = scene.size
    makers = {
        "plain": _plain,
        "noise": _noise,
        "texture": _texture,
        "gradient": _gradient,
        "street": _street,
    }
    return makers[scene.background](width, height, rng)


def _plain(width: int, height: int, rng: np.random.Generator) -> Pixels:
    return np.tile(rng.integers(90, 150, size=3, dtype=np.uint8), (height, width, 1))


def _noise(width: int, height: int, rng: np.random.Generator) -> Pixels:
    return rng.integers(40, 200, size=(height, width, 3), dtype=np.uint8)


def _gradient(width: int, height: int, rng: np.random.Generator) -> Pixels:
    first, last = rng.uniform(60, 120, size=3), rng.uniform(120, 200, size=3)
    share = (np.linspace(0, 1, width)[None, :, None] + np.linspace(0, 1, height)[:, None, None]) / 2
    return (first + (last - first) * share).astype(np.uint8)


def _texture(width: int, height: int, rng: np.random.Generator) -> Pixels:
    """Return clouds of several sizes: soft shapes with detail everywhere."""
    total = np.zeros((height, width, 3), dtype=np.float32)
    for cells, weight in ((4, 50.0), (12, 30.0), (40, 20.0), (120, 10.0)):
        coarse = rng.uniform(-1, 1, size=(cells, cells, 3)).astype(np.float32)
        bands = [
            np.asarray(Image.fromarray(coarse[..., band]).resize((width, height), Image.Resampling.BICUBIC))
            for band in range(3)
        ]
        total += weight * np.stack(bands, axis=2)
    return np.clip(128 + total, 0, 255).astype(np.uint8)


def _street(width: int, height: int, rng: np.random.Generator) -> Pixels:
    """Return walls with windows and doors, a pavement and a few posts."""
    canvas = Image.new("RGB", (width, height), (150, 165, 180))
    pen = ImageDraw.Draw(canvas)
    ground, left = round(height * 0.72), 0
    while left < width:
        wide = int(rng.integers(width // 6, width // 3))
        wall = tuple(int(v) for v in rng.integers(90, 170, size=3))
        top = int(rng.integers(0, height // 4))
        pen.rectangle((left, top, left + wide, ground), fill=wall)
        side = max(6, wide // 6)
        for x in range(left + side // 2, left + wide - side, side * 2):
            for y in range(top + side // 2, ground - side * 2, side * 2):
                pane = tuple(int(v) for v in rng.integers(50, 110, size=3))
                pen.rectangle((x, y, x + side, y + round(side * 1.3)), fill=pane, outline=(60, 60, 60))
        pen.rectangle((left + wide // 3, ground - side * 2, left + wide // 3 + side, ground), fill=(70, 60, 50))
        left += wide
    pen.rectangle((0, ground, width, height), fill=(110, 108, 104))
    for x in range(0, width, max(8, width // 12)):
        pen.line((x, ground, x - width // 8, height), fill=(96, 94, 90), width=2)
    for x in rng.integers(0, width, size=3):
        pen.rectangle((int(x), height // 3, int(x) + max(2, width // 100), ground + height // 12), fill=(64, 66, 70))
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.8)))
