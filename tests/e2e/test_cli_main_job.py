"""The main job on the command line: enrol, verify, identify, redact, show, erase."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.e2e.conftest import Cli

ABOUT = ("--controller", "Museum", "--contact", "desk@museum.example")
EILEEN, GRACE, PURPOSE = "Eileen Collins", "Grace Hopper", "door"
COMPONENTS = {"inter_eye_distance", "sharpness", "illumination_uniformity", "under_exposure", "over_exposure",
              "pose_yaw", "pose_pitch", "pose_roll", "face_cropping"}  # fmt: skip


@pytest.fixture
def rendition(tmp_path: Path, eileen: Path) -> Path:
    """Another picture of Eileen: turned a little, darker, JPEG at low quality."""
    path = tmp_path / "rendition.jpg"
    with Image.open(eileen) as image:
        image.convert("RGB").rotate(6, Image.Resampling.BICUBIC).point(lambda v: int(v * 0.8)).save(path, quality=50)
    return path


@pytest.fixture
def group(tmp_path: Path, eileen: Path, grace: Path) -> Path:
    """Both women side by side."""
    canvas = Image.new("RGB", (1024, 512), "white")
    for number, path in enumerate((eileen, grace)):
        with Image.open(path) as image:
            canvas.paste(image.convert("RGB").resize((512, 512)), (512 * number, 0))
    canvas.save(tmp_path / "group.png")
    return tmp_path / "group.png"


def test_init_sets_up_a_deployment_that_status_describes(cli: Cli) -> None:
    status = cli.json("status")
    assert status["standard"] == "workplace"
    assert status["jurisdiction"] == "EU"
    assert status["references"] == 2
    assert [gallery["gallery"] for gallery in status["galleries"]] == [PURPOSE]
    assert cli.json("gallery", "list")["galleries"] == status["galleries"]
    for command in (("status",), ("gallery", "list")):
        assert PURPOSE in cli.ok(*command).out


def test_init_json_describes_what_was_set_up(bare: Cli, tmp_path: Path) -> None:
    shown = bare.json(
        "init", "--standard", "workplace", "--home", tmp_path / "new", "--passphrase-file", _secret(tmp_path), *ABOUT
    )
    assert shown["home"] == str(tmp_path / "new")
    assert (shown["standard"], shown["age"]) == ("workplace", False)


def test_init_says_what_notices_will_lack_and_that_a_passphrase_is_short(bare: Cli, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("eleven char\n")
    rest = ("--standard", "workplace", "--passphrase-file", tmp_path / "short")
    none, one = (bare.ok("init", "--home", tmp_path / name, *rest, *given).lines for name, given in
                 (("a", ()), ("b", ("--controller", "Museum"))))  # fmt: skip
    assert none[0].startswith("faceward: --controller and --contact left out: no notice to a subject will say who ")
    assert one[0] == "faceward: --contact left out: no notice to a subject will say how to reach the controller"
    assert "fewer than 12 characters" in one[1]
    long = ("--standard", "workplace", "--passphrase-file", _secret(tmp_path), *ABOUT)
    [line] = bare.ok("init", "--home", tmp_path / "c", *long).lines
    assert "keep a copy" in line


def _secret(folder: Path) -> Path:
    (folder / "secret").write_text("a long passphrase\n")
    return folder / "secret"


def test_an_age_identity_holds_the_master_key(bare: Cli, tmp_path: Path) -> None:
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(f"{identity}\n")
    home = ("--home", tmp_path / "aged")
    recipient = ("--recipient", str(identity.to_public()))
    assert bare.json("init", "--standard", "workplace", *home, "--identity", tmp_path / "key", *recipient, *ABOUT)[
        "age"
    ]
    assert bare.json("status", *home, "--identity", tmp_path / "key")["references"] == 0
    assert "--identity" in bare.refused(2, "status", *home)
    assert "--identity" in bare.refused(2, "init", "--standard", "workplace", *home, *recipient)


def test_purposes_are_added_and_listed(cli: Cli) -> None:
    added = cli.json("purpose", "add", "event", "--basis", "consent", "--fmr", "1e-3", "--retention", "24h",
                     "--fpir", "0.02", "--alternative", "a ticket")  # fmt: skip
    assert (added["name"], added["basis"], added["fmr"], added["fpir"]) == ("event", "consent", 1e-3, 0.02)
    assert [purpose["name"] for purpose in cli.json("purpose", "list")["purposes"]] == [PURPOSE, "event"]
    bare = ("purpose", "add", "tour", "--basis", "consent", "--fmr", "1e-3", "--retention", "24h")
    assert "rule C3" in cli.refused(3, *bare)
    assert cli.ok("purpose", "add", "law", "--basis", "legal-obligation", *bare[5:]).err == ""
    assert "24h" in cli.refused(2, "purpose", "add", "x", "--basis", "consent", "--fmr", "1e-3", "--retention", "soon")
    assert "P1" in cli.refused(3, "purpose", "add", "x", "--basis", "contract", "--fmr", "1e-3", "--retention", "1d")


def test_two_pictures_are_compared_without_a_deployment(bare: Cli, eileen: Path, grace: Path, rendition: Path) -> None:
    mated = bare.json("verify", eileen, rendition)
    other = bare.json("verify", eileen, grace)
    assert (mated["decision"], other["decision"]) == ("match", "non-match")
    assert mated["score"] > mated["operating_point"]["threshold"] > other["score"]
    assert mated["entry"] is None
    assert len(mated["faces"]) == 2
    shown = bare.ok("verify", eileen, rendition, "--fmr", "1e-4").out
    assert "match: at this threshold 1 in 10,000 strangers would be called a match (95 % interval" in shown
    assert "LFW View 1" in shown
    assert "●" in shown
    assert not bare.home.exists()


def test_a_picture_is_verified_against_a_subject(cli: Cli, grace: Path, rendition: Path) -> None:
    match = cli.json("verify", rendition, "--subject", EILEEN, "--purpose", PURPOSE)
    other = cli.json("verify", grace, "--subject", EILEEN, "--purpose", PURPOSE)
    assert (match["decision"], other["decision"]) == ("match", "non-match")
    # How far off an impostor is helps the impostor only.
    assert other["score"] is None
    assert other["entry"] > match["entry"]
    assert "score hidden" in cli.ok("verify", grace, "--subject", EILEEN, "--purpose", PURPOSE).out


def test_a_group_is_identified_and_a_stranger_is_unknown(
    cli: Cli, group: Path, bare: Cli, tmp_path: Path, grace: Path
) -> None:
    asked = ("--gallery", PURPOSE, "--purpose", PURPOSE, "--reason", "Test of the evening shift")
    found = cli.json("identify", group, *asked)
    assert {probe["candidates"][0]["subject"] for probe in found["probes"]} == {EILEEN, GRACE}
    assert found["references"] == 2
    assert 0 < found["operating_point"]["fpir"] <= 0.01
    shown = cli.ok("identify", group, *asked, "--top", "1").out
    assert "a candidate is a lead, not a finding" in shown
    cli.ok("subject", "erase", GRACE, "--yes")
    unknown = cli.json("identify", grace, *asked)
    assert [probe["outcome"] for probe in unknown["probes"]] == ["unknown"]
    assert "unknown" in cli.ok("identify", grace, *asked).out


def test_detection_reports_boxes_landmarks_and_quality(bare: Cli, group: Path) -> None:
    found = bare.json("detect", group)
    assert (found["width"], found["height"], len(found["faces"])) == (1024, 512, 2)
    for face in found["faces"]:
        assert set(face["landmarks"]) == {"right_eye", "left_eye", "nose", "mouth_right", "mouth_left"}
        assert set(face["quality"]) == COMPONENTS
    assert "2 faces" in bare.ok("detect", group).out


def test_redaction_hides_everybody_and_needs_no_deployment(bare: Cli, group: Path, tmp_path: Path) -> None:
    for mode in ("pixelate", "blur", "fill"):
        done = bare.json("redact", group, "-o", tmp_path / f"{mode}.png", "--mode", mode)
        assert (done["mode"], done["pictures"][0]["hidden"]) == (mode, 2)
        assert (tmp_path / f"{mode}.png").stat().st_size > 1000
    assert "2" in bare.ok("redact", group, "-o", tmp_path / "again.png").out


def test_redaction_keeps_who_is_named(cli: Cli, group: Path, tmp_path: Path) -> None:
    done = cli.json("redact", group, "-o", tmp_path / "kept.png", "--keep", EILEEN, "--purpose", PURPOSE)
    assert done["pictures"][0]["kept"] == [EILEEN]
    assert done["pictures"][0]["hidden"] == 1
    assert done["entry"] is not None
    assert "--keep" in cli.refused(2, "redact", group, "-o", tmp_path / "x.png", "--purpose", PURPOSE)


def test_a_folder_is_redacted_and_says_what_was_left_out(bare: Cli, group: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(group, folder / "good.png")
    (folder / "bad.png").write_bytes(b"no picture")
    outcome = bare("redact", folder, "-o", tmp_path / "out", "--json")
    assert outcome.code == 4
    assert [bool(picture["error"]) for picture in outcome.json()["pictures"]] == [True, False]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    shown = bare("redact", folder, "-o", tmp_path / "out2")
    assert (shown.code, len(shown.lines)) == (4, 1)
    assert "1 picture of 2 left out" in shown.err


def test_redaction_tells_of_files_passed_over_and_pictures_without_a_face(
    bare: Cli, group: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(group, folder / "good.png")
    Image.new("RGB", (64, 64)).save(folder / "empty.png")
    for name in ("a.heic", "sub/b", ".DS_Store"):
        (folder / name).touch()
    shown = bare.ok("redact", folder, "-o", tmp_path / "out")
    assert shown.lines == [
        f"faceward: no face found in {folder / 'empty.png'}: look at it before publishing it",
        "faceward: 2 files passed over, not pictures of a known format: a.heic, sub/b",
    ]
    assert bare.json("redact", folder, "-o", tmp_path / "out2")["passed_over"] == ["a.heic", "sub/b"]
    one = bare.ok("redact", folder / "empty.png", "-o", tmp_path / "one.png")
    assert [line for line in one.lines if "look at it before publishing it" in line]


def test_a_mode_of_redaction_that_is_none_is_said_in_plain_words(bare: Cli) -> None:
    line = bare.refused(2, "redact", "a.png", "-o", "b.png", "--mode", "emoji")
    assert line == "--mode 'emoji' is unknown; give one of blur, pixelate, fill"


def test_enrolment_is_resumed_by_repeating_it(cli: Cli, eileen: Path, release: Callable[[str], Path]) -> None:
    again = cli.json("enrol", eileen, "--subject", EILEEN, "--purpose", PURPOSE, "--release", release(EILEEN))
    assert (again["enrolled"], again["already_enrolled"], again["rejected"]) == (0, 1, 0)


@pytest.fixture
def release(tmp_path: Path) -> Callable[[str], Path]:
    from itertools import count

    numbers = count()

    def write(subject: str) -> Path:
        path = tmp_path / f"{next(numbers)}.toml"
        path.write_text(f'subject = "{subject}"\npurpose = "{PURPOSE}"\nsigned = 2020-01-01\nterm = "99y"\n')
        return path

    return write


def test_a_folder_with_a_subfolder_a_subject_is_enrolled(
    cli: Cli, eileen: Path, grace: Path, tmp_path: Path, release: Callable[[str], Path]
) -> None:
    photos = tmp_path / "photos"
    for subject, picture in (("Ωμέγα", eileen), ("张伟", grace), ("🙂 O'Neil: [bold]x", eileen), ("no release", grace)):
        (photos / subject).mkdir(parents=True)
        shutil.copy(picture, photos / subject)
        if subject != "no release":
            release(subject).rename(photos / subject / "release.toml")
    outcome = cli("enrol", photos, "--purpose", PURPOSE, "--json")
    done = outcome.json()
    assert outcome.code == 3, "every rejection is the policy's"
    assert (done["enrolled"], done["rejected"]) == (3, 1)
    rejected = next(sample for sample in done["samples"] if sample["outcome"] == "rejected")
    assert rejected["subject"] == "no release"
    shown = cli("enrol", photos, "--purpose", PURPOSE)
    assert shown.code == 3
    assert "🙂 O'Neil: [bold]x" in shown.out, "names are printed as they are"
    assert "0 enrolled, 3 already enrolled, 1 rejected." in shown.out
    assert shown.lines == ["faceward: 1 picture of 4 rejected; the table says why"]
    for name in ("Ωμέγα", "张伟", "🙂 O'Neil: [bold]x"):
        assert cli.json("subject", "show", name)["subject"] == name
        assert name in cli.ok("subject", "show", name).out


def test_a_folder_of_one_subject_is_enrolled(
    cli: Cli, eileen: Path, rendition: Path, tmp_path: Path, release: Callable[[str], Path]
) -> None:
    folder = tmp_path / "ada"
    folder.mkdir()
    shutil.copy(rendition, folder / "1.jpg")
    shutil.copy(eileen, folder / "2.png")
    (folder / "notes.txt").write_text("not a picture")
    done = cli.json("enrol", folder, "--subject", "Ada", "--purpose", PURPOSE, "--release", release("Ada"),
                    "--release", release("Somebody else"))  # fmt: skip
    assert (done["enrolled"], done["rejected"]) == (2, 0)
    assert done["passed_over"] == ["notes.txt"]


def test_enrolment_of_a_folder_tells_of_files_passed_over(
    cli: Cli, eileen: Path, tmp_path: Path, release: Callable[[str], Path]
) -> None:
    people = tmp_path / "people"
    (people / "Ada").mkdir(parents=True)
    shutil.copy(eileen, people / "Ada")
    for name in ("a.heic", "b", ".DS_Store"):
        (people / "Ada" / name).touch()
    given = release("Ada").rename(people / "Ada" / "signed.toml")
    shown = cli.ok("enrol", people, "--purpose", PURPOSE, "--release", given)
    assert shown.lines == ["faceward: 2 files passed over, not pictures of a known format: Ada/a.heic, Ada/b"]
    again = cli.json("enrol", people, "--purpose", PURPOSE, "--release", given)
    assert again["passed_over"] == ["Ada/a.heic", "Ada/b"]


def test_a_release_is_written_from_the_template(bare: Cli, cli: Cli, eileen: Path, tmp_path: Path) -> None:
    template = ("release", "template", "--subject", 'Ada "B"', "--purpose", PURPOSE, "--term", "90d",
                "--alternative", "a badge")  # fmt: skip
    text = bare.ok(*template).out
    assert bare.json(*template)["file"] == text
    assert "a way without face recognition: a badge." in text
    enrol = ("enrol", eileen, "--subject", 'Ada "B"', "--purpose", PURPOSE, "--release", tmp_path / "ada.toml")
    (tmp_path / "ada.toml").write_text(text)
    assert "the day of signature is missing; write it" in cli.refused(4, *enrol)
    (tmp_path / "ada.toml").write_text(text.replace('signed = ""', "signed = 2020-01-31"))
    assert cli.json(*enrol)["enrolled"] == 1
    assert "--term" in bare.refused(2, "release", "template", "--subject", "A", "--purpose", "p", "--term", "1 moon")


def test_a_subject_sees_and_takes_along_what_is_held(cli: Cli, tmp_path: Path) -> None:
    shown = cli.json("subject", "show", EILEEN)
    assert [reference["purpose"] for reference in shown["references"]] == [PURPOSE]
    assert [line["operation"] for line in shown["history"]][:2] == ["enrol", "enrol"]
    assert "1 reference of Eileen Collins" in cli.ok("subject", "show", EILEEN).out
    exported = cli.json("subject", "export", EILEEN)
    assert exported["subject"] == EILEEN
    written = cli.json("subject", "export", EILEEN, "-o", tmp_path / "eileen.json")
    assert written == {"subject": EILEEN, "output": str(tmp_path / "eileen.json")}
    kept = json.loads((tmp_path / "eileen.json").read_text())
    assert kept["references"] == exported["references"]
    assert (tmp_path / "eileen.json").stat().st_mode & 0o777 == 0o600
    assert "written to" in cli.ok("subject", "export", EILEEN, "-o", tmp_path / "eileen.json").out


def test_a_subject_is_given_the_notice(cli: Cli) -> None:
    [notice] = cli.json("subject", "notice", EILEEN)["notices"]
    assert "Eileen Collins" in notice
    assert "desk@museum.example" in notice
    assert cli.ok("subject", "notice", EILEEN).out.strip() == notice.strip()


def test_T2_erasure_leaves_a_receipt_and_a_copy_that_cannot_be_opened(cli: Cli, eileen: Path, tmp_path: Path) -> None:
    backup = tmp_path / "gallery.db"
    shutil.copy(cli.home / "gallery.db", backup)
    cli.refused(2, "subject", "erase", EILEEN)
    done = cli.json("subject", "erase", EILEEN, "--yes", "--receipt", tmp_path / "receipt")
    assert done["references"] == 1
    assert (tmp_path / "receipt").read_text() == done["receipt"]
    proven = cli.json("audit", "check", tmp_path / "receipt")
    assert (proven["operation"], proven["entry"]) == ("subject.erase", done["entry"])
    for leftover in cli.home.glob("gallery.db*"):
        leftover.unlink()
    shutil.copy(backup, cli.home / "gallery.db")
    assert cli("verify", eileen, "--subject", EILEEN, "--purpose", PURPOSE).code != 0


def test_an_erasure_prints_the_receipt_where_no_file_is_named(cli: Cli) -> None:
    assert "tlog-proof" in cli.ok("subject", "erase", EILEEN, "-y").out


def test_an_erasure_whose_receipt_has_nowhere_to_go_is_not_begun(cli: Cli, tmp_path: Path) -> None:
    cli.refused(1, "subject", "erase", EILEEN, "--yes", "--receipt", tmp_path / "missing" / "receipt")
    cli.refused(2, "subject", "erase", EILEEN, "--yes", "--receipt", tmp_path)
    assert len(cli.json("subject", "show", EILEEN)["references"]) == 1
    assert not list(tmp_path.glob(".*.part"))


def test_the_log_is_shown_verified_and_proven(cli: Cli, tmp_path: Path) -> None:
    entries = cli.json("audit", "show", "--last", "3")["entries"]
    assert [entry["index"] for entry in entries] == list(range(entries[0]["index"], entries[0]["index"] + 3))
    assert "enrol" in cli.ok("audit", "show").out
    report = cli.json("audit", "verify")
    assert report["verified"]
    # To show the log is an entry itself.
    assert report["size"] > entries[-1]["index"] + 1
    kept = cli.json("audit", "checkpoint", "-o", tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").read_text() == kept["checkpoint"]
    cli.ok("verify", _any(cli), "--subject", EILEEN, "--purpose", PURPOSE)
    later = cli.json("audit", "verify", "--earlier", tmp_path / "checkpoint")
    assert (later["earlier"], later["size"]) == (kept["size"], kept["size"] + 2)
    proof = cli.ok("audit", "prove", "4").out
    assert cli.json("audit", "prove", "4")["proof"].splitlines()[:3] == proof.splitlines()[:3]
    cli.ok("audit", "prove", "4", "-o", tmp_path / "proof")
    shutil.copy(cli.home / "log.vkey", tmp_path / "key")
    assert "Entry 4 is in the log" in cli.ok("audit", "check", tmp_path / "proof", "--key", tmp_path / "key").out
    assert "all of them as they were when signed" in cli.ok("audit", "verify").out


def _any(cli: Cli) -> Path:
    from importlib.metadata import distribution

    return Path(str(distribution("scikit-image").locate_file("skimage/data/astronaut.png")))


def test_the_log_is_verified_without_the_passphrase_and_with_a_key_kept_outside(
    cli: Cli, bare: Cli, tmp_path: Path
) -> None:
    assert cli.ok("audit", "verify", FACEWARD_PASSPHRASE=None).code == 0
    key = tmp_path / "key"
    shutil.copy(cli.home / "log.vkey", key)
    assert cli.json("audit", "verify", "--key", key)["verified"]
    # Whoever signed the log anew put the new key into the folder as well.
    bare.ok("init", "--standard", "workplace", "--home", tmp_path / "other", FACEWARD_PASSPHRASE="another secret")
    shutil.copy(tmp_path / "other" / "log.vkey", key)
    cli.refused(5, "audit", "verify", "--key", key)
    key.write_text("")
    assert "no key" in cli.refused(4, "audit", "verify", "--key", key)


def test_packs_are_listed_and_verified(bare: Cli) -> None:
    [pack] = bare.json("packs", "list")["packs"][:1]
    assert pack["name"] == "centerface-dlib"
    assert pack["commercial"]
    assert "MIT" in bare.ok("packs", "list").out
    [checked] = bare.json("packs", "verify", "centerface-dlib")["packs"]
    assert all(file["intact"] for file in checked["files"])
    assert "yes" in bare.ok("packs", "verify").out


def test_the_benchmark_gives_medians(bare: Cli) -> None:
    figures = bare.json("bench")
    assert set(figures) == {"pack", "threads", "rounds", "detect", "embed", "search"}
    assert figures["search"]["references"] == 100_000
    assert min(figures["detect"]["median_ms"], figures["embed"]["median_ms"], figures["search"]["ratio"]) > 0


def test_the_version_is_printed(bare: Cli) -> None:
    from faceward import __version__

    assert bare.ok("--version").out == bare.ok("version").out == f"faceward {__version__}\n"
    assert bare.json("version") == bare.json("--version") == {"version": __version__}


@pytest.mark.data
def test_a_folder_of_people_is_enrolled_searched_and_redacted(
    cli: Cli, synthetic_faces: list[Path], tmp_path: Path
) -> None:
    people = tmp_path / "people"
    for number, picture in enumerate(synthetic_faces[:12]):
        (people / f"person {number}").mkdir(parents=True)
        shutil.copy(picture, people / f"person {number}")
    releases = tmp_path / "releases.csv"
    rows = "".join(f"person {number},{PURPOSE},2020-01-01,99y\n" for number in range(12))
    releases.write_text(f"subject,purpose,signed,term\n{rows}")
    done = cli("enrol", people, "--purpose", PURPOSE, "--release", releases, "--json").json()
    enrolled = [sample for sample in done["samples"] if sample["outcome"] == "enrolled"]
    assert len(enrolled) + done["rejected"] == 12
    assert len(enrolled) >= 8, done
    asked = ("--gallery", PURPOSE, "--purpose", PURPOSE, "--reason", "Test of a search")
    for sample in enrolled[:3]:
        found = cli.json("identify", sample["picture"], *asked)
        assert found["probes"][0]["candidates"][0]["subject"] == sample["subject"]
    redacted = cli("redact", people, "-o", tmp_path / "out", "--json").json()
    assert all(picture["hidden"] >= 1 for picture in redacted["pictures"])
