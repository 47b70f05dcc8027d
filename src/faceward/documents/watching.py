"""What documents say of watching: cameras, what people before them are told, lists, and who receives alerts."""

from __future__ import annotations

from collections.abc import Sequence

from faceward.core.words import percent, plural
from faceward.documents.content import Block, Grid, Pairs, Paragraph, Section
from faceward.documents.facts import Facts
from faceward.documents.watch_facts import CameraFacts, ChannelFacts, NoticeFacts

_ANY = "any"
_WATCHED = (
    "Whoever passes a camera that is watched is compared with one list. Of people whom no alert is about a count is "
    "kept, no picture and no features. An opt-out zone is black before faces are looked for."
)
_SENT = (
    "A channel tells of alerts outside this system, so that whoever is behind it receives personal data: of each alert "
    "its identifier, camera, time, rate of false alerts, state and flags. No message holds a name, a picture, features "
    "or a score. Receivers are told when an alert is no longer kept, and are to delete it then."
)
_KINDS = {"webhook": "signed webhook", "mqtt": "MQTT broker"}


def section(facts: Facts, source: str, *, notices: bool = False) -> tuple[Section, ...]:
    """Return the part on cameras, lists and recipients; none where no camera may be watched and none is configured.

    Args:
        facts: What is known of the deployment.
        source: The provision that it follows.
        notices: Whether what people are told is quoted.
    """
    if not watches(facts):
        return ()
    quoted = _notices(facts.watching.cameras) if notices else ()
    blocks = (Paragraph(_WATCHED), cameras(facts), *quoted, lists(facts), *recipients(facts))
    return (Section("Cameras, lists, and who is told of alerts", source, blocks),)


def watches(facts: Facts) -> bool:
    """Tell whether there is anything to say of watching."""
    watching = facts.watching
    return bool(watching.live or watching.cameras or watching.channels)


def cameras(facts: Facts) -> Grid:
    """Return the cameras: where they stand, what is looked at, and the way around each."""
    rows = tuple(
        (
            camera.name,
            camera.place + (f" ({camera.branch})" if camera.branch else ""),
            "not named" if camera.camera_class == _ANY else camera.camera_class,
            _looked_at(camera),
            "nothing: no notice" if camera.notice is None else ", ".join(camera.notice.purposes),
            _way_around(camera),
        )
        for camera in facts.watching.cameras
    )
    columns = ("Camera", "Place", "Class", "What is looked at", "Notice names", "Way around it")
    return Grid(columns, rows, "No camera is configured.", (1.8, 2.5, 1.75, 2.8, 1.85, 2.4))


def _looked_at(camera: CameraFacts) -> str:
    where = plural(camera.looks, "zone") if camera.looks else "the whole picture"
    if camera.opt_outs:
        share = percent(camera.blacked_out).replace(" ", "\u00a0")
        where += f", less {plural(camera.opt_outs, 'opt-out zone')} ({share} of the picture)"
    return f"{where}, {camera.rate:g} times a second"


def _way_around(camera: CameraFacts) -> str:
    ways = [] if camera.notice is None or not camera.notice.alternative else [camera.notice.alternative]
    if camera.opts_out and not ways:
        ways.append("what is blacked out")
    return ", ".join(ways) or "none"


def _notices(found: Sequence[CameraFacts]) -> tuple[Block, ...]:
    """Return what people are told, once where several cameras tell the same."""
    told: dict[NoticeFacts, list[str]] = {}
    for camera in found:
        if camera.notice is not None:
            told.setdefault(camera.notice, []).append(camera.name)
    return tuple(block for notice, names in told.items() for block in _notice(notice, names))


