from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from faceward.core.errors import IntegrityError
from faceward.protection.age import AgeFile, new_identity_file
from faceward.protection.backends import Backend, backend_of
from faceward.protection.passphrase import Argon2Cost, PassphraseFile


def test_the_file_says_what_opens_it(tmp_path: Path, cheap: Argon2Cost, master: bytes) -> None:
    path = tmp_path / "k"
    PassphraseFile(path, "secret", cheap).seal(master)
    assert backend_of(path) is Backend.PASSPHRASE
    new_identity_file(tmp_path / "identity")
    AgeFile(path, tmp_path / "identity").seal(master)
    assert backend_of(path) is Backend.AGE


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b'"x"', b"\xff", b"[" * 5000, b'{"format":1}', b'{"format":"other"}', b'{"header":3}']
)
def test_a_file_of_no_known_kind_is_an_integrity_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="no master key that this version knows"):
        backend_of(path)
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        backend_of(path)


def test_no_hardware_library_is_loaded_before_it_is_needed() -> None:
    code = "import sys; import faceward.protection.backends; sys.exit('pkcs11' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_process_that_holds_keys_writes_no_core_and_cannot_be_read() -> None:
    code = (
        "import os, resource; from faceward.protection.process import forbid_dumps; forbid_dumps();"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0);"
        "import ctypes; assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0"
    )
    if sys.platform != "linux":
        pytest.skip("prctl(2) is Linux's")
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
