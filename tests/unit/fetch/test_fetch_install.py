from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.fetch.conftest import Server, manifest, network

from faceward.core.errors import BadInput, EnvironmentFailure, FacewardError, IntegrityError, UsageError
from faceward.fetch.install import Origin, check_wanted, install
from faceward.vision.catalogue import Entry, read_entry
from faceward.vision.packs import DEFAULT_PACK, PackStore

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@pytest.fixture
def store(packs: Path, tmp_path: Path) -> PackStore:
    return PackStore(packs, tmp_path / "cache")


@pytest.fixture
def entry(server: Server, offered: dict[str, bytes]) -> Entry:
    return read_entry(manifest(server, offered), "small")


def _left(packs: Path) -> list[str]:
    return sorted(str(path.relative_to(packs)) for path in packs.rglob("*") if path.is_file())


def test_a_pack_is_installed_whole(store: PackStore, entry: Entry, packs: Path, server: Server) -> None:
    seen: list[tuple[int, int]] = []
    pack = install(store, entry, Origin(), AT, lambda there, total: seen.append((there, total)))
    assert store.names() == (DEFAULT_PACK, "small")
    assert all(check.intact for check in store.verify(pack))
    assert pack.manifest.document == entry.manifest.document
    assert _left(packs) == ["small/accepted.json", "small/d.onnx", "small/e.onnx", "small/pack.toml"]
    assert [path for path, _ in server.asked] == ["/d.onnx", "/e.onnx"]
    assert seen[-1] == (entry.download.size, entry.download.size)
    assert not [path for path in packs.iterdir() if path.name.startswith(".")]


def test_what_was_accepted_is_kept_with_the_pack(store: PackStore, entry: Entry, packs: Path) -> None:
    pack = install(store, entry, Origin(), AT)
    accepted = store.acceptance(pack)
    assert accepted is not None
    assert accepted.to_json() == {
        "licence": "MIT",
        "licence_at": "https://example.org/licence",
        "conflict": "one page says MIT, another does not",
        "document": entry.manifest.document,
        "at": "2026-11-22T12:30:00.000000Z",
        "origin": "127.0.0.1",
    }
    assert store.acceptance(store.get(DEFAULT_PACK)) is None
    for damaged in (b"", b"{}", b"[" * 100_000, b'{"format": 2}', b"\xff", b"x" * 70_000):
        (packs / "small" / "accepted.json").write_bytes(damaged)
        with pytest.raises(BadInput, match="not the record of an accepted licence"):
            store.acceptance(pack)
    record = {"format": 1, **accepted.to_json()}
    for key, value in (("at", "yesterday"), ("at", 3), ("licence", "a\nb"), ("other", "x")):
        (packs / "small" / "accepted.json").write_text(json.dumps({**record, key: value}), encoding="utf-8")
        with pytest.raises(BadInput, match="not the record"):
            store.acceptance(pack)


def test_the_files_may_come_from_below_one_address(store: PackStore, entry: Entry, server: Server) -> None:
    for name in ("d.onnx", "e.onnx"):
        server.files[f"mirror/{name}"] = server.files.pop(name)
    pack = install(store, entry, Origin(base_url=f"{server.url}/mirror/"), AT)
    assert all(check.intact for check in store.verify(pack))
    assert [path for path, _ in server.asked] == ["/mirror/d.onnx", "/mirror/e.onnx"]


def test_a_name_that_is_taken_is_refused_before_anything_is_fetched(
    store: PackStore, entry: Entry, server: Server, offered: dict[str, bytes]
) -> None:
    install(store, entry, Origin(), AT)
    server.asked.clear()
    with pytest.raises(UsageError, match="installed already"):
        install(store, entry, Origin(), AT)
    other = read_entry(manifest(server, {"e.onnx": offered["e.onnx"]}), "small")
    with pytest.raises(UsageError, match="another pack 'small' exists already"):
        check_wanted(store, other, Origin())
    assert server.asked == []


@pytest.mark.parametrize(
    "address", ["http://example.org", "example.org", "ftp://example.org", "https://u:p@example.org"]
)
def test_a_base_address_that_is_unsafe_is_refused(store: PackStore, entry: Entry, address: str) -> None:
    with pytest.raises(UsageError, match="--base-url"):
        check_wanted(store, entry, Origin(base_url=address))


