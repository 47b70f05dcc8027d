"""What benchmarks/watching.py watches: a shop for trial with a list and cameras, its footage, and its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

import clips
from faceward import bootstrap
from faceward.core.canonical import sha256_hex
from faceward.operations.grounds import Grounds
from faceward.operations.system import System
from faceward.policy.cameras import CameraRequest, NoticeRecord
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.policy.watchlist import Particulars

PASSPHRASE = "a passphrase for the benchmark"  # noqa: S105 - it protects nothing
LIST, PURPOSE = "theft", "theft"
RATE = 12.5
_DAY = timedelta(days=1)
# What the pack's own evaluation was made on, by which a deployment for trial may go.
_CLASS = "press-photographs"
_NOTICE = NoticeRecord("pictures", "an alert", (PURPOSE,), "at once", "desk", "at the doors", "the east door")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Shop:
    """A deployment that watches.

    Attributes:
        home: Its folder.
        mandate: Digest of the mandate.
        keys: Private keys of its people.
    """

    home: Path
    mandate: str = ""
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def command(self, cameras: Sequence[str], *options: str) -> list[str]:
        """Return how these cameras are watched, as a user types it."""
        named = [part for name in cameras for part in ("--camera", name)]
        return [
            *(sys.executable, "-m", "faceward", "watch", "--home", str(self.home), *named, "--watchlist", LIST),
            *("--mandate", self.mandate, "--as", "ana", "--key", str(self.home.parent / "ana.key"), "--json", *options),
        ]


def make(home: Path, listed: Mapping[str, Path], cameras: Mapping[str, Path]) -> Shop:
    """Set up a deployment for trial under `retail`, with people on a list and cameras that play films."""
    shop = Shop(home, keys={name: PrivateKey.generate() for name in ("ana", "ben")})
    shop.keys["ana"].write(home.parent / "ana.key", None)
    bootstrap.create(home, standard="retail", jurisdiction="UK", secret=bootstrap.Secret(PASSPHRASE), trial=True)
    with bootstrap.open_system(home, passphrase=PASSPHRASE) as system:
        trained = date.today() + 300 * _DAY  # noqa: DTZ011 - a day is enough
        roles = ("operator", "approver")
        system.people.add("ana", shop.keys["ana"].public.line, roles, trained)
        ana = _as(shop, system, "ana")
        ana.people.add("ben", shop.keys["ben"].public.line, roles, trained)
        ben = _as(shop, system, "ben")
        ana.add_purpose(PURPOSE, basis="legal-obligation", fmr=1e-3, fpir=1e-3, retention=100 * _DAY)
        for name, picture in listed.items():
            _enter(ana, ben, name, picture)
        ana.end_gallery(LIST, datetime.now(UTC) + 20 * _DAY)
        for name, path in cameras.items():
            ana.cameras.add(CameraRequest(name, str(path), "a door", camera_class=_CLASS, notice=_NOTICE))
        now = datetime.now(UTC)
        asked = ana.mandates.request(
            Mandate(
                purpose=PURPOSE,
                operations=("watch",),
                galleries=(LIST,),
                cameras=tuple(cameras),
                place="the shop",
                case="a benchmark",
                basis="a benchmark",
                starts=now,
                until=now + _DAY,
                searches=1000,
                operators=("ana",),
                urgent=False,
            )
        )
        ben.requests.decide(asked.digest, Decision.APPROVE)
        shop.mandate = asked.digest
    return shop


def _as(shop: Shop, system: System, name: str) -> System:
    deployment = system._deployment  # noqa: SLF001 - signing in from a file would need a terminal
    return system.acting(name, OpenSession.begin(name, shop.keys[name], deployment.log.origin, deployment.now()))


def _enter(ana: System, ben: System, name: str, picture: Path) -> None:
    stated = Particulars(
        subject=name,
        purpose=PURPOSE,
        gallery=LIST,
        source="a benchmark",
        evidence="a benchmark",
        samples=(sha256_hex(picture.read_bytes()),),
        born=date(1980, 1, 31),
    )
    request = ana.rights.request_entry(stated).digest
    ben.requests.decide(request, Decision.APPROVE)
    ana.enrol_on(Grounds(entry=request, exemption="disproportionate"), [picture], subject=name, purpose=PURPOSE)


def film(path: Path, people: Mapping[str, Path], *, seconds: float, seed: int, every: float = 4.0) -> None:
    """Write a film of 640x480 in which people pass, one or two at a time, over and over."""
    rng = np.random.default_rng(seed)
    names, passes, start = sorted(people), [], 0.5
    while start < seconds - 1:
        name = names[int(rng.integers(len(names)))]
        left, y = bool(rng.integers(2)), float(rng.uniform(0.35, 0.5))
        way = ((-0.05, y), (1.05, y)) if left else ((1.05, y), (-0.05, y))
        height = float(rng.uniform(80, 110))
        passes.append(clips.Pass(name, people[name], start=start, end=start + 5.0, height=height, path=way))
        start += float(rng.uniform(0.7, 1.3)) * every
    scene = clips.Scene(rate=RATE, seconds=seconds, passes=tuple(passes), noise=1.0, light=0.03, seed=seed, crf=26)
    clips.compose(path, scene)


def repeated(film_path: Path, path: Path, times: int) -> Path:
    """Write a film that shows another so many times, without decoding it, and return its path."""
    with av.open(str(path), "w") as out, av.open(str(film_path)) as first:
        stream = out.add_stream_from_template(first.streams.video[0])
        step = Fraction(1) / first.streams.video[0].time_base / Fraction(RATE).limit_denominator(1001)
        shift = 0
        for _ in range(times):
            with av.open(str(film_path)) as source:
                last = 0
                for packet in source.demux(video=0):
                    if packet.dts is None or packet.pts is None:
                        continue
                    last = max(last, packet.pts)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    out.mux(packet)
                shift += last + int(step)
    return path


@dataclass(slots=True)
class Watched:
    """What came of a watch.

    Attributes:
        summary: Its last line.
        events: Its lines.
        processor: Seconds of processor by process, between the measuring's beginning and its end.
        over: Seconds between these.
        resident: Resident memory of all its processes in MiB, again and again.
    """

    summary: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    processor: dict[str, float] = field(default_factory=dict)
    over: float = 0.0
    resident: list[float] = field(default_factory=list)


def watch(command: Sequence[str], *, settle: float = 5.0, sample: float = 2.0) -> Watched:
    """Run a watch to its end and measure its processes."""
    environment = {**os.environ, "FACEWARD_PASSPHRASE": PASSPHRASE}
    found, begun = Watched(), threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        reader = threading.Thread(target=_read, args=(run, found, begun))
        reader.start()
        begun.wait(120)
        time.sleep(settle)
        start, before = time.perf_counter(), _processor(run.pid)
        while run.poll() is None and reader.is_alive():
            now = _processor(run.pid)
            if now:
                found.over = time.perf_counter() - start
                found.processor.update({name: spent - before.get(name, 0.0) for name, spent in now.items()})
                found.resident.append(sum(_resident(one) for one in _family(run.pid)))
            time.sleep(sample)
        reader.join()
        told = run.stderr.read() if run.stderr else ""
    if not found.summary:
        raise SystemExit(f"the watch did not end by itself:\n{told}")
    return found


def _read(run: subprocess.Popen[str], found: Watched, begun: threading.Event) -> None:
    for line in run.stdout or ():
        if not line.startswith('{"event"'):
            # An error takes several lines, and is told on the other stream as well.
            continue
        event = json.loads(line)
        found.events.append(event)
        begun.set()
        if event["event"] == "ended":
            found.summary = event
    begun.set()


def _family(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return [process]
    return [process, *(one for child in text.split() for one in _family(int(child)))]


def _processor(process: int) -> dict[str, float]:
    found = {}
    for number, one in enumerate(_family(process)):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found["watch" if not number else f"decoder {one}"] = (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def _resident(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024 if "VmRSS:" in text else 0.0
