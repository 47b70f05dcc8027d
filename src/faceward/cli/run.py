"""Runs the command line: whatever goes wrong becomes one line and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from faceward.core.errors import EnvironmentFailure, FacewardError, PolicyRefusal, UsageError

INTERRUPTED = 130
_DEFECT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the program's name; the process's own if None.

    Returns:
        The exit code: 0 done, 1 the machine could not, 2 usage, 3 refused by policy, 4 bad input, 5 integrity,
        130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except BrokenPipeError:
        # Whoever read the output has gone, as in `faceward audit show | head`.
        _discard_output()
        return EnvironmentFailure.exit_code
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: every error is said in one line
        return _report(error, given)


@cache
def _command() -> Callable[..., Any]:
    # Imported here so that a library that does not load is said in one line too. Putting the tree of commands together
    # takes longer than most commands do, so that whoever calls `main` again finds it made.
    from typer.main import get_command

    from faceward.cli.app import build

    return get_command(build())


def _run(given: list[str]) -> int:
    try:
        code = _command()(args=given, prog_name="faceward", standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    if code == INTERRUPTED:
        _say("interrupted")
    return code if isinstance(code, int) else 0


def _report(error: Exception, given: Sequence[str]) -> int:
    known = _translated(error)
    if _asked_for("--debug", given):
        traceback.print_exception(error)
    message = plain_line(str(known)) if known else _defect(error)
    _say(message)
    code = known.exit_code if known else _DEFECT
    if _asked_for("--json", given):
        from faceward.cli.output import emit

        with contextlib.suppress(OSError):
            emit({"error": error_json(known or error, message, code)})
    try:
        sys.stdout.flush()
    except OSError:
        # The error was that standard output takes no more; what is buffered for it must not be tried again at exit.
        _discard_output()
    return code


def error_json(error: Exception, message: str, code: int) -> dict[str, str | int | None]:
    """Return what stands under `error` when a command fails with `--json`."""
    refusal = error if isinstance(error, PolicyRefusal) else None
    return {
        "code": code,
        "kind": type(error).__name__,
        "message": message,
        "rule": refusal.rule if refusal else None,
        "remedy": refusal.remedy if refusal else None,
    }


def _translated(error: Exception) -> FacewardError | None:
    """Return an error in our terms, or None for a defect."""
    if isinstance(error, FacewardError):
        return error
    if _is_usage_error(error):
        return UsageError(_usage_message(error))
    if type(error).__name__ == "Abort":
        return UsageError("nothing was answered; nothing was done")
    if isinstance(error, MemoryError):
        return EnvironmentFailure("there is not enough memory; close other programs or give fewer or smaller pictures")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return EnvironmentFailure(f"{where}{error.strerror or error}; check space and permissions")
    if isinstance(error, ImportError) and not (error.name or "").startswith("faceward"):
        return EnvironmentFailure(f"a library cannot be loaded: {error}; install faceward again, with its dependencies")
    return None


def _is_usage_error(error: Exception) -> bool:
    # By form, because the base class lies in Typer or in click, depending on Typer's version.
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _usage_message(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "faceward"
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"a command is missing; '{command} --help' lists them"
    text = getattr(error, "format_message")().rstrip(". ")  # noqa: B009 - not an attribute of Exception
    # Typer hands on the words of the library that it converts values with.
    text = text.replace("Value error, ", "")
    return f"{text}; see '{command} --help'"


def _defect(error: Exception) -> str:
    # Only the class is shown: the text of a foreign error may hold what must not be printed.
    return f"unexpected {type(error).__name__}; this is a defect; run with --debug for the traceback"


def _asked_for(flag: str, given: Sequence[str]) -> bool:
    end = list(given).index("--") if "--" in given else len(given)
    return flag in given[:end]


def plain_line(text: str) -> str:
    """Return a text as one line without control characters."""
    from faceward.cli.words import clean

    return clean(" ".join(text.split()))


def _say(message: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(f"faceward: {message}", file=sys.stderr, flush=True)  # noqa: T201 - the one line of an error


def _discard_output() -> None:
    """Point standard output at nothing, or the interpreter would complain when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
