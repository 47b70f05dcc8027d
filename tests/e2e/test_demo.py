"""The demo as a user runs it: what it decides, what it writes, and what it leaves behind."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from faceward.settings import cache_folder

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    said: str
    report: Path
    out: Path
    elsewhere: tuple[Path, ...]


class References(HTMLParser):
    """Collects everything that a browser would fetch or run, and the ids of what is inside."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [
            value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data", "action"}
        ]
        assert not [name for name, _ in attrs if name.startswith("on")]


def run(folder: Path, *options: str) -> Run:
    places = [folder / name for name in ("work", "home", "tmp")]
    for place in places:
        place.mkdir(parents=True)
    report, out = folder / "report.html", folder / "out"
    before = set(_pictures(ROOT / "demo"))
    environment = {
        **os.environ,
        "HOME": str(places[1]),
        "TMPDIR": str(places[2]),
        "FACEWARD_CACHE": str(cache_folder()),
        "COLUMNS": "160",
    }
    environment.pop("FACEWARD_PASSPHRASE", None)
    command = [sys.executable, str(ROOT / "demo" / "run.py"), "--out", str(out), "--report", str(report), *options]
    done = subprocess.run(
        command, check=False, cwd=places[0], env=environment, capture_output=True, text=True, timeout=300
    )
    elsewhere = [path for place in places for path in _pictures(place)]
    elsewhere += [path for path in _pictures(ROOT / "demo") if path not in before]
    return Run(done.returncode, done.stdout + done.stderr, report, out, tuple(elsewhere))


def _pictures(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file()]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("demo"), "--strangers", "1000")


def test_every_expectation_comes_about(shipped: Run) -> None:
    assert shipped.code == 0, shipped.said
    found = re.search(r"(\d+) of (\d+) expectations came about", shipped.said)
    assert found is not None
    assert found[1] == found[2]
    assert int(found[1]) >= 20


@pytest.mark.parametrize(
    "rendition", ["close crop", "tilted by 18°", "low light, noise", "small (45 %)", "JPEG, quality 15"]
)
@pytest.mark.parametrize("name", ["Eileen Collins", "Grace Hopper"])
def test_renditions_match_their_subject(shipped: Run, name: str, rendition: str) -> None:
    line = re.compile(rf"{name} +{name} +{re.escape(rendition)} +match +0\.\d{{3}}")
    assert line.search(shipped.said), shipped.said


def test_impostors_are_refused_and_their_scores_withheld(shipped: Run) -> None:
    assert re.search(r"Eileen Collins +Grace Hopper +close crop +non-match +withheld", shipped.said)
    assert re.search(r"Grace Hopper +Eileen Collins +close crop +non-match +withheld", shipped.said)


def test_who_is_not_enrolled_is_unknown(shipped: Run) -> None:
    assert "Eileen Collins: Eileen Collins, among 1,002 references" in shipped.said
    assert shipped.said.count("Grace Hopper: Grace Hopper, among 1,002 references") == 1
    assert "the synthetic bystander: unknown, among 1,002 references" in shipped.said


def test_C1_P1_E4_refusals_are_shown(shipped: Run) -> None:
    for rule in ("C1", "P1", "E4"):
        assert f"refused by rule {rule}: " in shipped.said


def test_T2_a_backup_does_not_bring_an_erased_subject_back(shipped: Run) -> None:
    assert "Eileen Collins: unknown, among 1,001 references" in shipped.said
    assert "Grace Hopper: Grace Hopper, among 1,001 references" in shipped.said
    assert "restored backup: 1 row of Eileen Collins, 0 keys for it" in shipped.said
    assert shipped.said.count("after in no file") == 4


def test_report_is_self_contained(shipped: Run) -> None:
    text = shipped.report.read_text(encoding="utf-8")
    references = References()
    references.feed(text)
    assert {"svg", "image", "table"} <= references.tags
    assert not references.tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert references.fetched
    assert all(value.startswith("data:image/jpeg;base64,") for value in references.fetched)
    assert "url(" not in text
    assert "@import" not in text


def test_report_holds_no_secret(shipped: Run) -> None:
    passphrase = (shipped.out / "passphrase").read_text(encoding="utf-8").strip()
    assert len(passphrase) >= 24
    assert passphrase not in shipped.report.read_text(encoding="utf-8") + shipped.said
    assert (shipped.out / "passphrase").stat().st_mode & 0o077 == 0


def test_no_picture_is_left_outside(shipped: Run) -> None:
    assert shipped.elsewhere == ()
    assert _pictures(shipped.out)


def test_a_folder_of_somebody_else_is_not_emptied(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("keep me")
    script = [sys.executable, str(ROOT / "demo" / "run.py")]
    done = subprocess.run([*script, "--out", str(out)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert (out / "letter.txt").read_text() == "keep me"
    assert len(done.stdout.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people with pictures enough, one file that is none, and what else lies in folders."""
    folder = tmp_path_factory.mktemp("photographs")
    for name, distribution, file in (
        ("Грейс <b>", "matplotlib", "grace_hopper.jpg"),
        ("Eileen", "scikit-image", "astronaut.png"),
    ):
        source = next(entry for entry in importlib.metadata.files(distribution) or [] if entry.name == file)
        (folder / name).mkdir()
        with Image.open(str(source.locate())) as opened:
            image = opened.convert("RGB")
        image.save(folder / name / "1.png")
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / name / "2.jpg")
        (folder / name / "3.jpg").write_bytes(b"not a picture")
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("a file among the folders")
    return folder


def test_own_photographs_run_the_same(photographs: Path, tmp_path: Path) -> None:
    own = run(tmp_path, "--photos", str(photographs), "--strangers", "50")
    assert own.code == 0, own.said
    assert re.search(r"Eileen +Eileen +2\.jpg +match", own.said)
    assert re.search(r"Грейс <b> +Грейс <b> +2\.jpg +match", own.said)
    assert "refused: 3.jpg: not a picture" in own.said
    text = own.report.read_text(encoding="utf-8")
    assert "Грейс &lt;b&gt;" in text
    assert "Грейс <b>" not in text
    assert own.elsewhere == ()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "no pictures in sub-folders"),
        (lambda folder: folder.rmdir(), "cannot be read"),
        (
            lambda folder: (folder / "A").mkdir() or (folder / "A" / "1.png").write_bytes(b"x"),
            "nobody has two pictures",
        ),
    ],
)
def test_folders_of_no_use_are_explained_in_one_line(make: object, says: str, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    assert callable(make)
    make(folder)
    done = run(tmp_path / "run", "--photos", str(folder))
    assert done.code == 2
    assert says in done.said
    assert len(done.said.strip().splitlines()) == 1
