"""The report: one HTML file that loads nothing, needs no script, and says only what the run computed."""

from __future__ import annotations

from html import escape
from pathlib import Path

import evidence
import faceward
import people
from faceward import standalone
from faceward.vision.packs import DEFAULT_PACK
from figures import one_in
from story import Story

_CSS = Path(__file__).with_name("report.css")


def render(story: Story) -> str:
    """Return the report as HTML."""
    sections = (
        _head(story),
        _purpose(story),
        people.enrolment(story),
        people.verification(story),
        people.identification(story),
        people.redaction(story),
        evidence.refusals(story),
        evidence.erasure(story),
        evidence.log(story),
        _timings(story),
        _limits(story),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>Faceward: what the demonstration did</title><style>{_CSS.read_text(encoding='utf-8')}</style></head>"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def _head(story: Story) -> str:
    good = sum(check.good for check in story.checks)
    items = "".join(f"<li{'' if check.good else ' class=missed'}>{escape(check.text)}</li>" for check in story.checks)
    kind = "good" if good == len(story.checks) else "bad"
    whose = (
        "on your own photographs"
        if story.own
        else "on two portraits in the public domain, of Eileen Collins and Grace Hopper"
    )
    return (
        "<header><h1>Faceward: recognised, and accounted for</h1>"
        f"<p>This page was written by one run of the demonstration {whose}. It enrols people under a release, verifies "
        f"and identifies them among {story.strangers:,} simulated strangers, answers <em>unknown</em> for who is not "
        "enrolled, hides faces, refuses what the rules forbid, and erases somebody for good.</p>"
        f'<p><span class="verdict {kind}">{good} of {len(story.checks)} expectations came about</span></p>'
        f'<ul class="checks">{items}</ul></header>'
    )


def _purpose(story: Story) -> str:
    purpose, pack = story.purpose, standalone.pack_store().get(DEFAULT_PACK).manifest
    return (
        "<section><h2>The deployment</h2>"
        "<p>A deployment under the standard <b>workplace</b>, with one registered purpose: "
        f"<b>{escape(purpose.name)}</b>, "
        f"on the basis of {escape(purpose.basis.value)}. References are kept {purpose.retention.days} days at "
        "most. Who "
        f"does not want face recognition can {escape(purpose.alternative)}.</p>"
        f"<p>The purpose states what error it accepts. Of the comparisons of two different people, "
        f"<b>{one_in(purpose.fmr)}</b> may be taken for a match (the false-match rate). Of the searches for "
        "somebody who "
        f"is not in the gallery, <b>{one_in(purpose.fpir)}</b> may name a wrong person (the false-positive "
        "identification rate). The scores needed follow from that, from measurements of the model.</p>"
        f'<p class="soft">Faceward {escape(faceward.__version__)}, model pack {escape(pack.identifier)}, '
        f"licence: {escape(pack.licence)}.</p></section>"
    )


def _timings(story: Story) -> str:
    counts = {
        "references simulated, sealed and stored": story.strangers,
        "faces enrolled": len(story.enrolled),
        "faces verified": len(story.comparisons),
    }
    rows = "".join(
        f'<tr><td>{escape(what)}</td><td class="number">{counts.get(what, 1):,}</td>'
        f'<td class="number">{seconds:.2f} s</td>'
        f'<td class="number">{1000 * seconds / max(1, counts.get(what, 1)):,.1f} ms</td></tr>'
        for what, seconds in story.timings.items()
    )
    return (
        "<section><h2>How long it took</h2><p>On this machine, in this run; the first use of a network includes "
        "loading "
        "it.</p><table><thead><tr><th>what</th><th class=number>how many</th><th class=number>time</th>"
        f"<th class=number>each</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _limits(story: Story) -> str:
    same = (
        ""
        if story.own
        else (
            "<li>All pictures of a woman here are renditions of one photograph. Real photographs differ by "
            "years, cameras "
            "and light, and are much harder to match; the benchmarks measure that.</li>"
        )
    )
    return (
        f"<section><h2>What this does not show</h2><ul>{same}"
        "<li>The simulated strangers are drawn at random. A gallery of relatives or of people who look alike errs more "
        "often.</li>"
        "<li>A match is a statement about two pictures with a known rate of error. It is not proof of identity.</li>"
        "<li>None of this is legal advice.</li></ul></section>"
    )
