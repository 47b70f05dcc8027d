"""A watch that tells what it saw, so that others can look whether it kept it: `forgetting_process.py JOB`.

What it saw goes straight from where it lies to a file, without a copy in this process. Lines on standard output say
where the watch is; a line on standard input ends it. Measures named under `without` are left out.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from faceward import bootstrap
from faceward.operations.signing_in import Credentials
from faceward.operations.watching import Watching, WatchRequest
from faceward.policy.sshsig import PrivateKey
from faceward.video import comparing, forgetting, pairs, recogniser, running
from faceward.vision import align, batching, cohort, detect, embed, pipeline, quality, wiping

KEPT: list[Any] = []
HEAD = struct.Struct("<8sqd4fI")
"""Kind, who (0 where a face is told by its box), seconds of the stream, box, and how many bytes follow."""


class Teller:
    """Writes what is seen. Nothing that it is given is kept or copied."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._lock = threading.Lock()
        self.seen = threading.local()
        self._next = self.unknown = 0

    def begin(self, seconds: float) -> None:
        with self._lock:
            self._next += 1
            self.seen.who, self.seen.seconds = self._next, seconds

    def tell(self, kind: str, data: Any, box: tuple[float, ...] = (0, 0, 0, 0)) -> None:
        who, seconds = getattr(self.seen, "who", 0), getattr(self.seen, "seconds", 0.0)
        if isinstance(data, bytes):
            view = memoryview(data)
        else:
            assert data.flags.c_contiguous
            view = memoryview(data).cast("B")
        with self._lock:
            os.write(self._file, HEAD.pack(kind.encode(), who, seconds, *box, view.nbytes))
            if view.nbytes:
                os.write(self._file, view)


def listen(teller: Teller) -> None:
    """Have everything told that is seen of a face, on its way."""
    listen_to_looks(teller)
    listen_to_features(teller)
    listen_to_comparisons(teller)
    listen_to_pairs(teller)


def listen_to_looks(teller: Teller) -> None:
    looking, detecting = recogniser.Recogniser.look, recogniser.Recogniser._detect

    def look(self: Any, frame: Any, *rest: Any) -> Any:
        teller.seen.frame = frame.captured.timestamp()
        return looking(self, frame, *rest)

    def detected(self: Any, pixels: Any, chosen: Any) -> Any:
        found = detecting(self, pixels, chosen)
        teller.seen.who, teller.seen.seconds = 0, teller.seen.frame
        for box in (face.box for face in found.faces):
            left = max(0, min(pixels.shape[1] - 24, round((box.x0 + box.x1) / 2) - 12))
            for share in (0.3, 0.45, 0.6, 0.75):
                row = round(box.y0 + share * box.height)
                if 0 <= row < pixels.shape[0]:
                    teller.tell("row", pixels[row, left : left + 24], (box.x0, box.y0, box.x1, box.y1))
        return found

    recogniser.Recogniser.look, recogniser.Recogniser._detect = look, detected  # type: ignore[method-assign]


def listen_to_features(teller: Teller) -> None:
    sampling = pipeline.Pipeline.samples
    embedding, running_network = embed.Embedder.embed, embed.Embedder._run

    def sampled(self: Any, picture: Any, faces: Any) -> Any:
        if picture.name == "blank":
            teller.seen.who = -1
        else:
            teller.begin(teller.seen.frame)
        return sampling(self, picture, faces)

    def embedded(self: Any, chips: Any) -> Any:
        if teller.seen.who > 0:
            for row in range(40, chips.shape[2] - 40, 10):
                teller.tell("chip", chips[0, 0, row, 50:74])
        return told(embedding(self, chips))

    def ran(self: Any, planes: Any) -> Any:
        return told(running_network(self, planes))

    def told(found: Any) -> Any:
        if teller.seen.who > 0:
            teller.tell("features", found)
        return found

    pipeline.Pipeline.samples = sampled  # type: ignore[method-assign]
    embed.Embedder.embed, embed.Embedder._run = embedded, ran  # type: ignore[method-assign]


