from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import BadInput, NoFace, PolicyRefusal, SeveralFaces, UsageError


def outcomes(result: Any) -> list[str]:
    return [sample.outcome for sample in result.samples]


def test_every_picture_has_its_outcome_in_the_order_given(world: Any) -> None:
    system = world.open()
    text = world.folder / "letter.png"
    text.write_text("dear", encoding="utf-8")
    pictures = [
        world.picture("Ada"),
        text,
        world.picture(),
        world.picture("Ada", "Eve"),
        world.picture("Ada", blurred=True),
        world.folder / "missing.png",
        world.picture("Ada"),
    ]
    told: list[tuple[int, int]] = []
    result = system.enrol(
        pictures,
        subject="Ada",
        purpose="door",
        releases=world.release("Ada"),
        progress=lambda done, total: told.append((done, total)),
    )
    assert outcomes(result) == ["enrolled", *["rejected"] * 5, "enrolled"]
    assert [sample.exit_code for sample in result.samples] == [0, 4, 4, 4, 4, 4, 0]
    assert [sample.picture for sample in result.samples] == [str(path) for path in pictures]
    assert all(sample.reason and "\n" not in sample.reason for sample in result.samples if sample.exit_code)
    assert told == [(7, 7)]
    assert (result.gallery, result.purpose) == ("door", "door")
    assert system.status()["references"] == 2
    # Each that got as far as the network was announced and ended.
    assert world.log(system).count(("enrol", "begin")) == world.log(system).count(("enrol", "end")) == 5


@pytest.mark.parametrize(("people", "error"), [((), NoFace), (("Ada", "Eve"), SeveralFaces)])
def test_of_a_single_picture_the_failure_is_raised(world: Any, people: tuple[str, ...], error: type[Exception]) -> None:
    system = world.open()
    with pytest.raises(error):
        system.enrol([world.picture(*people)], subject="Ada", purpose="door", releases=world.release("Ada"))
    *_, last = system.log_lines()
    assert (last.phase, last.opened["details"]["outcome"]) == ("end", "rejected")
    assert system.status()["references"] == 0


def test_progress_is_told_batch_by_batch(world: Any) -> None:
    system = world.open()
    told: list[tuple[int, int]] = []
    for number in range(20):
        world.picture("Ada", name=f"people/Ada/{number:02}.png")
    result = system.enrol_folder(
        world.folder / "pictures" / "people",
        purpose="door",
        releases=world.release("Ada"),
        progress=lambda *numbers: told.append(numbers),
    )
    assert result.count("enrolled") == 20
    assert told[-1] == (20, 20)
    assert told == sorted(set(told))
    assert len(told) > 1


def test_a_repeated_enrolment_passes_over_what_is_enrolled(world: Any) -> None:
    system = world.open()
    first, second = world.picture("Ada"), world.picture("Ada")
    releases = world.release("Ada")
    assert outcomes(system.enrol([first], subject="Ada", purpose="door", releases=releases)) == ["enrolled"]
    assert outcomes(system.enrol([first], subject="Ada", purpose="door", releases=releases)) == ["already-enrolled"]
    result = system.enrol([first, second, second], subject="Ada", purpose="door", releases=releases)
    assert outcomes(result) == ["already-enrolled", "enrolled", "already-enrolled"]
    assert system.status()["references"] == 2
    assert world.fake(system).extracted == [first.name, second.name]
    # What is there is no way around the rules, nor a way to ask unseen whose picture it is.
    with pytest.raises(PolicyRefusal, match="rule C1"):
        system.enrol([first], subject="Ada", purpose="door")
    *_, again, denied = system.log_lines()
    assert denied.phase == "denied"
    assert again.opened["details"]["outcome"] == "enrolled"
    notes = [line for line in system.log_lines() if (line.operation, line.phase) == ("enrol", "note")]
    assert [note.opened["details"]["outcome"] for note in notes] == ["already-enrolled"] * 2


def test_a_repetition_of_a_rejected_sample_is_rejected_too(world: Any) -> None:
    system = world.open()
    blurred = world.picture("Ada", blurred=True)
    result = system.enrol([blurred, blurred], subject="Ada", purpose="door", releases=world.release("Ada"))
    assert outcomes(result) == ["rejected", "rejected"]
    assert result.samples[0].reason == result.samples[1].reason
    assert result.samples[1].exit_code == 4


def test_what_was_stored_before_a_failure_stays_and_the_rest_can_be_repeated(world: Any) -> None:
    system = world.open()
    pictures = [world.picture("Ada") for _ in range(20)]
    fake, releases = world.fake(system), world.release("Ada")

    def fail_late() -> None:
        if len(fake.extracted) >= 12:
            raise KeyboardInterrupt

    fake.watch = fail_late
    with pytest.raises(KeyboardInterrupt):
        system.enrol(pictures, subject="Ada", purpose="door", releases=releases)
    stored = system.status()["references"]
    assert stored == 8
    assert system.verify_log().unfinished == ()
    fake.watch = None
    result = system.enrol(pictures, subject="Ada", purpose="door", releases=releases)
    assert (result.count("already-enrolled"), result.count("enrolled")) == (8, 12)
    with world.opened(system) as gallery:
        gallery.check()


