"""The service's figures, each against what it is compared with in the same run.

    python benchmarks/service.py verify latency search garbage    # all, about ten minutes on two quiet cores
    python benchmarks/service.py --quick                          # all, smaller, noisier

verify   verification by HTTP at saturation against `System.verify` of the same pictures by as many threads, in turn;
         then bare endpoints that answer for nothing: the same networks, and the package `face_recognition`
latency  p99 of requests that are due at half of that rate against the median of a server that does nothing else
search   SearchFacesByImage, signed, among 100,000 simulated references against detection and embedding of the picture
garbage  10,000 requests, a fifth of them garbage: statuses, and the server's resident memory

The server is `faceward serve` as it is started by its users, in a process of its own. Its client is another process,
whose share of the processor is stated: it runs on the same cores, so that the library has them to itself and the server
has not.
"""

from __future__ import annotations

import argparse
import base64
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import faceward
from faceward import bootstrap
from faceward.core.sources import upload
from faceward.operations.recognition import read_picture
from faceward.vision.pipeline import Effort, Pipeline
from service_client import Connection
from service_garbage import garbage, good
from service_shop import (
    IMAGES,
    LARGE,
    MULTIPART,
    PASSPHRASE,
    PURPOSE,
    Server,
    Shop,
    form,
    make,
    make_large,
    peer,
    request,
    served,
)

PARTS = ["verify", "latency", "search", "garbage"]
CONNECTIONS = 8
THREADS = os.cpu_count() or 1
_PEER_PORT = 8700


def write(folder: Path, requests: Sequence[bytes]) -> Path:
    """Write requests to an empty folder."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, one in enumerate(requests):
        (folder / f"{number:06d}").write_bytes(one)
    return folder


def library(shop: Shop, count: int, threads: int) -> tuple[float, float]:
    """Return verifications a second of the library in a process of its own, and milliseconds of processor for one."""
    told = {"home": str(shop.home), "count": count, "threads": threads}
    told |= {"probes": [[subject, str(picture)] for subject, picture in shop.probes]}
    command = [sys.executable, __file__, "--library"]
    found = subprocess.run(command, check=True, capture_output=True, input=json.dumps(told).encode())
    rate, spent = json.loads(found.stdout)
    return rate, spent


def run_library() -> None:
    """Verify, as `library` asks on standard input, and print the rate."""
    told = json.load(sys.stdin)
    with bootstrap.open_system(Path(told["home"]), passphrase=PASSPHRASE) as system:
        probes = [(subject, upload("picture.jpg", Path(path).read_bytes())) for subject, path in told["probes"]]

        def verify(number: int) -> None:
            subject, picture = probes[number % len(probes)]
            system.verify(picture, subject=subject, purpose=PURPOSE)

        with ThreadPoolExecutor(told["threads"]) as pool:
            list(pool.map(verify, range(20)))
            start, spent = time.perf_counter(), time.process_time()
            list(pool.map(verify, range(told["count"])))
            each = (time.process_time() - spent) * 1000 / told["count"]
            print(json.dumps([told["count"] / (time.perf_counter() - start), each]))


def measured_by_http(server: Server, folder: Path, count: int) -> tuple[float, float, float]:
    """Return requests a second at saturation, and milliseconds of processor a request: the server's, the client's."""
    before = server.processor()
    found = server.ask(folder, connections=CONNECTIONS, count=count)
    wrong = [status for status in found["statuses"] if status != 200]
    if wrong:
        raise SystemExit(f"the server answered {collections.Counter(wrong)}")
    each = 1000 / count
    return count / found["seconds"], (server.processor() - before) * each, found["processor"] * each


def verify(shop: Shop, folder: Path, *, quick: bool) -> None:
    """Compare throughput."""
    count, rounds, threads = (100, 3, THREADS) if quick else (400, 5, THREADS)
    requests = write(folder, [shop.verification(*probe) for probe in shop.probes])
    with served(shop.home, threads) as server:
        server.ask(requests, connections=CONNECTIONS, count=40)
        rows = [(*library(shop, count, threads), *measured_by_http(server, requests, count)) for _ in range(rounds)]
    direct, alone, http, spent, client = (statistics.median(column) for column in zip(*rows, strict=True))
    ratios = [row[2] / row[0] for row in rows]
    print(
        f"verify   {threads} threads: library {direct:.1f}/s, HTTP {http:.1f}/s: "
        f"{statistics.median(ratios):.0%} (rounds {min(ratios):.0%} to {max(ratios):.0%}; at least 90 % is asked for); "
        f"processor for one: library {alone:.1f}, server {spent:.1f}, client {client:.2f} ms, {alone / spent:.0%}",
        flush=True,
    )
    picture = shop.probes[0][1]
    bare = write(folder, [_bare(path) for _, path in shop.probes])
    for number, name in enumerate(("faceward", "face_recognition")):
        with peer(name, _PEER_PORT + number, picture) as other:
            other.ask(bare, connections=CONNECTIONS, count=8)
            rate, spent, _ = measured_by_http(other, bare, count if name == "faceward" else max(24, count // 8))
        print(
            f"verify   peer, bare endpoint around {name}: {rate:.1f}/s, {spent:.1f} ms of processor; the service does "
            f"{http / rate:.2f} times as many",
            flush=True,
        )


def _bare(picture: Path) -> bytes:
    body = form({}, [picture.read_bytes()])
    return request("POST", "/verify", {"content-type": MULTIPART}, body)


def latency(shop: Shop, folder: Path, *, quick: bool) -> None:
    """Compare the slowest of many at half of saturation with the median of a server that does nothing else."""
    count = 100 if quick else 400
    requests = write(folder, [shop.verification(*probe) for probe in shop.probes])
    with served(shop.home) as server:
        server.ask(requests, connections=CONNECTIONS, count=40)
        rate, _, _ = measured_by_http(server, requests, count)
        alone = server.ask(requests, connections=1, count=max(50, count // 4))["latencies"]
        loaded = server.ask(requests, connections=64, count=2 * count, rate=rate / 2)["latencies"]
        again = server.ask(requests, connections=1, count=max(50, count // 4))["latencies"]
    median = statistics.median(alone + again)
    high = [float(np.quantile(loaded, share)) for share in (0.5, 0.95, 0.99)]
    print(
        f"latency  unloaded median {median * 1000:.1f} ms; {rate / 2:.1f} due a second: median {high[0] * 1000:.1f}, "
        f"p95 {high[1] * 1000:.1f}, p99 {high[2] * 1000:.1f} ms: {high[2] / median:.2f} times (below 3 is asked for)",
        flush=True,
    )


def search(folder: Path, *, quick: bool) -> None:
    """Compare a search by Rekognition's interface with detection and embedding of the same picture."""
    rounds, pictures = (30, 5) if quick else (200, 20)
    shop = make_large(folder / "large", LARGE)
    pipeline = faceward.pipeline()
    pipeline.load()
    chosen = {"LFW, 250x250": sorted(IMAGES.glob("*/*_0001.jpg"))[:pictures],
              "synthetic, 918x918": sorted((IMAGES.parents[1] / "sfhq").glob("*.jpg"))[:pictures]}  # fmt: skip
    with served(shop.home) as server:
        connection = Connection(server.port)

        def asked(path: Path) -> float:
            call = {"CollectionId": PURPOSE, "Image": {"Bytes": base64.b64encode(path.read_bytes()).decode()}}
            made = shop.signed(server.port, "SearchFacesByImage", call)
            start = time.perf_counter()
            status, body = connection.ask(made)
            if status != 200:
                raise SystemExit(f"the server answered {status}: {body.decode(errors='replace')}")
            return time.perf_counter() - start

        for name, paths in chosen.items():
            rows = []
            for number in range(rounds + 3):
                path = paths[number % len(paths)]
                rows.append((asked(path), *alone(pipeline, path)))
            http, decoding, networks = (statistics.median(column) * 1000 for column in zip(*rows[3:], strict=True))
            ratio = statistics.median(row[0] / row[2] for row in rows[3:])
            print(
                f"search   {LARGE:,d} references, {name}: {http:.1f} ms by HTTP, detection and embedding "
                f"{networks:.1f} ms (decoding {decoding:.1f} ms more): {ratio:.2f} times (at most 1.3 is asked for)",
                flush=True,
            )
        connection.close()


