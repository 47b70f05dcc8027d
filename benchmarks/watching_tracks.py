"""Tracks against frames: who is found, and who falsely, where a face is compared a few times or in every frame.

People of LFW View 1 come before a camera one after the other, as in a shop: half of them walk towards it, from 8 to 10
metres away to 2, half come nearer by and by; faces are 26 to 160 pixels high. The lens searches its focus, people move,
the sensor is noisy, light changes, things pass in front, and it is all H.264 at CRF 28. Each passes once, in pictures
that none of the references was made of. Everything is real: the encoder, the detector, the tracker, the choice of
samples and the model pack. Only the list and the thresholds are applied afterwards, so that many lists can be drawn
from the same passes.

A pass is an error of FPIR where any comparison of somebody who is not on the list reaches the threshold, of FNIR where
none of somebody who is on it does. Both ways have a threshold of their own, at which both have the same FPIR.
Intervals: 95 %, bootstrap over people.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

import clips
import faceward
from faceward.core.watch_results import WatchTerms
from faceward.gallery.fusion import PROBE_SHARPENING, fuse
from faceward.policy.standard import load_standard
from faceward.policy.watching import MOST_COMPARISONS
from faceward.video.frames import Frame
from faceward.video.recogniser import Recogniser
from faceward.video.views import View
from faceward.vision.images import Picture, decode, read_file

Array = npt.NDArray[np.float32]
SEED, RATE, SIZE = 11, 5, (320, 240)
LIST, LISTS = 20, 60
FPIRS = (0.005, 0.01, 0.02, 0.05)
ROUNDS = 1000
_TOGETHER = 8
_NEAR = 260.0
_GAP = 2.6
_START = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(slots=True)
class Passed:
    """One pass: scores with every reference, one row a comparison."""

    person: str
    frames: list[Array] = field(default_factory=list)
    tracks: list[Array] = field(default_factory=list)
    samples: int = 0


class Recorder:
    """Stands for the list: notes what would be compared, and matches nobody."""

    def __init__(self, references: Array) -> None:
        self._references = references
        self.now: Passed | None = None
        floors = load_standard("retail").parameters.probe_floors
        self.terms = WatchTerms(
            threshold=2.0,
            fmr=0.0,
            fpir=0.0,
            most_comparisons=MOST_COMPARISONS,
            dwell=30.0,
            references=len(references),
            subjects=len(references),
            data="",
            floors={floor.component: (floor.minimum, floor.maximum) for floor in floors},
        )

    def compare(self, features: Array) -> tuple[()]:
        """Note a comparison."""
        if self.now is not None:
            self.now.samples += len(features)
            self.now.tracks.append(self._references @ fuse(features, PROBE_SHARPENING))
        return ()


def scene(seed: int, people: Sequence[tuple[str, tuple[Path, ...]]]) -> clips.Scene:
    """Return a scene in which people pass one after the other."""
    rng = np.random.default_rng(seed)
    passes, hidden, start = [], [], 0.4
    for name, pictures in people:
        walks = bool(rng.integers(2))
        seconds = rng.uniform(4.5, 6.5) if walks else rng.uniform(3.0, 4.5)
        across, step = rng.uniform(0.4, 0.6), rng.choice([-0.2, 0.2])
        heights = (
            clips.walked(float(rng.uniform(8, 10)), float(rng.uniform(1.6, 2.2)), _NEAR)
            if walks
            else (float(rng.uniform(38, 48)), float(rng.uniform(90, 125)))
        )
        passes.append(
            clips.Pass(
                name,
                pictures,
                start=start,
                end=start + seconds,
                height=heights,
                path=((across - step, 0.4), (across + step, 0.45)),
                turn=5.0,
                blur=tuple(float(v) for v in rng.uniform(0.2, 1.8, size=5)),
                shutter=0.3,
                gain=(float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.6, 1.1))),
            )
        )
        if rng.random() < 0.4:
            begun = start + float(rng.uniform(0, seconds - 1.5))
            hidden.append(clips.Occluder(begun, begun + 1.5, size=(0.12, 1.0)))
        start += seconds + _GAP
    return clips.Scene(
        size=SIZE,
        rate=RATE,
        seconds=start,
        background="texture",
        passes=tuple(passes),
        occluders=tuple(hidden),
        noise=4.0,
        light=0.1,
        crf=28,
        seed=seed,
    )


def watch(references: Array, job: tuple[int, list[tuple[str, tuple[Path, ...]]]]) -> list[Passed]:
    """Film people and look at the film in both ways."""
    seed, people = job
    made = scene(seed, people)
    networks = faceward.pipeline()
    networks.load()
    recorder, recogniser = Recorder(references), Recogniser(networks)
    view = View(RATE, networks.confidence, recorder.terms.dwell, MOST_COMPARISONS)
    found = [Passed(name) for name, _ in people]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        clips.compose(path, made)
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                seconds = number / RATE
                recorder.now = _passing(made, found, seconds)
                pixels = frame.to_ndarray(format="rgb24")
                captured = _START + timedelta(seconds=seconds)
                recogniser.look(Frame("camera", number, captured, seconds, pixels), view, recorder)
                if recorder.now is not None:
                    picture = Picture(pixels, 1.0, b"", "frame")
                    samples = networks.samples(picture, networks.detect(picture))
                    recorder.now.frames += [references @ sample.features for sample in samples]
    return found


def _passing(made: clips.Scene, found: list[Passed], seconds: float) -> Passed | None:
    # What comes of a pass after its last frame is still of it.
    for each, passed in zip(made.passes, found, strict=True):
        if each.start <= seconds < each.end + _GAP - 0.2:
            return passed
    return None


def enrolled(people: Sequence[tuple[Path, ...]]) -> Array:
    """Return a reference for each, of the first picture."""
    networks = faceward.pipeline()
    rows = []
    for paths in people:
        picture = decode(read_file(paths[0]), paths[0].name)
        face, _ = networks.principal(picture, alone=False)
        rows.append(networks.samples(picture, [face])[0].features)
    return np.stack(rows)


@dataclass(frozen=True, slots=True)
class Scores:
    """Best scores of passes in one of the ways.

    Attributes:
        mated: Of each listed person with their own reference, shape (m,).
        nonmated: Of each other person with the nearest of each list, shape (n, lists).
    """

    mated: Array
    nonmated: Array

    def threshold(self, fpir: float, weights: npt.NDArray[np.int64]) -> float:
        """Return the threshold that so many passes of others exceed; each person counts as often as they were drawn."""
        flat = self.nonmated.ravel()
        order = np.argsort(-flat)
        counted = np.cumsum(np.repeat(weights, self.nonmated.shape[1])[order])
        place = int(np.searchsorted(counted, fpir * counted[-1], side="right"))
        return float(flat[order[min(place, len(flat) - 1)]])

    def fnir(self, threshold: float, weights: npt.NDArray[np.int64]) -> float:
        """Return the share of passes of listed people that do not exceed a threshold."""
        return float(np.average(self.mated <= threshold, weights=weights))


def scores(passed: Sequence[Passed], listed: Sequence[str], lists: npt.NDArray[np.int64], way: str) -> Scores:
    """Return the best scores of all passes; a pass without a comparison finds nobody."""
    place = {name: number for number, name in enumerate(listed)}
    best = [np.max(rows, axis=0) if (rows := getattr(one, way)) else np.full(len(listed), -1.0) for one in passed]
    mated = [row[place[one.person]] for one, row in zip(passed, best, strict=True) if one.person in place]
    others = np.stack([row for one, row in zip(passed, best, strict=True) if one.person not in place])
    return Scores(np.array(mated), others[:, lists].max(axis=2))


def intervals(ways: dict[str, Scores], fpir: float) -> dict[str, tuple[float, float, float]]:
    """Return FNIR at an FPIR in each way, and how much lower that of tracks is, each with its interval."""
    rng = np.random.default_rng(SEED)
    first = next(iter(ways.values()))
    people = len(first.mated), len(first.nonmated)

    def once(weights: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]) -> list[float]:
        found = [one.fnir(one.threshold(fpir, weights[1]), weights[0]) for one in ways.values()]
        return [*found, found[1] - found[0]]

    seen = once((np.ones(people[0], dtype=np.int64), np.ones(people[1], dtype=np.int64)))
    drawn = [once(tuple(rng.multinomial(n, np.full(n, 1 / n)) for n in people)) for _ in range(ROUNDS)]  # type: ignore[arg-type]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {name: (seen[i], low[i], high[i]) for i, name in enumerate([*ways, "difference"])}


def at_calibrated(ways: dict[str, Scores], chances: dict[str, int]) -> list[str]:
    """Return what each way comes to at the threshold that the pack's calibration gives for an FPIR."""
    calibration = faceward.pipeline().calibration
    lines = []
    for fpir in (0.001, 0.01):
        for name, one in ways.items():
            fmr = fpir / chances[name] / LIST
            if fmr < calibration.strictest:
                continue
            threshold = calibration.at_fmr(fmr).threshold
            seen, missed = (one.nonmated >= threshold).mean(), (one.mated < threshold).mean()
            lines.append(
                f"  asked for FPIR {100 * fpir:g} % of a pass, {name} at a threshold for {chances[name]} comparisons: "
                f"FPIR {100 * seen:.2f} %, FNIR {100 * missed:.0f} %"
            )
    return lines


