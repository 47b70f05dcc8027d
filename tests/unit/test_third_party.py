"""What others wrote and the package carries is what THIRD-PARTY.md says."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".ttf", ".otf", ".woff2"}


def test_what_others_wrote_is_unaltered_and_all_of_it_is_named() -> None:
    named = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", (ROOT / "THIRD-PARTY.md").read_text(), re.MULTILINE))
    named = {path: digest for digest, path in named.items()}
    carried = [path for path in (ROOT / "src").rglob("*") if path.suffix in SUFFIXES or path.name.endswith(".min.js")]
    found = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in carried}
    assert found == named


def test_their_licences_are_in_the_package() -> None:
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license-files"]
    linked = re.findall(r"\[text\]\((\S+)\)", (ROOT / "THIRD-PARTY.md").read_text())
    assert set(linked) < set(files)
    assert all((ROOT / one).is_file() for one in files)
