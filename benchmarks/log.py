"""The log's figures: appends a second, time of one append as the log grows, proofs, receipts, publishing.

    python benchmarks/log.py                        # to a million entries, under a minute
    python benchmarks/log.py --largest 100000

Publishing and proofs are measured at 100,000 entries.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from faceward.audit import merkle
from faceward.audit.checkpoint import open_checkpoint
from faceward.audit.cosignature import Cosigner, verify_cosignatures
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.entries import Commitment, Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer, parse_note
from faceward.audit.publish import publish
from faceward.audit.receipt import Receipt
from faceward.audit.verifier import verify_receipt
from faceward.verify.publication import verify_publication

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SIGNER = Signer("example.org/log", bytes(range(32)))
WITNESSES = [Cosigner(f"witness.example.org/{n}", bytes([n]) * 32) for n in (1, 2)]
RECORD = Record(Entry(NOW, "identify", Phase.NOTE, None, (Commitment("details", bytes(32)),)))
BATCH = 1000
PUBLISHED = 100_000


def grow(log: Log, size: int) -> float:
    """Append in batches up to a size; return the seconds."""
    start = time.perf_counter()
    while log.size < size:
        log.append([RECORD] * min(BATCH, size - log.size), NOW)
    return time.perf_counter() - start


def milliseconds(call: Callable[[], object], rounds: int = 200) -> tuple[float, float]:
    """Return the median and the 95th percentile of a call, in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def curve(log: Log, sizes: list[int]) -> None:
    print("  entries   appends/s in batches   one append, ms: median   p95   of it processor   receipt made, ms")
    for size in sizes:
        before = log.size
        seconds = grow(log, size)
        rate = (size - before) / seconds
        busy = time.process_time()
        median, high = milliseconds(lambda: log.append([RECORD], NOW))
        busy = (time.process_time() - busy) * 1000 / 200
        receipt = milliseconds(lambda: log.receipt(log.size // 3))
        print(f"{size:9,d} {rate:22,.0f} {median:24.2f} {high:5.2f} {busy:17.2f} {receipt[0]:18.2f}", flush=True)


def proofs(log: Log) -> None:
    note = log.checkpoint()
    keep_cosignatures(log.path, note, [witness.cosign(parse_note(note).text, NOW) for witness in WITNESSES])
    receipt = log.receipt(log.size // 3)
    text, vkey = receipt.encode(), SIGNER.verifier.vkey
    leaf = merkle.leaf_hash(receipt.content().entry.encode())
    root = open_checkpoint(note, SIGNER.verifier).root
    old = log.size // 2 + 1
    consistency, old_root = log.consistency(old), log.root(old)
    size = log.size

    def signed() -> None:
        verify_receipt(text, vkey)
        verify_cosignatures(Receipt.parse(text).checkpoint, [witness.verifier for witness in WITNESSES])

    for name, call in (
        ("inclusion proof verified", lambda: merkle.verify_inclusion(leaf, receipt.index, size, receipt.proof, root)),
        ("consistency proof verified", lambda: merkle.verify_consistency(old, size, consistency, old_root, root)),
        ("receipt verified, one signature", lambda: verify_receipt(text, vkey)),
        ("receipt verified, with two witnesses", signed),
    ):
        median, high = milliseconds(call, 500)
        print(f"{name:40s} {median:7.3f} ms median, {high:7.3f} ms p95")
    print(f"{'receipt with two witnesses':40s} {len(text.encode()):7,d} bytes")


def publication(log: Log, folder: Path) -> None:
    start = time.perf_counter()
    written = publish(log, folder, SIGNER.verifier).written
    first = time.perf_counter() - start
    log.append([RECORD], NOW)
    start = time.perf_counter()
    publish(log, folder, SIGNER.verifier, latest=True)
    again = time.perf_counter() - start
    start = time.perf_counter()
    verify_publication(folder, SIGNER.verifier)
    checked = time.perf_counter() - start
    print(f"published: {written} files in {first:.2f} s, one more entry in {again * 1000:.1f} ms")
    print(f"published log checked whole in {checked:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="The log's figures on this machine.")
    parser.add_argument("--largest", type=int, default=1_000_000, help="size to grow to, in steps of ten from 1,000")
    largest = parser.parse_args().largest
    with tempfile.TemporaryDirectory() as folder, Log.create(Path(folder) / "log.db", SIGNER) as log:
        sizes = [10**power for power in range(3, 9) if 10**power <= largest]
        curve(log, [size for size in sizes if size <= PUBLISHED])
        proofs(log)
        publication(log, Path(folder) / "public")
        curve(log, [size for size in sizes if size > PUBLISHED])


if __name__ == "__main__":
    main()
