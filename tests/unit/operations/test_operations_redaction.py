from __future__ import annotations

import os
import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceward.core.errors import BadInput, EnvironmentFailure, PolicyRefusal, UsageError
from faceward.operations.pictures import targets


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_only_those_named_stay_visible(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada", "Grace")
    group = world.picture("Eve", "Grace", "Ada")
    result = system.redact(group, world.folder / "out.png", keep=["Ada"])
    [picture] = result.pictures
    assert (picture.hidden, picture.kept) == (2, ("Ada",))
    assert pixels(Path(str(picture.output))).shape == pixels(group).shape
    assert (pixels(Path(str(picture.output))) != pixels(group)).any()
    history = system.subject("Ada").history
    assert [line.phase for line in history[-2:]] == ["begin", "end"]
    about = dict(history[-1].opened["subject/0"])
    assert about.pop("chain")["number"] == len(history)
    assert about == {"subject": "Ada", "outcome": "kept visible", "pictures": 1}


def test_no_face_is_kept_for_two_and_nobody_twice(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    system.enrol([world.picture("Ada")], subject="A. King", purpose="door", releases=world.release("A. King"))
    result = system.redact(world.picture("Ada", "Ada", "Ada"), world.folder / "o.png", keep=["Ada", "A. King"])
    assert result.pictures[0].kept == ("A. King", "Ada")
    assert result.pictures[0].hidden == 1


def test_everybody_is_hidden_where_nobody_is_named(world: Any) -> None:
    system = world.open()
    group = world.picture("Ada", "Grace")
    result = system.redact(group, world.folder / "o.png")
    assert result.pictures[0].hidden == 2
    assert world.fake(system).extracted == []
    # Nobody was compared with anything, so the picture is no probe.
    assert not system._deployment.store.counts().references
    system.enrol([world.picture("Ada")], subject="Ada", purpose="door", releases=world.release("Ada"))


def test_who_has_no_reference_cannot_be_kept(world: Any) -> None:
    system = world.open()
    with pytest.raises(UsageError, match="no reference"):
        system.redact(world.picture("Ada"), world.folder / "o.png", keep=["Ada"])
    world.enrol(system, "Ada")
    world.clock.advance(timedelta(days=500))
    with pytest.raises(UsageError, match="no reference"):
        system.redact(world.picture("Ada"), world.folder / "o.png", keep=["Ada"])
    assert not (world.folder / "o.png").exists()


def test_of_several_purposes_one_is_named(world: Any) -> None:
    system = world.open()
    system.add_purpose("lockers", basis="consent", fmr=1e-3, retention=timedelta(days=9), alternative="a badge")
    world.enrol(system, "Ada")
    world.enrol(system, "Ada", purpose="lockers")
    with pytest.raises(UsageError, match="--purpose"):
        system.redact(world.picture("Ada"), world.folder / "o.png", keep=["Ada"])
    result = system.redact(world.picture("Ada"), world.folder / "o.png", keep=["Ada"], purpose="lockers")
    assert result.pictures[0].kept == ("Ada",)


def test_P3_in_Illinois_nobody_is_kept_visible_without_a_purpose_of_consent(make_world: Any) -> None:
    world = make_world("illinois", jurisdiction="US-IL")
    system = world.open()
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=timedelta(days=9))
    system.enrol([world.picture("Ada")], subject="Ada", purpose="law", releases=world.release("Ada", purpose="law"))
    with pytest.raises(PolicyRefusal, match="rule P3"):
        system.redact(world.picture("Ada"), world.folder / "o.png", keep=["Ada"])


def test_a_folder_keeps_its_shape_and_odd_files_are_reported(world: Any) -> None:
    system = world.open()
    told: list[tuple[int, int]] = []
    for name in ("a.png", "deep/b.png", "deep/er/c.bmp"):
        world.picture("Ada", name=f"in/{name}")
    source, output = world.folder / "pictures" / "in", world.folder / "out"
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (source / "notes.txt").write_text("no picture", encoding="utf-8")
    result = system.redact(source, output, progress=lambda *numbers: told.append(numbers))
    assert {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()} == {
        "a.png",
        "deep/b.png",
        "deep/er/c.bmp",
    }
    [broken] = [picture for picture in result.pictures if picture.error]
    assert broken.output is None
    assert "broken.jpg" in str(broken.error)
    assert told[-1] == (4, 4)


@pytest.mark.parametrize("mode", ["pixelate", "blur", "fill"])
def test_every_mode_hides(world: Any, mode: str) -> None:
    system = world.open()
    picture = world.picture("Ada")
    result = system.redact(picture, world.folder / "o.png", mode=mode)
    assert result.mode == mode
    assert (pixels(world.folder / "o.png") != pixels(picture)).any()


def test_an_unknown_mode_is_a_wrong_call(world: Any) -> None:
    with pytest.raises(UsageError, match="unknown"):
        world.open().redact(world.picture("Ada"), world.folder / "o.png", mode="swirl")
    assert not (world.folder / "o.png").exists()


def test_an_output_that_cannot_be_written_leaves_nothing(world: Any) -> None:
    system = world.open()
    (world.folder / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        system.redact(world.picture("Ada"), world.folder / "file" / "o.png")
    *_, last = system.log_lines()
    assert (last.phase, last.opened["details"]["failed"]) == ("end", "EnvironmentFailure")


def test_a_plan_never_overwrites_a_source(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.gif"):
        (folder / name).touch()
    for output in (folder, folder / "out", folder / "deep"):
        with pytest.raises(UsageError, match="another folder"):
            targets(folder, output)
    with pytest.raises(UsageError, match="one of the originals"):
        targets(folder / "a.png", folder / "a.png")
    with pytest.raises(UsageError, match="one of the originals"):
        targets(folder / "a.png", folder)
    with pytest.raises(UsageError, match=r"cannot be written as '\.gif'"):
        targets(folder / "a.png", tmp_path / "out.gif")
    # By another way: a folder of the same name below it, or a link.
    (folder / "in").mkdir()
    (folder / "in" / "a.png").touch()
    with pytest.raises(UsageError, match="one of the originals"):
        targets(folder, tmp_path)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "in").symlink_to(folder / "in")
    with pytest.raises(UsageError, match="one of the originals"):
        targets(folder, linked)
    shutil.rmtree(folder / "in")
    with pytest.raises(UsageError, match="is a file"):
        targets(folder, _touched(tmp_path / "file.png"))
    assert {str(t.output.relative_to(tmp_path)) for t in targets(folder, tmp_path / "out")} == {
        "out/a.png",
        "out/deep/b.png",
    }
    # A format that cannot be written would become the name of another picture.
    (folder / "deep" / "b.png").touch()
    with pytest.raises(UsageError, match="one file"):
        targets(folder, tmp_path / "out")


def test_a_plan_for_one_picture_goes_to_a_file_or_into_a_folder(tmp_path: Path) -> None:
    picture = _touched(tmp_path / "a.gif")
    assert targets(picture, tmp_path / "b.jpg")[0].output == tmp_path / "b.jpg"
    assert targets(picture, tmp_path / "folder")[0].output == tmp_path / "folder" / "a.png"
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no pictures"):
        targets(tmp_path / "empty", tmp_path / "out")


def _touched(path: Path) -> Path:
    path.touch()
    return path


def test_L2_pictures_that_are_worked_on_at_once_open_a_gallery_once(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    at_once = os.cpu_count() or 1
    if at_once == 1:
        pytest.skip("one core works on one picture at a time")
    for number in range(at_once):
        world.picture("Ada", name=f"in/{number:03}.png")
    together, released = threading.Barrier(at_once), []
    world.fake(system).watch = lambda: together.wait(30)
    release = system._deployment.presenter.release

    def slow(claim: Any) -> Any:
        released.append(claim.gallery)
        time.sleep(0.2)
        return release(claim)

    monkeypatch.setattr(system._deployment.presenter, "release", slow)
    result = system.redact(world.folder / "pictures" / "in", world.folder / "out", keep=["Ada"])
    assert [picture.kept for picture in result.pictures] == [("Ada",)] * at_once
    assert released == ["door"]


def test_W7_a_stop_bites_within_a_folder(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    at_once = os.cpu_count() or 1
    for number in range(3 * at_once):
        world.picture("Ada", name=f"in/{number:03}.png")
    begun, lock = 0, threading.Lock()

    def stop() -> None:
        nonlocal begun
        with lock:
            begun += 1
            # By now one of them is done, so that the gallery is open for all.
            if begun == at_once + 1:
                system._deployment.custody.stop()

    world.fake(system).watch = stop
    result = system.redact(world.folder / "pictures" / "in", world.folder / "out", keep=["Ada"])
    assert 1 <= sum(picture.kept == ("Ada",) for picture in result.pictures) <= at_once
    refused = [picture for picture in result.pictures if not picture.kept]
    assert all(picture.output is None and "rule W7" in str(picture.error) for picture in refused)
