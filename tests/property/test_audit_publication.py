"""Publish, then verify as an outsider: the same root at every size, and nothing can be altered unseen."""

from __future__ import annotations

import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceward.audit import merkle
from faceward.audit.cosignature import Cosigner
from faceward.audit.cosigned import keep_cosignatures
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer, parse_note
from faceward.audit.publish import publish
from faceward.audit.tiles import Tile, new_tiles
from faceward.core.errors import BadInput, IntegrityError
from faceward.verify.publication import verify_publication

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNER = Signer("example.org/log", bytes(range(32)))
WITNESS = Cosigner("witness.example.org/one", bytes(32))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def grow(log: Log, count: int) -> None:
    first = log.size
    for start in range(first, first + count, 5000):
        operations = (f"op-{index % 7}" for index in range(start, min(start + 5000, first + count)))
        log.append([Record(Entry(NOW, operation, Phase.NOTE)) for operation in operations], NOW)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.create(tmp_path / "log.db", SIGNER) as opened:
        yield opened


def same_tree(folder: Path, log: Log) -> None:
    report = verify_publication(folder, SIGNER.verifier)
    assert (report.checkpoint.size, report.checkpoint.root) == (log.size, log.root())
    assert report.beyond == ()


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_L1_every_size_to_300_grown_one_by_one(log: Log, tmp_path: Path) -> None:
    folder, earlier = tmp_path / "public", None
    for size in range(301):
        done = publish(log, folder, SIGNER.verifier)
        assert done.before == (None if size == 0 else size - 1)
        assert done.written == len(list(new_tiles(max(size - 1, 0), size)))
        # Outsiders read all that was ever published, so they look at the smallest, about the first full tile, and in
        # between at every tenth.
        if size <= 20 or size % 10 == 0 or 250 <= size <= 260:
            same_tree(folder, log)
            if earlier is not None:
                assert verify_publication(folder, SIGNER.verifier, earlier=earlier).earlier == size - 1
        earlier = log.checkpoint()
        grow(log, 1)
    # No partial tile outlives its full one.
    assert not (folder / "tile/0/000.p").exists()
    assert len(list((folder / "tile/0/001.p").iterdir())) == 44


@pytest.mark.slow
def test_L1_sizes_around_256_squared(log: Log, tmp_path: Path) -> None:
    folder, at_once = tmp_path / "public", tmp_path / "at-once"
    for size in (65_279, 65_280, 65_535, 65_536, 65_537, 65_792):
        grow(log, size - log.size)
        publish(log, folder, SIGNER.verifier)
        if size in {65_280, 65_536, 65_537}:
            same_tree(folder, log)
    publish(log, at_once, SIGNER.verifier)
    one, other = files(folder), files(at_once)
    assert other.items() <= one.items()
    assert (folder / "tile/2/000.p/1").read_bytes() == log.hashes(16, 0, 1)[0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 400), max_size=5))
def test_steps_of_any_length_end_in_the_same_files(tmp_path: Path, steps: list[int]) -> None:
    place = tmp_path / secrets.token_hex(8)
    place.mkdir()
    with Log.create(place / "log.db", SIGNER) as log:
        for step in steps:
            grow(log, step)
            publish(log, place / "public", SIGNER.verifier)
        publish(log, place / "public", SIGNER.verifier)
        publish(log, place / "at-once", SIGNER.verifier)
        same_tree(place / "public", log)
        assert files(place / "at-once").items() <= files(place / "public").items()
        for tile in new_tiles(0, log.size):
            assert (place / "public" / tile.path).is_file()


