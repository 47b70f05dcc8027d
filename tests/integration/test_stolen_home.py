"""A deployment's files and passphrase in the hands of somebody whom its custodian does not serve."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward import bootstrap
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal
from faceward.custody.client import CustodyClient
from faceward.custody.custodian import Custodian
from faceward.custody.server import CustodyServer
from faceward.protection.passphrase import PassphraseFile
from faceward.protection.rotation import open_keys


@contextmanager
def custodian(folder: Path, clock: Any) -> Iterator[Path]:
    """Run a custodian with a master key of its own; gives its socket."""
    state, master = folder / "custodian.db", folder / "custodian.master"
    if not state.exists():
        folder.mkdir(mode=0o700)
        master.write_bytes(secrets.token_bytes(32))
        Custodian.set_up(state, master.read_bytes(), clock, separate=True).close()
    opened = Custodian.open(state, master.read_bytes(), clock, separate=True)
    with CustodyServer(opened, folder / "s") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield folder / "s"
        finally:
            server.stop()
            thread.join(timeout=30)
            opened.close()


@pytest.fixture
def stolen(
    make_world: Callable[..., Any], fakes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, Path, list[bytes]]:
    """Enrol somebody under a separate custodian and copy all files of the home.

    Returns the deployment, the copy, and the gallery keys that were ever lent.
    """
    lent: list[bytes] = []
    lease = CustodyClient._lease

    def noted(client: CustodyClient, *arguments: Any) -> Any:
        given = lease(client, *arguments)
        lent.append(given.key)
        return given

    monkeypatch.setattr(CustodyClient, "_lease", noted)
    with custodian(tmp_path / "keeper", fakes.FixedClock()) as socket:
        world = make_world("museum", custodian=socket)
        system = world.open()
        assert system._deployment.custody.status().separate
        world.enrol(system, "Ada")
        assert world.matches(system, "Ada")
        world.close()
    copy = tmp_path / "elsewhere"
    shutil.copytree(world.home, copy)
    return world, copy, lent


def opened(fakes: ModuleType, home: Path, work: Callable[[Any], object]) -> object:
    """Open a deployment with its passphrase and do something with it."""
    with bootstrap.open_system(home, passphrase=fakes.PASSPHRASE, clock=fakes.FixedClock()) as system:
        system._deployment.pipeline = fakes.FakePipeline(system._deployment.pipeline)
        return work(system)


def test_L2_files_and_passphrase_on_another_machine_open_no_reference(
    stolen: tuple[Any, Path, list[bytes]], fakes: ModuleType
) -> None:
    world, copy, lent = stolen
    picture = world.picture("Ada")
    for attempt in (
        lambda system: system.verify(picture, subject="Ada", purpose="door"),
        lambda system: system.identify(picture, gallery="door", purpose="door", reason="theft"),
    ):
        with pytest.raises(EnvironmentFailure, match="no custodian answers"):
            opened(fakes, copy, attempt)
    # Below the operations: the passphrase opens the key store, and the gallery stays closed.
    keys = open_keys(copy / "keys.db", PassphraseFile(copy / "master.key", fakes.PASSPHRASE))
    key_id = keys.custodied("door")
    assert key_id
    with pytest.raises(PolicyRefusal, match="L2"):
        keys.subject_keys("door")
    keys.grants.give("door", key_id, secrets.token_bytes(32))
    with pytest.raises(IntegrityError):
        keys.subject_keys("door")
    # What was missing is the custodian's key alone: it is in none of the files.
    keys.grants.clear()
    keys.grants.give("door", key_id, lent[-1])
    assert len(keys.subject_keys("door")) == 1
    keys.close()
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert len(files) > 4
    assert not [path for path in files for key in lent if key in path.read_bytes()]


def test_L2_a_custodian_of_the_thiefs_own_opens_no_reference(
    stolen: tuple[Any, Path, list[bytes]], fakes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, copy, _ = stolen
    picture = world.picture("Ada")
    with custodian(tmp_path / "keeper", fakes.FixedClock()) as right:
        client = CustodyClient(right)
        pins = client.status().pins
        client.close()
        assert pins is not None
    with custodian(tmp_path / "thief", fakes.FixedClock()) as wrong:
        monkeypatch.setenv("FACEWARD_CUSTODIAN", str(wrong))
        # One that serves nobody yet, and one that was told to serve this deployment.
        for known in (False, True):
            if known:
                client = CustodyClient(wrong)
                client.found(pins)
                client.close()
            with pytest.raises(FacewardError) as caught:
                opened(fakes, copy, lambda system: system.verify(picture, subject="Ada", purpose="door"))
            assert "\n" not in str(caught.value)
    # The deployment itself goes on where it is.
    monkeypatch.delenv("FACEWARD_CUSTODIAN")
    with custodian(tmp_path / "keeper", fakes.FixedClock()):
        system = world.open()
        assert world.matches(system, "Ada")
        world.close()
