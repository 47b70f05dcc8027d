"""The card of a pack from the command line."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


def test_V1_packs_card_needs_no_deployment(bare: Any, tmp_path: Path) -> None:
    made = bare("packs", "card", "centerface-dlib", "--out", tmp_path / "card", "--json")
    files = made.json()["files"]
    assert [Path(file["path"]).name for file in files] == ["model-card.html", "model-card.pdf"]
    for file in files:
        assert hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert "Model card of the pack centerface-dlib" in Path(files[0]["path"]).read_text()
    assert "model-card.html" in bare.ok("packs", "card", "centerface-dlib", "--out", tmp_path / "card").out


def test_V1_packs_card_refuses_what_it_cannot_do(bare: Any, tmp_path: Path) -> None:
    assert "no-pack" in bare.refused(2, "packs", "card", "no-pack", "--out", tmp_path)
    (tmp_path / "file").write_text("")
    assert "is a file" in bare.refused(2, "packs", "card", "centerface-dlib", "--out", tmp_path / "file")
