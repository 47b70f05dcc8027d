"""Cameras: where they stand, where their pictures come from, and what people before them are told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.files import read_limited
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, say, table

if TYPE_CHECKING:
    from faceward.policy.cameras import Camera, NoticeRecord, Position, Zone

_NONE = "none"
_STDIN = "-"
_LONGEST_LINE = 4096
_FORMS = "rtsp://…, http(s)://…, /dev/videoN, a file, a folder or pattern of pictures; - reads it from standard input."
Place = Annotated[Optional[str], typer.Option(help="Where it stands, in words.", show_default="as it is")]
Branch = Annotated[
    Optional[str], typer.Option(help="The branch; leave it out where there is one only.", show_default="as it is")
]
Class = Annotated[
    Optional[str],
    typer.Option(
        "--class", metavar="CLASS", help="What kind of pictures it gives, such as shop; else any.", show_default=False
    ),
]
Look = Annotated[
    Optional[list[str]],
    typer.Option(
        metavar="X,Y…",
        help="Zone to look at, 3 to 32 points in shares of width and height; else everywhere. Repeatable.",
        show_default=False,
    ),
]
OptOut = Annotated[
    Optional[list[str]],
    typer.Option(
        "--opt-out", metavar="X,Y…", help="Zone that is blacked out before detection. Repeatable.", show_default=False
    ),
]
Notice = Annotated[
    Optional[Path],
    typer.Option(
        metavar="FILE",
        help="TOML with data, outputs, purposes, deletion, contact, sign, alternative.",
        show_default=False,
        readable=False,
    ),
]
Where = Annotated[
    Optional[str],
    typer.Option("--position", metavar="LAT,LON", help="Where it stands, in degrees.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cameras = group("camera", "Cameras, and what people before them are told (rules W8 and W10).")
    cameras.command("add")(command(_add))
    cameras.command("list")(command(_list))
    cameras.command("show")(command(_show))
    cameras.command("change")(command(_change))
    cameras.command("remove")(command(_remove))
    app.add_typer(cameras)


def _add(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(help="Its name.")],
    source: Annotated[str, typer.Option(metavar="SOURCE", help=_FORMS)],
    place: Annotated[str, typer.Option(help="Where it stands, in words.")],
    branch: Annotated[str, typer.Option(help="The branch; leave it out where there is one only.")] = "",
    position: Where = None,
    camera_class: Class = None,
    rate: Annotated[float, typer.Option(metavar="N", help="Frames a second that are looked at, 0.2 to 15.")] = 5.0,
    look: Look = None,
    opt_out: OptOut = None,
    notice: Notice = None,
) -> None:
    """Configure a camera. Its address is sealed, and never shown with its password; nothing is opened yet.

    Without a notice nothing is watched with it.
    """
    from faceward.policy.cameras import CameraRequest

    request = CameraRequest(
        name=name,
        source=_source(source),
        place=place,
        branch=branch,
        position=_position(position),
        camera_class=camera_class or "any",
        rate=rate,
        zones=_zones(look, opt_out),
        notice=_notice(notice),
    )
    with settings.open() as system:
        camera = system.cameras.add(request)
    _tell(settings, camera, "Camera configured")


def _list(settings: Settings) -> None:
    """List the cameras."""
    with settings.open() as system:
        cameras = system.cameras.list()
    if settings.as_json:
        emit({"cameras": [camera.to_json() for camera in cameras]})
        return
    rows = [
        (
            camera.name,
            camera.place,
            camera.branch or "-",
            camera.address,
            camera.camera_class,
            f"{camera.rate:g}",
            "yes" if camera.notice else "no",
            "yes" if camera.opts_out else "no",
        )
        for camera in cameras
    ]
    table(("camera", "place", "branch", "source", "class", "rate#", "notice", "way around"), rows)


def _show(settings: Settings, name: Annotated[str, typer.Argument(help="The camera.")]) -> None:
    """Show a camera with its zones and its notice."""
    with settings.open() as system:
        camera = system.cameras.get(name)
    _tell(settings, camera, "Camera")


def _change(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(help="The camera.")],
    source: Annotated[
        Optional[str], typer.Option(metavar="SOURCE", help="Its new source.", show_default="as it is")
    ] = None,
    place: Place = None,
    branch: Branch = None,
    position: Where = None,
    camera_class: Class = None,
    rate: Annotated[
        Optional[float], typer.Option(metavar="N", help="Frames a second, 0.2 to 15.", show_default="as it is")
    ] = None,
    look: Look = None,
    opt_out: OptOut = None,
    notice: Notice = None,
) -> None:
    """Change a camera; what is left out stays as it is, and 'none' takes position, notice, look or opt-out zones away.

    Of zones, those given take the place of all of their kind. A watch goes by the change from its next period on.
    """
    from faceward.policy.cameras import UNCHANGED, CameraChange
    from faceward.policy.zones import LOOK, OPT_OUT

    with settings.open() as system:
        before = system.cameras.get(name)
        zones: tuple[Zone, ...] = (
            *(_kept(before, LOOK) if look is None else _zones(look, None)),
            *(_kept(before, OPT_OUT) if opt_out is None else _zones(None, opt_out)),
        )
        change = CameraChange(
            source=UNCHANGED if source is None else _source(source),
            place=UNCHANGED if place is None else place,
            branch=UNCHANGED if branch is None else branch,
            position=UNCHANGED if position is None else _position(position),
            camera_class=UNCHANGED if camera_class is None else camera_class,
            rate=UNCHANGED if rate is None else rate,
            zones=UNCHANGED if look is None and opt_out is None else zones,
            notice=UNCHANGED if notice is None else _notice(notice),
        )
        camera = system.cameras.change(name, change)
    _tell(settings, camera, "Camera changed")


def _remove(settings: Settings, name: Annotated[str, typer.Argument(help="The camera.")]) -> None:
    """Remove a camera and its sealed address; what is watched with it ends."""
    with settings.open() as system:
        camera = system.cameras.remove(name)
    if settings.as_json:
        emit({"camera": camera.name, "removed": True})
    else:
        say(f"camera {camera.name!r} removed, and its address with it")


def _source(text: str) -> str:
    """Return a source as given; one that holds a password is better typed where nobody else sees it."""
    if text != _STDIN:
        return text
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Source: ", stream=sys.stderr)
    return sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")


def _kept(camera: Camera, kind: str) -> tuple[Zone, ...]:
    return tuple(zone for zone in camera.zones if zone.kind == kind)


def _zones(look: list[str] | None, opt_out: list[str] | None) -> tuple[Zone, ...]:
    from faceward.policy.cameras import LOOK, OPT_OUT, parse_zone

    return (
        *(parse_zone(text, LOOK) for text in look or () if text.strip() != _NONE),
        *(parse_zone(text, OPT_OUT) for text in opt_out or () if text.strip() != _NONE),
    )


def _position(text: str | None) -> Position | None:
    from faceward.policy.cameras import parse_position

    return None if text is None or text.strip() == _NONE else parse_position(text)


def _notice(file: Path | None) -> NoticeRecord | None:
    from faceward.policy.camera_notices import MAX_BYTES
    from faceward.policy.cameras import parse_notice

    if file is None or str(file) == _NONE:
        return None
    return parse_notice(read_limited(file, MAX_BYTES + 1, "notice"), file.name)


def _tell(settings: Settings, camera: Camera, title: str) -> None:
    if settings.as_json:
        emit(camera.to_json())
        return
    shown: dict[str, Any] = {
        "name": camera.name,
        "place": camera.place,
        "branch": camera.branch or "-",
        "position": "-" if camera.position is None else "{:g}, {:g}".format(*camera.position),
        "source": camera.address,
        "class": camera.camera_class,
        "frames a second": f"{camera.rate:g}",
        "since": camera.to_json()["since"],
    }
    for number, zone in enumerate(camera.zones, 1):
        shown[f"zone {number}, {zone.kind}"] = zone.text()
    for key, value in camera.notice.to_json().items() if camera.notice else ():
        shown[f"notice: {key}"] = ", ".join(map(str, value)) if isinstance(value, list) else value or "-"
    pairs(shown, title)
    if camera.notice is None:
        note(f"no notice: nothing is watched with {camera.name!r} until 'camera change --notice FILE' names one (W8)")
    elif not camera.opts_out:
        note(f"nobody can keep out of {camera.name!r}: no opt-out zone, and no 'alternative' in its notice (W10)")
