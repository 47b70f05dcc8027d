"""Features are kept by content and pack: a kill loses at most the record in flight, two processes do no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import faceward
from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.evaluate import feature_file
from faceward.evaluate.feature_file import KEY_BYTES, FeatureFile
from faceward.evaluate.features import Acquisition, cache_file, extract, forget

SIZE = 24


def key(number: int) -> bytes:
    return number.to_bytes(KEY_BYTES, "big")


def value(number: int) -> bytes:
    return number.to_bytes(SIZE, "big")


def contents(path: Path) -> dict[int, int]:
    file = FeatureFile(path, "form", SIZE)
    found = {int.from_bytes(k, "big"): int.from_bytes(v, "big") for k, v in file.read().items()}
    file.close()
    return found


def written(path: Path, count: int) -> Path:
    file = FeatureFile(path, "form", SIZE)
    for number in range(count):
        file.append(key(number), value(number * 7))
    file.close()
    return path


def test_what_was_appended_is_read_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = written(tmp_path / "cache" / "a.features", 5)
    assert contents(path) == {n: n * 7 for n in range(5)}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    contents(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_cut_anywhere_keeps_every_whole_record_and_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path / "a.features", 2)
    data = path.read_bytes()
    record = KEY_BYTES + SIZE + 8
    header = len(data) - 2 * record
    for length in [*range(0, header + record, 7), *range(header + record, len(data) + 1)]:
        path.write_bytes(data[:length])
        whole = max(0, length - header) // record
        assert contents(path) == {n: n * 7 for n in range(whole)}, length
        file = FeatureFile(path, "form", SIZE)
        file.append(key(99), value(1))
        file.close()
        assert contents(path) == {**{n: n * 7 for n in range(whole)}, 99: 1}, length


def test_a_damaged_record_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.features", 3)
    data = path.read_bytes()
    record = KEY_BYTES + SIZE + 8
    start = len(data) - 2 * record
    for place in range(start, start + record):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert contents(path) == {0: 0, 2: 14}, place


def test_a_file_of_another_form_is_begun_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "a.features", 3)
    file = FeatureFile(path, "another form", SIZE)
    assert file.read() == {}
    file.close()


def test_a_disk_that_takes_part_of_a_record_leaves_the_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.features", 2)
    real = os.pwrite

    def full(descriptor: int, data: bytes, place: int) -> int:
        return real(descriptor, data[:10], place)

    file = FeatureFile(path, "form", SIZE)
    monkeypatch.setattr(feature_file.os, "pwrite", full)
    with pytest.raises(EnvironmentFailure, match="--no-cache"):
        file.append(key(5), value(5))
    monkeypatch.undo()
    file.append(key(6), value(6))
    file.close()
    assert contents(path) == {0: 0, 1: 7, 6: 6}


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFailure, match="FACEWARD_FEATURES"):
        FeatureFile(tmp_path / "file" / "a.features", "form", SIZE)
    (tmp_path / "link.features").symlink_to(tmp_path / "file")
    with pytest.raises(EnvironmentFailure):
        FeatureFile(tmp_path / "link.features", "form", SIZE)
    assert (tmp_path / "file").read_text() == "x"


WRITER = """
import sys
from pathlib import Path
from faceward.evaluate.feature_file import FeatureFile
path, first = Path(sys.argv[1]), int(sys.argv[2])
file = FeatureFile(path, "form", {size})
for number in range(first, first + 100_000):
    file.append(number.to_bytes(32, "big"), (number * 7).to_bytes({size}, "big"))
    if number == first + 50:
        print("going", flush=True)