def tracks(*, quick: bool) -> None:
    """Film, look in both ways, and print FPIR and FNIR with intervals."""
    listed, others = clips.draw(SEED, (60 if quick else 400, 3), (120 if quick else 760, 2))
    references = enrolled(list(listed.values()))
    todo = [(name, paths[1:]) for name, paths in listed.items()] + list(others.items())
    jobs = [(SEED + i, todo[i : i + _TOGETHER]) for i in range(0, len(todo), _TOGETHER)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        passed = [one for part in pool.map(partial(watch, references), jobs) for one in part]
    report(passed, list(listed))


def report(passed: Sequence[Passed], listed: list[str]) -> None:
    """Print what came of the passes."""
    rng = np.random.default_rng(SEED)
    lists = np.stack([rng.choice(len(listed), LIST, replace=False) for _ in range(LISTS)])
    ways = {name: scores(passed, listed, lists, way) for name, way in (("tracks", "tracks"), ("frames", "frames"))}
    faces, compared, samples = (
        float(np.mean([found(one) for one in passed]))
        for found in (lambda one: len(one.frames), lambda one: len(one.tracks), lambda one: one.samples)
    )
    print(
        f"tracks: {len(ways['tracks'].mated)} passes of listed people and {len(ways['tracks'].nonmated)} of others, "
        f"{LISTS} lists of {LIST}; {faces:.1f} faces a pass"
    )
    print(
        f"  a track is compared {compared:.1f} times, on {samples:.1f} samples; frame by frame it is {faces:.1f} times "
        f"on {faces:.1f}"
    )
    for fpir in FPIRS:
        found = intervals(ways, fpir)
        told = ", ".join(
            f"{name} {100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
            for name, (value, low, high) in found.items()
        )
        print(f"  FNIR at FPIR {100 * fpir:g} % of a pass: {told}")
    for line in at_calibrated(ways, {"tracks": MOST_COMPARISONS, "frames": round(faces)}):
        print(line)
