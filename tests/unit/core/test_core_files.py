from __future__ import annotations

import os
from pathlib import Path

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError
from faceward.core.files import read_regular, sync_folder
from faceward.protection.files import read_bounded


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    assert read_regular(path, 4) is None
    with pytest.raises(IntegrityError, match="larger than 4 bytes"):
        read_bounded(path, 4, "the file")
    with pytest.raises(IntegrityError, match="is missing"):
        read_bounded(tmp_path / "none", 4, "the file")


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link", 5) == b"1"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(path, 5)
    with pytest.raises(EnvironmentFailure, match="cannot be read"):
        read_bounded(path, 5, "the master key")


def test_a_folder_is_made_durable_and_nothing_else(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    for other in (tmp_path / "file", tmp_path / "missing"):
        with pytest.raises(OSError, match=other.name):
            sync_folder(other)
