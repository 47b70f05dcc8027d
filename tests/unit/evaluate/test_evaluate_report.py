"""Reports: what stands in them, what must not, and that they are the same each time."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
import shutil
import subprocess
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from faceward.core.canonical import JSONValue
from faceward.core.errors import EnvironmentFailure, UsageError
from faceward.core.rates import EXTRAPOLATED, Rate
from faceward.documents.as_html import render_html
from faceward.documents.as_pdf import render_pdf
from faceward.documents.content import Document, Figure
from faceward.evaluate import report as reporting
from faceward.evaluate.outcome import Hardest, Outcome
from faceward.evaluate.report import Options, report, write
from faceward.evaluate.report_words import crowd, galleries, limits, shown, strictest, summary, usual
from faceward.policy.evaluation import DataBasis


def _kit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_kit", Path(__file__).with_name("report_kit.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kit = _kit()


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "col", "use", "path", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "use", "rect"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    made: Outcome = kit.outcome(tmp_path_factory.mktemp("noise"))
    return made


@pytest.fixture(scope="module")
def document(outcome: Outcome) -> Document:
    return report(outcome, Options(crop=kit.crop))


@pytest.fixture(scope="module")
def page(document: Document) -> bytes:
    return render_html(document)


@pytest.fixture(scope="module")
def pdf(document: Document) -> bytes:
    return render_pdf(document)


def pdf_text(data: bytes, folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    (folder / "x.pdf").write_bytes(data)
    done = subprocess.run(["pdftotext", "-raw", folder / "x.pdf", "-"], capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def test_V1_a_report_is_well_formed_and_each_figure_says_what_it_shows(page: bytes) -> None:
    found = Page(page)
    assert not found.open
    drawings = [attributes for tag, attributes in found.tags if attributes.get("role") == "img"]
    assert len(drawings) == sum(tag == "svg" for tag, _ in found.tags) == 8
    assert all(len(attributes["aria-label"] or "") > 30 for attributes in drawings)
    images = [attributes for tag, attributes in found.tags if tag == "img"]
    assert len(images) == 12
    assert all(attributes["alt"] for attributes in images)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 0


def test_V1_a_report_loads_nothing_and_runs_nothing(page: bytes) -> None:
    found = Page(page)
    assert not {"script", "iframe", "link", "object", "form", "a", "image", "foreignobject"} & {
        t for t, _ in found.tags
    }
    assert page.count(b"<style") == 1
    assert not [key for _, attributes in found.tags for key in attributes if key.startswith("on")]
    for _, attributes in found.tags:
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert (attributes.get("xlink:href") or "#").startswith("#")
        assert (attributes.get("href") or "#").startswith("#")
    assert b"default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert kit.HOSTILE in found.text


def test_V1_the_report_says_the_rates_in_words_and_how_to_measure_again(
    outcome: Outcome, page: bytes, pdf: bytes, tmp_path: Path
) -> None:
    evaluation = outcome.evaluation
    main = usual(evaluation.points)
    assert main is not None
    text = " ".join(Page(page).text.split())
    for said in (text, pdf_text(pdf, tmp_path)):
        flat = said.replace("\u00a0", " ")
        assert f"At a threshold of {main.threshold:.4f}: of 1,000 strangers compared with one reference" in flat
        assert f"{main.fnmr.estimate * 100:.1f} (" in flat
        assert evaluation.command in flat
        assert evaluation.digest() in flat.replace(" ", "")
        assert "Look for label errors here" in flat
        assert "Too small for a claim: sex=other (3 people, and a claim needs 30)" in flat
        assert "an FMR of 1e-06: 60 people support none below 1e-04" in flat
        assert "that is what it costs" in flat
        assert "Cllr" in flat


def test_V1_the_same_outcome_gives_the_same_bytes(outcome: Outcome, page: bytes, pdf: bytes) -> None:
    again = report(outcome, Options(crop=kit.crop))
    assert (render_html(again), render_pdf(again)) == (page, pdf)


@pytest.mark.parametrize(
    ("basis", "option"),
    [(DataBasis.CONSENTED, False), (DataBasis.REVIEWED, False), (DataBasis.PUBLIC_RESEARCH, True)],
)
def test_V3_no_face_and_no_name_of_private_data_leaves(
    outcome: Outcome, basis: DataBasis, option: bool, tmp_path: Path
) -> None:
    base = kit.light(outcome)
    private = replace(base, evaluation=replace(base.evaluation, points=(), data=kit.data_set(basis)))
    document = report(private, Options(private=option, crop=kit.crop))
    html = render_html(document)
    assert "Ada_" not in Page(html).text
    assert b"Ada_" not in html
    assert "Ada_" not in pdf_text(render_pdf(document), tmp_path)
    originals = np.stack([kit.crop(path) for path in outcome.sample_files]).reshape(len(outcome.sample_files), -1)
    embedded = re.findall(rb"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", html)
    assert len(embedded) == 12
    for data in embedded:
        assert _likeness(base64.b64decode(data), originals) < 0.4


def test_V3_public_faces_are_shown_as_they_are(outcome: Outcome, page: bytes) -> None:
    originals = np.stack([kit.crop(path) for path in outcome.sample_files]).reshape(len(outcome.sample_files), -1)
    embedded = re.findall(rb"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    assert [_likeness(base64.b64decode(data), originals) > 0.9 for data in embedded] == [True] * 12
    for pair in (*outcome.hardest.mated, *outcome.hardest.nonmated):
        assert Path(outcome.sample_names[pair.first]).name in page.decode()


def _likeness(data: bytes, originals: np.ndarray) -> float:
    """Return the highest correlation of a picture with any of the originals."""
    with Image.open(io.BytesIO(data)) as opened:
        pixels = np.asarray(opened.convert("RGB"), dtype=np.float64).ravel()
    centred = originals - originals.mean(axis=1, keepdims=True)
    own = pixels - pixels.mean()
    return float(np.max(centred @ own / (np.linalg.norm(centred, axis=1) * np.linalg.norm(own) + 1e-9)))


def test_V3_without_a_crop_pairs_are_listed_and_private_ones_by_hash(outcome: Outcome) -> None:
    base = kit.light(outcome)
    private = replace(base, evaluation=replace(base.evaluation, points=(), data=kit.data_set(DataBasis.CONSENTED)))
    html = render_html(report(private, Options())).decode()
    assert "<img" not in html
    assert "img-src" not in html
    assert "Ada_" not in html


def test_V1_a_report_is_written_whole_and_private_to_its_owner(outcome: Outcome, tmp_path: Path) -> None:
    outcome = replace(kit.light(outcome), scores=None)
    html, pdf = write(outcome, tmp_path / "new" / "folder", False)
    assert html.read_bytes().startswith(b"<!doctype html>")
    assert pdf.read_bytes().startswith(b"%PDF-1.4")
    assert {path.stat().st_mode & 0o777 for path in (html, pdf)} == {0o600}
    assert sorted(html.parent.iterdir()) == [html, pdf]
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        write(outcome, tmp_path / "file", False)


def test_V1_nothing_is_written_where_the_folder_cannot_be(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailure, match="choose another place"):
        write(replace(kit.light(outcome), scores=None), tmp_path / "file" / "below", False)


def test_V1_the_environment_names_software_and_no_machine() -> None:
    said = dict(reporting.environment())
    assert re.search(r"faceward \d+\.\d+\.\d+, numpy \d", said["Software"])
    assert int(said["Processors"]) >= 1
    assert Path.home().as_posix() not in repr(said)


@pytest.mark.parametrize("lack", ["points", "scores", "one point", "everything"])
def test_V1_a_report_of_less_has_no_empty_part(outcome: Outcome, lack: str) -> None:
    base = kit.light(outcome)
    changed = {
        "points": replace(base, evaluation=replace(base.evaluation, points=())),
        "scores": replace(base, scores=None, hardest=Hardest((), ())),
        "one point": replace(base, evaluation=replace(base.evaluation, points=base.evaluation.points[:1])),
        "everything": replace(base, evaluation=replace(base.evaluation, points=()), scores=None, details={}),
    }[lack]
    document = report(changed, Options(crop=kit.crop))
    titles = " ".join(section.title for section in document.sections)
    absent = {"points": "Operating", "scores": "Nearest", "everything": "else", "one point": "Searching"}
    for title in (absent[lack], "Groups", "Searching", "Likelihood"):
        assert title not in titles
    assert all(section.blocks for section in document.sections)
    assert render_html(document)
    assert render_pdf(document)


def test_V1_zero_errors_are_never_said_to_be_none_at_all(outcome: Outcome) -> None:
    nothing = Rate(0.0, 0.0, 3 / 180, 0, 180, "rule of three")
    none = Rate(0.0, 0.0, 3 / 5000, 0, 5000, "rule of three")
    point = replace(outcome.evaluation.points[0], fmr=none, fnmr=nothing)
    evaluation = replace(outcome.evaluation, points=(point,), fairness=(), identification=())
    said = " ".join(summary(evaluation)).replace("\u00a0", " ")
    assert "none of 5,000 comparisons of strangers" in said
    assert "no better claim than 1 in 1,670" in said
    assert "none of the 180 seen (at most 1.7 of 100)" in said
    assert galleries((point,)).rows[3][1].replace("\u00a0", " ") == "at most 99.8 %"
    assert any("support no false-match rate below" in text for text in limits(evaluation, ()))


@pytest.mark.parametrize(("rate", "size", "expected"), [(1e-3, 1000, 0.63230), (1e-5, 100, 9.995e-4), (0, 10, 0)])
def test_V1_the_chance_that_a_stranger_is_found_grows_with_the_gallery(rate: float, size: int, expected: float) -> None:
    assert crowd(rate, size) == pytest.approx(expected, rel=1e-4)
    assert crowd(1.0, size) == 1


def test_V1_points_are_chosen_by_what_they_tell(outcome: Outcome) -> None:
    first = outcome.evaluation.points[0]
    rates = (1e-1, 3e-2, 1e-2, 1e-3, 1e-4, 1e-5)
    points = tuple(
        replace(first, threshold=0.5 + place / 10, fmr=Rate(fmr, fmr / 2, fmr * 2, 9, 100, "wilson"))
        for place, fmr in enumerate(rates)
    )
    points = (*points, replace(points[-1], threshold=2.0, extrapolated=True))
    chosen = usual(points)
    assert chosen is not None
    assert chosen.fmr.estimate == 1e-3
    assert strictest(points) == points[5]
    assert len(shown(points)) == 4
    assert {points[0], points[3], points[5], points[6]} == set(shown(points))
    assert usual(()) is strictest(()) is None


def test_V2_a_difference_that_chance_may_explain_is_called_that(outcome: Outcome) -> None:
    [one] = outcome.evaluation.fairness
    said = " ".join(summary(outcome.evaluation))
    assert "'sex=female' are most often taken for somebody else, 1.40 times" in said
    assert "so that chance may explain it" in said
    sure = replace(one.differentials[0], ratio=replace(one.differentials[0].ratio, low=1.2))
    evaluation = replace(outcome.evaluation, fairness=(replace(one, differentials=(sure,)),))
    assert "chance may explain" not in " ".join(summary(evaluation))


def said_by(made: Outcome) -> str:
    return " ".join(Page(render_html(report(made, Options()))).text.split()).replace("\u00a0", " ")


def test_V1_the_rate_of_an_extrapolated_point_is_a_bound_wherever_it_stands(outcome: Outcome) -> None:
    base = kit.light(outcome)
    last = base.evaluation.points[-1]
    bound = Rate(1e-4, 1e-8, 1e-4, 0, last.fmr.trials, EXTRAPOLATED)
    points = (*base.evaluation.points[:-1], replace(last, fmr=bound, gfar=bound))
    said = said_by(replace(base, evaluation=replace(base.evaluation, points=points)))
    assert "at most 1 in 10,000" in said
    assert "at most 63.2 %" in said
    assert "upper end of its 95 % interval" in said
    assert "100,000,000" not in said


def test_V2_a_report_without_labels_promises_no_groups_and_says_so(outcome: Outcome) -> None:
    with_groups, without = said_by(outcome), said_by(kit.light(outcome))
    assert "and for whom" in with_groups
    assert "groups of people was not measured" not in with_groups
    assert "for whom" not in without
    assert "groups of people was not measured: it takes labels" in without


@pytest.mark.parametrize(
    ("kind", "details", "word"),
    [
        ("identification", {}, "a search for somebody whom a gallery does not know"),
        ("identification", {"reviewed": {"alerts": 3}}, "people who reviewed its alerts"),
        ("detection", {"detection": {"none": asdict(Rate(0.5, 0.4, 0.6, 5, 10, "wilson"))}}, "in how many pictures"),
        ("speed", {"speed": {"cores": 2}}, "how many pictures a second"),
    ],
)
def test_V1_a_report_begins_with_what_was_measured(
    outcome: Outcome, kind: str, details: dict[str, JSONValue], word: str
) -> None:
    base = kit.light(outcome)
    evaluation = replace(base.evaluation, points=(), mated=0, nonmated=0)
    said = said_by(replace(base, kind=kind, evaluation=evaluation, scores=None, details=details))
    assert word in said
    assert "takes one person for another" not in said
    assert "0 / 0" not in said
    assert ("intervals are taken over people" in said) is (kind == "identification")
    if kind == "detection":
        assert "pictures without a face found" in said
        assert "50.0 % (40.0 to 60.0 %)" in said


def test_V1_one_threshold_is_not_the_first_of_several(outcome: Outcome) -> None:
    first = outcome.evaluation.points[1]
    stricter = replace(first, threshold=first.threshold + 0.02, fmr=Rate(1e-5, 1e-6, 1e-4, 1, 100_000, "wilson"))
    several = " ".join(summary(replace(outcome.evaluation, points=(first, stricter))))
    one = " ".join(summary(replace(outcome.evaluation, points=outcome.evaluation.points[:1])))
    assert "the first of these thresholds" in several
    assert "the first of these" not in one
    assert "this threshold returns somebody" in one


def test_V1_why_generalised_rates_have_wider_intervals_is_said_where_no_failure_was_seen(outcome: Outcome) -> None:
    base = kit.light(outcome)
    assert "may have gone unseen" not in said_by(base)
    assert "may have gone unseen" in said_by(replace(base, evaluation=replace(base.evaluation, failed=0)))


def test_V1_figures_of_a_report_are_sharp_enough_to_print(document: Document) -> None:
    drawn = [block for section in document.sections for block in section.blocks if isinstance(block, Figure)]
    assert len(drawn) == 8
    for figure in drawn:
        with Image.open(io.BytesIO(figure.png)) as opened:
            # 170 mm of text on A4.
            assert opened.width / (170 / 25.4) >= 150
            assert "Software" not in opened.info