"""


def test_processes_that_are_killed_while_both_write_lose_only_what_was_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "a.features"
    script = WRITER.format(size=SIZE)
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(first)], stdout=subprocess.PIPE, text=True)
        for first in (0, 1_000_000)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "going\n"
    for process in running:
        time.sleep(0.03)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    found = contents(path)
    assert all(kept == number * 7 for number, kept in found.items())
    for first in (0, 1_000_000):
        mine = sorted(number for number in found if first <= number < first + 500_000)
        assert len(mine) > 50
        assert mine == list(range(first, first + len(mine))), "records were lost before the last"


@pytest.fixture(scope="module")
def real() -> Any:
    return faceward.pipeline()


@pytest.fixture
def fake(real: Any, fakes: Any) -> Any:
    return fakes.FakePipeline(real)


@pytest.fixture
def pictures(tmp_path: Path, fakes: Any) -> list[Path]:
    folder = tmp_path / "pictures"
    made = [fakes.paint(folder / f"{who}-{n}.png", who, variant=n) for who in ("Ada", "Bea") for n in range(3)]
    made.append(fakes.paint(folder / "crowd.png", "Ada", "Bea", "Cy"))
    made.append(fakes.paint(folder / "nobody.png"))
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    return [*made, folder / "damaged.png"]


def test_every_picture_has_a_row_and_failures_are_told_apart(pictures: list[Path], fake: Any, fakes: Any) -> None:
    found = extract(pictures, fake, None)
    assert found.status.tolist() == [0] * 7 + [Acquisition.NO_FACE, Acquisition.UNREADABLE]
    assert found.failed == 2
    assert found.faces.tolist() == [1] * 6 + [3, 0, 0]
    assert not found.matrix[~found.acquired].any()
    assert np.isnan(found.quality["sharpness"][~found.acquired]).all()
    expected = fakes.features_of("Bea", 1)
    assert np.array_equal(found.matrix[4], expected)
    assert (found.confidence[:6] > 0.5).all()


def test_the_order_is_that_of_the_files_whatever_the_threads_do(pictures: list[Path], fake: Any) -> None:
    delays = iter(range(1000))
    lock = threading.Lock()

    def watch() -> None:
        with lock:
            turn = next(delays)
        time.sleep(0.01 if turn % 2 else 0)

    alone = extract(pictures, fake, None, threads=1)
    fake.watch = watch
    together = extract(pictures, fake, None, threads=6)
    assert np.array_equal(alone.matrix, together.matrix)
    assert alone.hashes == together.hashes


def test_a_second_run_takes_all_from_the_cache_failures_too(pictures: list[Path], fake: Any, tmp_path: Path) -> None:
    first = extract(pictures, fake, tmp_path / "cache")
    assert first.reused == 0
    fake.extracted.clear()
    second = extract(pictures, fake, tmp_path / "cache")
    assert (second.reused, fake.extracted) == (len(pictures), [])
    assert np.array_equal(first.matrix, second.matrix)
    assert np.array_equal(first.status, second.status)
    assert np.array_equal(first.faces, second.faces)
    for name, values in first.quality.items():
        assert np.array_equal(values, second.quality[name], equal_nan=True)
    assert cache_file(fake, tmp_path / "cache").stat().st_mode & 0o777 == 0o600


def test_a_picture_that_changed_is_extracted_again(pictures: list[Path], fake: Any, fakes: Any, tmp_path: Path) -> None:
    extract(pictures, fake, tmp_path / "cache")
    fakes.paint(pictures[0], "Dee")
    found = extract(pictures, fake, tmp_path / "cache")
    assert found.reused == len(pictures) - 1
    assert np.array_equal(found.matrix[0], fakes.features_of("Dee"))


def test_an_interrupted_run_goes_on_where_it_stood(pictures: list[Path], fake: Any, tmp_path: Path) -> None:
    done: list[int] = []

    def interrupt(count: int, _total: int) -> None:
        done.append(count)
        if count == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(pictures, fake, tmp_path / "cache", interrupt, threads=1)
    fake.extracted.clear()
    found = extract(pictures, fake, tmp_path / "cache")
    assert found.reused >= 4
    assert len(fake.extracted) <= 7 - 4
    assert np.array_equal(found.matrix, extract(pictures, fake, None).matrix)


def test_progress_counts_every_picture_once(pictures: list[Path], fake: Any) -> None:
    seen: list[tuple[int, int]] = []
    extract(pictures, fake, None, lambda done, total: seen.append((done, total)), threads=3)
    assert seen == [(number, len(pictures)) for number in range(1, len(pictures) + 1)]


def test_another_form_of_the_pack_or_the_code_is_another_file(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache_file(fake, tmp_path)
    from faceward.evaluate import features

    monkeypatch.setattr(features, "_code", lambda: "another")
    assert cache_file(fake, tmp_path) != before


def test_a_file_that_is_gone_is_an_error_and_no_failure_to_acquire(pictures: list[Path], fake: Any) -> None:
    pictures[2].unlink()
    with pytest.raises(BadInput, match="no such file"):
        extract(pictures, fake, None)


def test_what_is_kept_can_be_forgotten(pictures: list[Path], fake: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    extract(pictures, fake, cache)
    (cache / "mine.txt").write_text("stays")
    assert forget(cache) == 1
    assert [path.name for path in cache.iterdir()] == ["mine.txt"]
    assert forget(tmp_path / "never made") == 0
