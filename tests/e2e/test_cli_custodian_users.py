"""A custodian as a user of its own: what the deployment's user, and a stranger, can do to it."""

from __future__ import annotations

import grp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CUSTODIAN, DEPLOYMENT, STRANGER = 42_001, 42_002, 42_003
SECRET = "a custodian's own passphrase"

if os.geteuid() != 0:
    pytest.skip("needs root, to be several users", allow_module_level=True)


def _group() -> grp.struct_group:
    return next(group for group in grp.getgrall() if group.gr_gid not in (0, *os.getgroups()))


@dataclass
class Machine:
    """A machine with three users; the first two share a group."""

    folder: Path
    python: str
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, user: int, code: str, *arguments: object, member: bool = True) -> subprocess.Popen[str]:
        group = _group().gr_gid
        self.running.append(
            subprocess.Popen(
                [self.python, "-c", code, *map(str, arguments)],
                user=user,
                group=user,
                extra_groups=[group] if member else [],
                cwd=self.folder,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    "FACEWARD_CUSTODIAN_PASSPHRASE": SECRET if user == CUSTODIAN else "",
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return self.running[-1]

    def faceward(self, user: int, *arguments: object, member: bool = True) -> tuple[int, str, str]:
        code = "import sys; from faceward.cli import main; sys.exit(main())"
        process = self.start(user, code, *arguments, member=member)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def machine() -> Iterator[Machine]:
    # Not below the tests' own folder, which is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="faceward-users-"))
    folder.chmod(0o755)
    try:
        yield Machine(folder, _interpreter(folder))
    finally:
        shutil.rmtree(folder)


def _interpreter(folder: Path) -> str:
    """Return an interpreter of this version that other users can run with these packages."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in dict.fromkeys((sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin") or "")):
        try:
            code, _, _ = Machine(folder, python).faceward(STRANGER, "version")
        except OSError:
            continue
        if code == 0:
            return python
    pytest.skip("no other user can run Python with these packages")


@pytest.fixture
def served(machine: Machine) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a custodian as its own user; gives what asks it for its status."""
    state, run = machine.folder / "state", machine.folder / "run"
    for folder, mode in ((state, 0o700), (run, 0o755)):
        folder.mkdir(mode=mode)
        os.chown(folder, CUSTODIAN, CUSTODIAN)
    code, _, said = machine.faceward(CUSTODIAN, "custodian", "init", "--state", state)
    assert code == 0, said
    serve = "import sys; from faceward.cli import main; sys.exit(main())"
    options = ("--group", _group().gr_name, "--allow-uid", DEPLOYMENT)
    process = machine.start(
        CUSTODIAN, serve, "custodian", "serve", "--state", state, "--socket", run / "s", "--json", *options
    )
    assert process.stdout is not None
    lines = ""
    while not lines.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        lines += line
    try:
        yield lambda user, member=True: machine.faceward(
            user, "custodian", "status", "--socket", run / "s", "--json", member=member
        )
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_L2_only_the_deployments_user_is_served(served: Callable[..., tuple[int, str, str]]) -> None:
    code, out, said = served(DEPLOYMENT)
    assert (code, json.loads(out)["separate"]) == (0, True), said
    # In the group, but not the user that was named.
    code, out, said = served(STRANGER)
    assert (code, json.loads(out)["error"]["rule"]) == (3, "L2"), said
    code, _, said = served(STRANGER, member=False)
    assert (code, "may not reach the custodian" in said) == (1, True), said


def test_L2_the_deployments_user_reads_neither_the_custodians_files_nor_its_memory(
    machine: Machine, served: Callable[..., tuple[int, str, str]]
) -> None:
    [custodian] = [process for process in machine.running if process.poll() is None]
    state = machine.folder / "state"
    # Nor does another process of the custodian's own user read its memory.
    for user, what in (
        (DEPLOYMENT, state / "custodian.db"),
        (DEPLOYMENT, state / "custodian.key"),
        (DEPLOYMENT, f"/proc/{custodian.pid}/mem"),
        (CUSTODIAN, f"/proc/{custodian.pid}/mem"),
    ):
        process = machine.start(user, "import sys; open(sys.argv[1], 'rb').read(1)", what)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, "PermissionError" in said) == (1, True), (what, said)
    # Who may not read it may not serve from it, set it up again, or seal it anew either.
    for command in (("serve", "--socket", machine.folder / "x"), ("init",), ("reseal", "--to", "passphrase")):
        code, _, said = machine.faceward(DEPLOYMENT, "custodian", command[0], "--state", state, *command[1:])
        assert (code, said.count("\n"), "belongs to another user" in said) == (2, 1, True), said
    assert served(DEPLOYMENT)[0] == 0