def alone(pipeline: Pipeline, path: Path) -> tuple[float, float]:
    """Return the seconds that decoding a picture takes, and detecting and embedding its largest face."""
    data = path.read_bytes()
    start = time.perf_counter()
    picture = read_picture(upload("picture.jpg", data))
    decoded = time.perf_counter()
    largest = max(pipeline.detect(picture, Effort.ALL), key=lambda face: face.box.area)
    pipeline.samples(picture, [largest])
    return decoded - start, time.perf_counter() - decoded


def mixed(shop: Shop, folder: Path, *, count: int) -> None:
    """Send requests of which a fifth are garbage, and watch statuses and memory."""
    rng = np.random.default_rng(5)
    batches = 10
    each = count // batches
    resident, found = [], {True: collections.Counter[int](), False: collections.Counter[int]()}
    with served(shop.home) as server:
        for _ in range(batches):
            wanted = [bool(kind) for kind in rng.permutation(each) >= each // 5]
            # Signatures are good for some minutes, so that requests are made batch by batch.
            made = [(good if kind else garbage)(shop, server.port, rng) for kind in wanted]
            answers = server.ask(write(folder, made), connections=4, count=each)["statuses"]
            for kind, status in zip(wanted, answers, strict=True):
                found[kind][status] += 1
            resident.append(server.resident())
        alive = server.ask(write(folder, [request("GET", "/readyz", {})]), connections=1, count=1)["statuses"] == [200]
    warm = resident[1:]
    slope = float(np.polyfit(range(len(warm)), warm, 1)[0]) * 1000 / each
    print(
        f"garbage  {count:,d} requests: good ones {dict(found[True])}, garbage {dict(found[False])} "
        f"(0: closed without an answer); ready afterwards: {alive}\n"
        f"garbage  resident memory {warm[0]:.0f} MiB after two times {each:,d}, {warm[-1]:.0f} MiB at "
        f"the end, {slope:+.2f} MiB a thousand: {', '.join(f'{one:.0f}' for one in resident)}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The service's figures on this machine.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer requests and rounds")
    parser.add_argument("--count", type=int, help="how many requests of which a fifth are garbage")
    parser.add_argument("--library", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.library:
        run_library()
        return
    parts = told.parts or PARTS
    if not IMAGES.is_dir():
        raise SystemExit(f"{IMAGES}: not there; these benchmarks need LFW View 1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop, requests = make(folder / "shop"), folder / "requests"
        if "verify" in parts:
            verify(shop, requests, quick=told.quick)
        if "latency" in parts:
            latency(shop, requests, quick=told.quick)
        if "search" in parts:
            search(folder, quick=told.quick)
        if "garbage" in parts:
            mixed(shop, requests, count=told.count or (1000 if told.quick else 10_000))


if __name__ == "__main__":
    main()