def test_a_tile_holds_what_the_specification_says(log: Log, tmp_path: Path) -> None:
    grow(log, 600)
    publish(log, tmp_path / "public", SIGNER.verifier)
    leaves = [merkle.leaf_hash(leaf) for _, leaf in log.leaves()]
    for tile in (Tile(0, 0), Tile(0, 2, 88), Tile(1, 0, 2)):
        span = 256 ** (tile.level or 0)
        starts = range(tile.index * 256 * span, (tile.index * 256 + tile.width) * span, span)
        hashes = [merkle.root_from_leaf_hashes(leaves[start : start + span]) for start in starts]
        assert (tmp_path / "public" / tile.path).read_bytes() == b"".join(hashes)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A cosigned publication of 600 entries, grown from 300, and the checkpoint of then."""
    place = tmp_path_factory.mktemp("published")
    with Log.create(place / "log.db", SIGNER) as log:
        grow(log, 300)
        publish(log, place / "public", SIGNER.verifier)
        earlier = log.checkpoint()
        grow(log, 260)
        publish(log, place / "public", SIGNER.verifier)
        grow(log, 40)
        note = log.checkpoint()
        keep_cosignatures(log.path, note, [WITNESS.cosign(parse_note(note).text, NOW)])
        publish(log, place / "public", SIGNER.verifier)
    return place / "public", earlier


def check(folder: Path, earlier: str | None = None) -> None:
    verify_publication(folder, SIGNER.verifier, [WITNESS.verifier], earlier)


def test_the_publication_is_good(published: tuple[Path, str]) -> None:
    check(*published)
    # Two full and two partial files of each lowest kind, the partial tiles of 300 and 560 above, and the checkpoint.
    assert len(files(published[0])) == 4 + 4 + 2 + 1


def test_L1_any_altered_byte_is_found(published: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(published[0], folder)
    for name, data in files(folder).items():
        places = {0, 1, len(data) // 2, len(data) - 1, *(secrets.randbelow(len(data)) for _ in range(12))}
        for place in places:
            bad = data[:place] + bytes([data[place] ^ (1 + secrets.randbelow(255))]) + data[place + 1 :]
            (folder / name).write_bytes(bad)
            with pytest.raises((IntegrityError, BadInput)):
                check(folder)
        for bad in (data[:-1], data + b"\0", b"", data + data):
            (folder / name).write_bytes(bad)
            with pytest.raises((IntegrityError, BadInput)):
                check(folder)
        (folder / name).write_bytes(data)
    check(folder)


def test_L1_any_missing_file_is_found(published: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(published[0], folder)
    needed = {"checkpoint", *(tile.path for tile in new_tiles(0, 600))}
    for name, data in files(folder).items():
        (folder / name).unlink()
        if name in needed:
            with pytest.raises((IntegrityError, BadInput), match=r"missing|cannot be read"):
                check(folder)
        else:
            check(folder)
        (folder / name).write_bytes(data)


def test_what_no_checkpoint_covers_is_counted(published: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(published[0], folder)
    (folder / "tile/0/009").write_bytes(b"x")
    (folder / "tile/0/002.p/200").write_bytes((folder / "tile/0/002.p/88").read_bytes() + bytes(32 * 112))
    report = verify_publication(folder, SIGNER.verifier)
    assert report.beyond == ("tile/0/002.p/200", "tile/0/009")
    # What the checkpoint covers of a wider tile is checked all the same.
    (folder / "tile/0/002.p/200").write_bytes(bytes(32 * 200))
    with pytest.raises(IntegrityError, match="altered"):
        check(folder)


def test_a_full_tile_stands_in_for_a_partial_one(published: tuple[Path, str], tmp_path: Path, log: Log) -> None:
    folder = tmp_path / "public"
    grow(log, 300)
    publish(log, folder, SIGNER.verifier)
    old = (folder / "checkpoint").read_bytes()
    grow(log, 300)
    publish(log, folder, SIGNER.verifier)
    (folder / "checkpoint").write_bytes(old)
    report = verify_publication(folder, SIGNER.verifier)
    assert report.checkpoint.size == 300
    assert "tile/0/001" in report.beyond


def other_log(tmp_path: Path, size: int, signer: Signer = SIGNER) -> Log:
    log = Log.create(tmp_path / f"other-{secrets.token_hex(4)}.db", signer)
    log.append([Record(Entry(NOW, "another", Phase.NOTE))], NOW)
    grow(log, size - 1)
    return log


def test_L1_a_rollback_and_a_fork_are_found(published: tuple[Path, str], log: Log, tmp_path: Path) -> None:
    folder, kept = published
    newest = (folder / "checkpoint").read_text()
    check(folder, kept)
    # Rolled back: the honest log of an earlier day.
    grow(log, 400)
    publish(log, tmp_path / "old", SIGNER.verifier)
    with pytest.raises(IntegrityError, match="rolled back"):
        verify_publication(tmp_path / "old", SIGNER.verifier, earlier=newest)
    # Forked: signed anew with another first entry, shorter, as long and longer.
    for size in (300, 600, 700):
        with other_log(tmp_path, size) as fork:
            publish(fork, tmp_path / f"fork-{size}", SIGNER.verifier)
        with pytest.raises(IntegrityError, match="signed anew"):
            verify_publication(tmp_path / f"fork-{size}", SIGNER.verifier, earlier=kept)
        with pytest.raises(IntegrityError, match="not cosigned"):
            check(tmp_path / f"fork-{size}")


def test_L1_a_publisher_does_not_roll_back_or_fork_a_folder(published: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(published[0], folder)
    before = files(folder)
    for size, signer, why in (
        (300, SIGNER, "rolled back"),
        (700, SIGNER, "rewritten"),
        (700, Signer("example.org/log", bytes(32)), "not signed by"),
        (700, Signer("example.org/other", bytes(32)), "not signed by"),
    ):
        with other_log(tmp_path, size, signer) as other, pytest.raises(IntegrityError, match=why):
            publish(other, folder, signer.verifier)
    assert files(folder) == before
