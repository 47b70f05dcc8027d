"""The command line as a process of its own: terminals, pipes, signals, limits, permissions."""

from __future__ import annotations

import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

FACEWARD = (sys.executable, "-m", "faceward")
PASSPHRASE = "correct horse battery staple"


def run(*arguments: object, environment: dict[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*FACEWARD, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, **options)


def one_line(process: subprocess.CompletedProcess[str], code: int) -> str:
    assert process.returncode == code, process.stderr
    assert process.stderr.startswith("faceward: ")
    assert process.stderr.count("\n") == 1, process.stderr
    assert process.stdout == ""
    return process.stderr


def test_python_dash_m_prints_one_object_and_nothing_else(
    environment: dict[str, str], eileen: Path, grace: Path, tmp_path: Path
) -> None:
    done = run("verify", eileen, grace, "--json", environment=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["decision"] == "non-match"
    assert not list(tmp_path.iterdir()), "nothing is stored"


def test_help_loads_no_numeric_library(environment: dict[str, str]) -> None:
    code = (
        "import sys; from faceward.cli import main; main(['--help']);"
        "print(sorted({'numpy', 'onnxruntime', 'rich', 'PIL', 'onnx', 'cv2'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_verifying_two_pictures_loads_no_builder_of_models(environment: dict[str, str], eileen: Path) -> None:
    code = (
        f"import sys; from faceward.cli import main; main(['verify', {str(eileen)!r}, {str(eileen)!r}]);"
        "print(sorted({'onnx', 'cv2', 'matplotlib', 'skimage'} & set(sys.modules)), file=sys.stderr)"
    )
    run("detect", eileen, environment=environment)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_reader_that_has_gone_is_no_trouble(environment: dict[str, str], eileen: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        command = [*FACEWARD, "detect", str(eileen), "--json"]
        done = subprocess.run(command, env=environment, stdout=gone, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_output_that_takes_no_more_is_one_line(
    form: tuple[str, ...], environment: dict[str, str], eileen: Path
) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [*FACEWARD, "detect", str(eileen), *form]
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


def test_an_interrupt_ends_it_with_130(environment: dict[str, str], ready: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    environment.pop("FACEWARD_PASSPHRASE")
    command = [*FACEWARD, "status", "--home", str(ready), "--passphrase-file", str(fifo)]
    # Opening the pipe waits until the command opens it too; then the command waits for the passphrase.
    with (
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process,
        fifo.open("wb"),
    ):
        # An interrupt between the opening and the reading may meet Python where it cannot be raised, as in a clean-up.
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"faceward: interrupted\n")


@pytest.mark.parametrize("limit", [4096, 16_384, 30_000])
def test_a_full_disk_during_enrolment_leaves_a_deployment_that_opens(
    limit: int, environment: dict[str, str], ready: Path, tmp_path: Path, eileen: Path, cli: Cli
) -> None:
    folder = tmp_path / "photos" / "Ada"
    folder.mkdir(parents=True)
    shutil.copy(eileen, folder / "1.png")
    (folder / "release.toml").write_text('subject = "Ada"\npurpose = "door"\nsigned = 2020-01-01\nterm = "99y"\n')
    done = run("enrol", folder.parent, "--purpose", "door", environment=environment, preexec_fn=_limited(limit))
    one_line(done, 1)
    assert cli.json("audit", "verify")["verified"]
    again = cli.json("enrol", folder.parent, "--purpose", "door")
    assert again["enrolled"] + again["already_enrolled"] == 1
    assert cli.json("status")["references"] == 3


def _limited(limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def test_a_full_disk_leaves_no_half_of_a_picture_or_deployment(
    environment: dict[str, str], tmp_path: Path, eileen: Path
) -> None:
    limited = _limited(20_000)
    assert "out.png" in one_line(
        run("redact", eileen, "-o", tmp_path / "out.png", environment=environment, preexec_fn=limited), 1
    )
    one_line(run("init", "--standard", "workplace", environment=environment, preexec_fn=limited), 1)
    assert not list(tmp_path.iterdir())


def unprivileged() -> tuple[str, ...]:
    """Return what to put before a command so that file permissions bind it."""
    if os.getuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("permissions do not bind root, and setpriv is not installed to give that up")
    return (setpriv, "--bounding-set=-dac_override,-dac_read_search")


def test_permissions_are_respected_and_explained(
    environment: dict[str, str], ready: Path, tmp_path: Path, eileen: Path
) -> None:
    before = unprivileged()
    locked = tmp_path / "locked"
    locked.mkdir()
    shutil.copy(eileen, locked / "a.png")
    shutil.copytree(ready, tmp_path / "home")

    def run_bound(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [*before, *FACEWARD, *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    locked.chmod(0o000)
    try:
        assert "permission" in one_line(run_bound("detect", locked / "a.png"), 4).lower()
        assert "permission" in one_line(run_bound("redact", locked, "-o", tmp_path / "out"), 4).lower()
        assert "permission" in one_line(run_bound("enrol", locked, "--purpose", "door"), 4).lower()
        one_line(run_bound("init", "--standard", "workplace", "--home", locked / "home"), 1)
    finally:
        locked.chmod(0o700)
    (tmp_path / "home").chmod(0o500)
    for path in (tmp_path / "home").iterdir():
        path.chmod(0o400)
    try:
        one_line(run_bound("status"), 1)
    finally:
        (tmp_path / "home").chmod(0o700)
    assert sorted(path.name for path in locked.iterdir()) == ["a.png"]


def at_a_terminal(
    *arguments: object,
    environment: dict[str, str],
    answers: Sequence[tuple[str, str]] = (),
    program: Sequence[str] = FACEWARD,
) -> tuple[int, str, str]:
    """Run a command with standard input and error at a terminal.

    Args:
        arguments: The command and its arguments.
        environment: Its environment.
        answers: Prompts to wait for, and what is then typed: a prompt for a secret discards what was typed before it.
        program: What takes the arguments.

    Returns:
        Exit code, output, and what the terminal showed.
    """
    ours, theirs = pty.openpty()
    waiting = list(answers)
    shown, seen = b"", 0
    with subprocess.Popen(
        [*program, *map(str, arguments)],
        env=environment,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        while select.select([ours], [], [], 30)[0]:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            shown += piece
            while waiting and waiting[0][0].encode() in shown[seen:]:
                prompt, answer = waiting.pop(0)
                seen = shown.index(prompt.encode(), seen) + len(prompt)
                os.write(ours, f"{answer}\n".encode())
        else:
            process.kill()
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, out.decode(), shown.decode()


def test_the_passphrase_is_asked_for_at_a_terminal_and_twice_when_it_is_new(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment.pop("FACEWARD_PASSPHRASE")
    init = ("init", "--standard", "workplace", "--json")

    def typed(*answers: str) -> list[tuple[str, str]]:
        return list(zip(("Passphrase: ", "The same again: "), answers, strict=False))

    code, _, shown = at_a_terminal(*init, environment=environment, answers=typed(PASSPHRASE, "another one"))
    assert code == 2
    assert "differ" in shown
    assert not (tmp_path / "home").exists()
    code, out, shown = at_a_terminal(*init, environment=environment, answers=typed(PASSPHRASE, PASSPHRASE))
    assert code == 0, shown
    assert PASSPHRASE not in shown
    assert json.loads(out)["standard"] == "workplace"
    code, out, shown = at_a_terminal("status", "--json", environment=environment, answers=typed(PASSPHRASE))
    assert code == 0, shown
    assert json.loads(out)["references"] == 0
    code, _, shown = at_a_terminal("status", environment=environment, answers=typed(""))
    assert code == 2
    assert "empty" in shown


def test_an_erasure_is_confirmed_at_a_terminal(environment: dict[str, str], ready: Path, tmp_path: Path) -> None:
    shutil.copytree(ready, tmp_path / "home")
    erase = ("subject", "erase", "Grace Hopper", "--json")
    code, out, shown = at_a_terminal(*erase, environment=environment, answers=[("[y/N]: ", "n")])
    assert (code, json.loads(out)["error"]["code"]) == (2, 2)
    assert "nothing was erased" in shown
    code, out, shown = at_a_terminal(*erase, environment=environment, answers=[("[y/N]: ", "y")])
    assert code == 0, shown
    assert json.loads(out)["references"] == 1


def test_long_work_shows_a_bar_at_a_terminal_and_json_does_not(environment: dict[str, str]) -> None:
    hasty = (
        "import sys, faceward.cli.progress as bar; bar.PATIENCE_SECONDS = 0.0;"
        "from faceward.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    program = (sys.executable, "-c", hasty)
    code, out, shown = at_a_terminal("bench", environment=environment, program=program)
    assert code == 0, shown
    assert "Measuring" in shown
    assert "Measuring" not in out
    code, out, shown = at_a_terminal("bench", "--json", environment=environment, program=program)
    assert (code, shown) == (0, "")
    assert json.loads(out)["rounds"] > 0