def _notice(notice: NoticeFacts, names: Sequence[str]) -> tuple[Block, ...]:
    which = ("cameras " if len(names) > 1 else "camera ") + ", ".join(f"'{name}'" for name in names)
    return (
        Paragraph(f"What people are told before the {which}:"),
        Pairs(
            (
                ("Data", notice.data),
                ("Outputs", notice.outputs),
                ("Purposes", ", ".join(notice.purposes)),
                ("Deletion", notice.deletion),
                ("Contact", notice.contact),
                ("Sign", notice.sign),
                ("Way around", notice.alternative or "none named"),
            )
        ),
    )


def lists(facts: Facts) -> Grid:
    """Return the lists that cameras may be watched for, each with its end."""
    without = "none; not watched before it has one (rule W3)" if facts.standard.enforces("W3") else "none"
    rows = []
    for gallery in facts.galleries:
        told = [c.name for c in facts.watching.cameras if c.notice is not None and gallery.purpose in c.notice.purposes]
        if told or gallery.ends is not None:
            ends = without if gallery.ends is None else f"{gallery.ends:%Y-%m-%d %H:%M} UTC"
            rows.append((gallery.name, gallery.purpose, ends, ", ".join(told) or "none"))
    columns = ("List", "Purpose", "Destroyed at its end on", "Cameras whose notice names the purpose")
    return Grid(columns, tuple(rows), "No notice names the purpose of a gallery: no list is watched.", (2, 2, 2.6, 3.8))


def recipients(facts: Facts) -> tuple[Block, ...]:
    """Return who receives alerts by channels, and what they are sent; nothing that is secret."""
    found = facts.watching.channels
    if not found:
        return (Paragraph("No channel is set up: alerts are told to nobody outside this system."),)
    rows = tuple((one.name, _by(one), one.host, _besides(one)) for one in found)
    return Paragraph(_SENT), Grid(("Recipient", "By", "Host", "Sent besides"), rows, widths=(1.8, 2.4, 2.8, 3.6))


def _by(channel: ChannelFacts) -> str:
    way = "can be read on its way" if channel.readable else "encrypted (TLS)" if channel.encrypted else "this machine"
    return f"{_KINDS.get(channel.kind, channel.kind)}, {way}"


def _besides(channel: ChannelFacts) -> str:
    parts = [*channel.details, *(["a link to the console"] if channel.link else [])]
    if channel.kind == "mqtt":
        parts += ["how many alerts of each camera wait", "each purpose's rate of false alerts"]
    if channel.frigate:
        parts.append("events in Frigate's form")
    return ", ".join(parts) or "nothing"


def risks(facts: Facts) -> tuple[tuple[str, str], ...]:
    """Return sources of risk that watching brings, with what the configuration holds against each."""
    if not watches(facts):
        return ()
    found, channels = facts.watching.cameras, facts.watching.channels
    noticed, around = sum(c.notice is not None for c in found), sum(c.opts_out for c in found)
    rules = [rule for rule in ("W8", "W10") if facts.standard.enforces(rule)]
    refused = f" A watch without is refused (rules {' and '.join(rules)})." if len(rules) > 1 else ""
    told = f"Cameras with a notice: {noticed} of {len(found)}; with a way around: {around} of {len(found)}.{refused}"
    left = "; ".join(f"{one.name} ({one.host})" for one in channels)
    return (
        ("People before cameras are not told, or cannot keep out", told),
        ("Alerts reach others", f"Channels: {left}. Neither name nor picture is sent." if left else "No channel."),
    )


def gaps(facts: Facts) -> tuple[str, ...]:
    """Return what cameras and channels lack, in sentences."""
    found = facts.watching.cameras
    lacking = (
        ("Cameras without a notice", [c.name for c in found if c.notice is None]),
        ("Cameras without a way around them", [c.name for c in found if not c.opts_out]),
        ("Cameras of which gallery.db holds another record than was configured last", _altered(found)),
        ("Alerts can be read on their way to", [one.name for one in facts.watching.channels if one.readable]),
    )
    return tuple(f"{what}: {', '.join(names)}." for what, names in lacking if names)


def _altered(found: Sequence[CameraFacts]) -> list[str]:
    return [camera.name for camera in found if not camera.as_recorded]