def listen_to_comparisons(teller: Teller) -> None:
    comparing_with = Watching.compare

    def compared(self: Any, features: Any) -> Any:
        hits = comparing_with(self, features)
        first, now = getattr(teller.seen, "first", None), (teller.seen.who, teller.seen.seconds)
        # Of two samples as one, both; of one that waited, that one.
        of = [one for one in (first, now if first is None or len(features) > 1 else None) if one is not None]
        for teller.seen.who, teller.seen.seconds in of:
            teller.tell("features", features)
            teller.tell("listed" if hits else "unknown", b"")
        teller.unknown += not hits
        return hits

    Watching.compare = compared  # type: ignore[method-assign]


def listen_to_pairs(teller: Teller) -> None:
    """Have it known of whom the samples are that wait."""
    waits, settling = pairs.Held.of, comparing.Comparing._settle
    owners: dict[int, tuple[int, float]] = {}

    def of(frame: Any, face: Any, features: Any, *rest: Any) -> Any:
        owners[id(features)] = teller.seen.who, teller.seen.seconds
        return waits(frame, face, features, *rest)

    def settled(self: Any, number: int, held: Any, *rest: Any) -> None:
        teller.seen.first = owners.pop(id(held.features))
        try:
            settling(self, number, held, *rest)
        finally:
            teller.seen.first = None

    pairs.Held.of = staticmethod(of)  # type: ignore[method-assign, assignment]
    comparing.Comparing._settle = settled  # type: ignore[method-assign]


def remember(what: list[str]) -> None:
    """Leave measures out: what is kept then must be found."""

    def nothing(*arrays: Any) -> None:
        del arrays

    def forget_to(self: Any, now: float = float("inf")) -> None:
        del now
        self._looked.clear()
        self._embedded.clear()
        self._small = None

    if "wipe" in what:
        for module in (align, batching, cohort, detect, embed, pipeline, quality, comparing, pairs, wiping, forgetting):
            if hasattr(module, "wipe"):
                module.wipe = nothing  # type: ignore[attr-defined]
    if "scrub" in what:
        forgetting.Scrubber.scrub = forget_to  # type: ignore[method-assign]
    if "fill" in what:
        running.overwrite_what_is_freed = lambda: False
    if "crops" in what:
        keep_crops()


def keep_crops() -> None:
    """Keep a bystander's picture, as a defect would."""
    looking = recogniser.Recogniser._detect

    def detected(self: Any, pixels: Any, chosen: Any) -> Any:
        found = looking(self, pixels, chosen)
        boxes = [face.box for face in found.faces]
        KEPT.extend(pixels[max(0, int(b.y0)) : int(b.y1), max(0, int(b.x0)) : int(b.x1)].copy() for b in boxes)
        return found

    recogniser.Recogniser._detect = detected  # type: ignore[method-assign]


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    job = json.loads(sys.argv[1])
    teller = Teller(Path(job["told"]))
    listen(teller)
    remember(job["without"])
    planted = np.random.default_rng(job["planted"]).standard_normal(64).astype(np.float32)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
    feeds: list[Any] = []
    opening = running._open

    def opened(wanted: Any) -> Any:
        feeds.append(opening(wanted))
        return feeds[-1]

    running._open = opened
    went: list[float] = []

    def tell(event: Any) -> None:
        if event.kind == "camera" and event.details.get("state") == "ended" and event.camera == job["cameras"][0]:
            went.append(time.monotonic())
        say(event=event.kind, message=event.message)

    def ends() -> bool:
        # The rule leaves a second from the last face on, and the clip shows none in its last seconds.
        if went and time.monotonic() - went[0] > job["wait"]:
            went[0] = float("inf")
            say(event="ready", decoders=feeds[0].decoders())
        elif not went and teller.unknown >= job["enough"]:
            went.append(time.monotonic())
        return ended.is_set()

    with bootstrap.open_system(
        Path(job["home"]),
        passphrase=job["passphrase"],
        credentials=Credentials("olga", PrivateKey.load(Path(job["key"]), None)),
    ) as system:
        request = WatchRequest(job["gallery"], job["purpose"], tuple(job["cameras"]), job["mandate"])
        conduct = running.Conduct(tell=tell, ends=ends, patient=True)
        specs = running.specs
        # The camera with people is read as fast as can be; the other shows nobody, and keeps the watch going.
        running.specs = lambda *given, **how: (
            specs(*given, **how)[0],
            *(specs(*given, patient=False)[1:]),
        )
        running.watch(system, request, conduct)
    assert planted.any()


if __name__ == "__main__":
    main()