@pytest.mark.parametrize("who", ["Ада Лавлейс", "عائشة", "陳秀英", "Ngũgĩ wa Thiong'o", "a/../b", "%s {0}", "😀"])
def test_subjects_have_names_in_any_script(world: Any, who: str) -> None:
    system = world.open()
    world.enrol(system, who)
    assert world.found(system, who) == [who]
    assert system.subject(who).subject == who
    assert system.erase(who).references == 1


@pytest.mark.parametrize("who", ["", " ", "a\nb", "\u202eadA", "x" * 256])
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_done(world: Any, who: str) -> None:
    system = world.open()
    size = system.log_size
    for call in (
        lambda: system.enrol([world.picture("Ada")], subject=who, purpose="door"),
        lambda: system.verify(world.picture("Ada"), subject=who, purpose="door"),
        lambda: system.subject(who),
        lambda: system.erase(who),
    ):
        with pytest.raises(UsageError, match="subject name"):
            call()
    assert system.log_size == size
    assert world.fake(system).extracted == []


def test_names_are_found_in_any_spelling(world: Any) -> None:
    system = world.open(purpose="Caf\u00e9")
    decomposed = "Cafe\u0301"
    releases = world.release("Zo\u00eb", purpose="Caf\u00e9")
    picture = world.picture("Zoe")
    [sample] = system.enrol([picture], subject="Zoe\u0308", purpose=decomposed, releases=releases).samples
    assert (sample.outcome, sample.subject) == ("enrolled", "Zo\u00eb")
    assert system.verify(world.picture("Zoe"), subject="Zoe\u0308", purpose=f" {decomposed} ").decision == "match"
    result = system.identify(world.picture("Zoe"), gallery=decomposed, purpose=decomposed, reason="a test")
    assert result.probes[0].candidates[0].subject == "Zo\u00eb"
    assert system.rotate(decomposed) == 1
    kept = system.redact(world.picture("Zoe"), world.folder / "o.png", keep=["Zoe\u0308"], purpose=decomposed)
    assert kept.pictures[0].kept == ("Zo\u00eb",)


def test_a_purpose_can_have_several_galleries(world: Any) -> None:
    system = world.open()
    for who, gallery in (("Ada", "north"), ("Grace", "south")):
        picture = world.picture(who)
        result = system.enrol([picture], subject=who, purpose="door", releases=world.release(who), gallery=gallery)
        assert result.gallery == gallery
    assert [info.name for info in system.galleries()] == ["north", "south"]
    assert world.matches(system, "Grace")
    result = system.identify(world.picture("Grace"), gallery="north", purpose="door", reason="a test")
    assert result.probes[0].candidates == ()
    assert result.references == 1
    system.erase("Grace")
    assert [g["references"] for g in system.status()["galleries"]] == [1, 0]


def test_an_enrolment_without_pictures_is_a_wrong_call(world: Any) -> None:
    with pytest.raises(UsageError, match="no picture"):
        world.open().enrol([], subject="Ada", purpose="door")


def test_an_interrupted_creation_of_a_gallery_is_completed(world: Any) -> None:
    system = world.open()
    deployment = system._deployment
    note = b'{"purpose":"door","simulated":0}'
    deployment.store.add_document("gallery", "door", deployment.authenticated("gallery", "door", note))
    system = world.reopen()
    world.enrol(system, "Ada")
    assert world.found(system, "Ada") == ["Ada"]


def test_the_first_of_two_purposes_decides_what_a_gallery_is_for(world: Any) -> None:
    system = world.open()
    system.add_purpose("lockers", basis="consent", fmr=1e-3, retention=timedelta(days=9), alternative="a badge")
    system._deployment.create_gallery("shared", "door", "1" * 32)
    system._deployment.create_gallery("shared", "lockers", "2" * 32)
    assert system._deployment.keys.custodied("shared") == "1" * 32
    assert system._deployment.gallery_purpose("shared") == "door"
    with pytest.raises(PolicyRefusal, match="another purpose"):
        system.enrol(
            [world.picture("Ada")],
            subject="Ada",
            purpose="lockers",
            gallery="shared",
            releases=world.release("Ada", purpose="lockers"),
        )


def test_a_basis_without_release_enrols_without_one_and_records_none(world: Any) -> None:
    system = world.open()
    system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=timedelta(days=9))
    system.enrol([world.picture("Ada")], subject="Ada", purpose="law")
    [reference] = system.subject("Ada").references
    assert reference.record["release"] is None
    assert reference.record["basis"] == "legal-obligation"
    assert "a law orders it" in str(reference.record["notice"]).lower()


def test_the_record_says_whence_by_whom_and_under_which_release(world: Any, tmp_path: Path) -> None:
    system = world.open(operator="olga")
    picture = world.picture("Ada", name="ada at the gate.png")
    releases = world.release("Ada", evidence="drawer 7")
    system.enrol([picture], subject="Ada", purpose="door", releases=releases)
    [reference] = system.subject("Ada").references
    assert reference.record["source"]["name"] == "ada at the gate.png"
    assert reference.record["operator"] == "olga"
    assert reference.record["release"]["evidence"] == "drawer 7"
    assert set(reference.record["quality"]) >= {"sharpness", "inter_eye_distance"}


def test_what_is_no_regular_file_is_refused(world: Any) -> None:
    system = world.open()
    for odd in (world.folder, Path("/dev/zero"), world.folder / ("x" * 300), Path("nul\0name")):
        with pytest.raises(BadInput) as caught:
            system.enrol([odd], subject="Ada", purpose="door", releases=world.release("Ada"))
        assert "\n" not in str(caught.value)
