"""Run the main job on photographs, print what happens, and write a report that any browser can show.

python demo/run.py [--photos FOLDER] [--strangers N] [--out FOLDER] [--report FILE]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

import cast
import report
from faceward.core.errors import EnvironmentFailure, FacewardError, UsageError
from job import Job
from story import Options
from teller import Teller

_HERE = Path(__file__).resolve().parent
# One rate in ten thousand suits renditions of one photograph; across years and cameras the default pack needs a looser.
_SHIPPED_FMR, _OWN_FMR = 1e-4, 1e-3
_SHIPPED_STRANGERS, _OWN_STRANGERS = 10_000, 100
_MARK = ".faceward-demo"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit code: 0 if everything came about as expected."""
    options = _parse(arguments)
    console = Console(highlight=False)
    started = time.perf_counter()
    try:
        _fresh(options.out)
        own = options.photos is not None
        (options.out / "pictures").mkdir()
        cast_ = cast.own(options.photos) if own else cast.public_domain(options.out / "pictures")
        strangers = options.strangers or (_OWN_STRANGERS if own else _SHIPPED_STRANGERS)
        settings = Options(options.out, own, strangers, _OWN_FMR if own else _SHIPPED_FMR)
        story = Job(cast_, settings, Teller(console)).run()
        story.timings["everything"] = time.perf_counter() - started
        options.report.write_text(report.render(story), encoding="utf-8")
    except FacewardError as error:
        console.print(f"[red]demo:[/red] {escape(str(error))}", soft_wrap=True)
        return error.exit_code
    missed = [check for check in story.checks if not check.good]
    console.print(f"\n[bold]{len(story.checks) - len(missed)} of {len(story.checks)} expectations came about.[/bold]")
    for check in missed:
        console.print(f"   [red]✗[/red] {escape(check.text)}", soft_wrap=True)
    console.print(f"Report: {escape(_short(options.report))}", soft_wrap=True)
    secret = f'FACEWARD_PASSPHRASE="$(cat {_short(options.out / "passphrase")})"'
    console.print(
        escape(f"Look around: {secret} {_short(_faceward())} --home {_short(options.out / 'home')} audit show"),
        soft_wrap=True,
    )
    return 1 if missed else 0


def _short(path: Path) -> str:
    """Name a path from the current folder if it lies in it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _faceward() -> Path:
    """Return where the command line is, beside this interpreter."""
    return Path(sys.executable).with_name("faceward")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The main job of Faceward on photographs.")
    parser.add_argument("--photos", type=Path, help="your own photographs: a folder with one sub-folder a person")
    parser.add_argument("--strangers", type=_count, help="simulated references in the gallery")
    parser.add_argument("--out", type=Path, default=_HERE / "out", help="folder for everything; emptied first")
    parser.add_argument("--report", type=Path, default=_HERE / "report.html", help="the report")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range; give 1 to 1000000")
    return value


def _fresh(folder: Path) -> None:
    """Empty the demo's folder; one that holds anything else is left alone.

    Raises:
        UsageError: The folder is somebody else's.
        EnvironmentFailure: It cannot be written.
    """
    try:
        if folder.exists():
            if any(folder.iterdir()) and not (folder / _MARK).exists():
                raise UsageError(f"{folder}: holds other files; name a new folder with --out")
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise EnvironmentFailure(f"{folder}: cannot be written: {error.strerror}; name another with --out") from None


if __name__ == "__main__":
    sys.exit(main())