def test_two_places_at_once_are_refused(store: PackStore, entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        check_wanted(store, entry, Origin("https://example.org", tmp_path))


def test_an_altered_file_is_removed_and_the_pack_is_not_there(
    store: PackStore, entry: Entry, server: Server, packs: Path, offered: dict[str, bytes]
) -> None:
    server.files["e.onnx"] = bytes(len(offered["e.onnx"]))
    with pytest.raises(IntegrityError, match="do not use it"):
        install(store, entry, Origin(), AT)
    assert store.names() == (DEFAULT_PACK,)
    assert [Path(name).name for name in _left(packs)] == [".lock", "d.onnx"]
    server.files["e.onnx"] = offered["e.onnx"]
    server.asked.clear()
    install(store, entry, Origin(), AT)
    assert [path for path, _ in server.asked] == ["/e.onnx"]


def test_a_failure_says_how_to_do_without_a_network(
    store: PackStore, entry: Entry, server: Server, packs: Path
) -> None:
    del server.files["d.onnx"]
    with pytest.raises(
        EnvironmentFailure, match=r"404.*bring d\.onnx and e\.onnx in a folder, .*--from FOLDER"
    ) as found:
        install(store, entry, Origin(), AT)
    assert "\n" not in str(found.value)
    assert _left(packs) == []
    assert list(packs.iterdir()) == []


def test_what_was_damaged_on_the_disk_is_fetched_again(
    store: PackStore, entry: Entry, server: Server, packs: Path
) -> None:
    server.files.pop("e.onnx")
    with pytest.raises(EnvironmentFailure):
        install(store, entry, Origin(), AT)
    (whole,) = packs.glob(".fetching-*/d.onnx")
    whole.write_bytes(b"damaged")
    server.files["e.onnx"] = network(2)
    with pytest.raises(IntegrityError, match=r"d\.onnx"):
        install(store, entry, Origin(), AT)
    install(store, entry, Origin(), AT)
    assert store.names() == (DEFAULT_PACK, "small")


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    store: PackStore, entry: Entry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 5, 5))  # type: ignore[attr-defined]
    with pytest.raises(EnvironmentFailure, match="bytes are wanted, 5 are free; make room"):
        install(store, entry, Origin(), AT)
    assert server.asked == []


def test_a_folder_that_cannot_be_made_is_said(entry: Entry, tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FacewardError, match="cannot be stored"):
        install(PackStore(tmp_path / "file" / "packs", tmp_path), entry, Origin(), AT)
    assert server.asked == []


def test_files_at_hand_need_no_network(
    store: PackStore, entry: Entry, server: Server, tmp_path: Path, offered: dict[str, bytes], packs: Path
) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "d.onnx").write_bytes(offered["d.onnx"])
    with pytest.raises(BadInput, match=r"lacks e\.onnx; fetch it from http"):
        install(store, entry, Origin(folder=folder), AT)
    (folder / "e.onnx").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"e\.onnx has SHA-256"):
        install(store, entry, Origin(folder=folder), AT)
    assert store.names() == (DEFAULT_PACK,)
    (folder / "e.onnx").write_bytes(offered["e.onnx"])
    pack = install(store, entry, Origin(folder=folder), AT)
    assert server.asked == []
    assert all(check.intact for check in store.verify(pack))
    accepted = store.acceptance(pack)
    assert accepted is not None
    assert accepted.origin == "folder"
    assert sorted(path.name for path in folder.iterdir()) == ["d.onnx", "e.onnx"]
    assert not [path for path in packs.iterdir() if path.name.startswith(".")]


def test_two_installs_at_once_do_not_meet(store: PackStore, entry: Entry, server: Server) -> None:
    server.hold = threading.Event()
    failed: list[BaseException] = []

    def first() -> None:
        try:
            install(store, entry, Origin(), AT)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert server.holding.wait(10)
    with pytest.raises(EnvironmentFailure, match="another process is installing the pack small"):
        install(store, entry, Origin(), AT)
    server.hold.set()
    thread.join(10)
    assert failed == []
    assert store.names() == (DEFAULT_PACK, "small")
    with pytest.raises(UsageError, match="installed already"):
        install(store, entry, Origin(), AT)
    assert len(server.asked) == 2


_KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from faceward.fetch.install import Origin, install
from faceward.vision.catalogue import read_entry
from faceward.vision.packs import PackStore
packs, text = Path(sys.argv[1]), Path(sys.argv[2]).read_text()
install(PackStore(packs, packs), read_entry(text, "small"), Origin(), datetime.now(UTC))
"""


def test_a_process_that_is_killed_leaves_what_the_next_goes_on_from(
    store: PackStore, entry: Entry, server: Server, packs: Path, tmp_path: Path
) -> None:
    (tmp_path / "entry.toml").write_text(entry.text, encoding="utf-8")
    server.drip = 0.05
    command = [sys.executable, "-c", _KILLED, str(packs), str(tmp_path / "entry.toml")]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    end = time.monotonic() + 20
    while time.monotonic() < end and sum(path.stat().st_size for path in packs.glob(".fetching-*/.*.part")) < 3000:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    there = sum(path.stat().st_size for path in packs.glob(".fetching-*/.*.part"))
    assert 3000 <= there < entry.download.size
    assert store.names() == (DEFAULT_PACK,)
    server.drip = 0.0
    server.asked.clear()
    pack = install(store, entry, Origin(), AT)
    assert server.asked[0][1]["Range"] == f"bytes={there}-"
    assert server.asked[0][1]["If-Range"] == '"d.onnx-1"'
    assert all(check.intact for check in store.verify(pack))
    assert not [path for path in packs.iterdir() if path.name.startswith(".fetching")]
