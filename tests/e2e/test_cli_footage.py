"""`faceward redact` on footage, as it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli


@pytest.fixture(scope="module")
def clip(clips: Any, hopper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("clip") / "in.mp4"
    one = clips.Pass("Grace", hopper, 0, 1.2, 90, ((0.3, 0.5), (0.5, 0.5)), face=(0.519, 0.390, 0.356, 0.341))
    clips.compose(
        path, clips.Scene((320, 240), 10, 1.2, "gradient", (one,), metadata={"location": "+48.1000+011.5000/"})
    )
    return path


def test_footage_is_redacted_with_a_report(cli: Cli, clip: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.mp4", tmp_path / "report.html"
    done = cli("redact", clip, "-o", out, "--report", report)
    assert done.code == 0
    assert "1 stay of faces hidden" in done.out
    assert "left out: metadata: creation_time" in done.out
    assert "Where to look" in report.read_text(encoding="utf-8")
    told = cli.json("redact", clip, "-o", out)
    assert (told["frames"], told["hidden"], told["kept"], told["error"]) == (12, 1, [], None)


def test_every_key_of_footage_is_documented(cli: Cli, clip: Path, tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = page.partition("### redact")[2].partition("\n## ")[0]
    for key in cli.json("redact", clip, "-o", tmp_path / "out.mkv"):
        assert f"`{key}`" in section, key


def test_footage_that_was_cut_off_is_written_and_told(cli: Cli, clip: Path, tmp_path: Path) -> None:
    import av

    whole = tmp_path / "whole.mkv"
    with av.open(str(clip)) as given, av.open(str(whole), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for number in range(4):
            given.seek(0)
            for packet in given.demux(video=0):
                if packet.dts is not None:
                    packet.pts += round(number * 1.2 / packet.time_base)
                    packet.dts += round(number * 1.2 / packet.time_base)
                    packet.stream = stream
                    made.mux(packet)
    (tmp_path / "in.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = cli("redact", tmp_path / "in.mkv", "-o", tmp_path / "out.mp4", "--json")
    assert done.code == 4
    assert "can be decoded" in done.err
    assert json.loads(done.out)["error"] is not None
    assert (tmp_path / "out.mp4").exists()


def test_what_belongs_to_footage_is_refused_for_pictures(cli: Cli, hopper: Path, tmp_path: Path) -> None:
    assert cli("redact", hopper, "-o", tmp_path / "o.png", "--report", tmp_path / "r.html").code == 2
    text = tmp_path / "in.mp4"
    text.write_text("no footage", encoding="utf-8")
    done = cli("redact", text, "-o", tmp_path / "out.mp4")
    assert (done.code, len(done.err.splitlines())) == (4, 1)


def test_a_GIF_is_a_picture_where_a_picture_is_asked_for(cli: Cli, clip: Path, tmp_path: Path) -> None:
    moving = tmp_path / "in.gif"
    assert cli("redact", clip, "-o", moving).code == 0
    assert cli.json("redact", moving, "-o", tmp_path / "still.png")["pictures"][0]["error"] is None
    assert cli.json("redact", moving, "-o", tmp_path / "out.gif")["frames"] == 12


def test_footage_shows_whom_it_is_to_show(cli: Cli, clip: Path, tmp_path: Path) -> None:
    told = cli.json("redact", clip, "-o", tmp_path / "out.mp4", "--keep", "Grace Hopper")
    assert isinstance(told["entry"], int)
    refused = cli("redact", clip, "-o", tmp_path / "no.mp4", "--keep", "Nobody")
    assert refused.code == 2
    assert not (tmp_path / "no.mp4").exists()
