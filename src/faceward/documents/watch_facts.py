"""What documents say of watching, as plain values: cameras with their notices, and channels by which alerts leave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What people before a camera are told, in the controller's own words; see `policy.camera_notices.NoticeRecord`."""

    data: str
    outputs: str
    purposes: tuple[str, ...]
    deletion: str
    contact: str
    sign: str
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """A camera; where its pictures come from is in no document.

    Attributes:
        name: Its name.
        place: Where it stands, in words.
        branch: Name of the branch; may be empty.
        camera_class: What kind of pictures it gives; `any` names none.
        rate: Frames a second that are looked at.
        looks: Zones to which looking is limited; with none the whole picture is looked at.
        opt_outs: Zones that are blacked out before faces are looked for.
        blacked_out: Share of the picture that they take away, 0 to 1.
        opts_out: Whether that, or its notice, is a way around it (rule W10).
        notice: What people are told, or None.
        as_recorded: Whether what is kept of it is what was configured last, by the log.
    """

    name: str
    place: str
    branch: str
    camera_class: str
    rate: float
    looks: int
    opt_outs: int
    blacked_out: float
    opts_out: bool
    notice: NoticeFacts | None
    as_recorded: bool = True


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel by which alerts leave; neither its address nor a secret.

    Attributes:
        name: Its name.
        kind: `webhook` or `mqtt`.
        host: Name or address of the machine that receives.
        encrypted: Whether it is spoken to by TLS.
        local: Whether the host can only be the machine that sends.
        details: What of an alert is sent beside what every channel is sent.
        link: Whether a link to the console is sent.
        frigate: Whether events in Frigate's form are sent too.
    """

    name: str
    kind: str
    host: str
    encrypted: bool
    local: bool
    details: tuple[str, ...]
    link: bool
    frigate: bool

    @property
    def readable(self) -> bool:
        """Whether what is sent can be read on its way."""
        return not self.encrypted and not self.local


@dataclass(frozen=True, slots=True)
class WatchFacts:
    """Watching.

    Attributes:
        live: Whether the standard lets cameras be watched.
        cameras: Cameras by name.
        channels: Channels by name.
    """

    live: bool = False
    cameras: tuple[CameraFacts, ...] = ()
    channels: tuple[ChannelFacts, ...] = ()


NOTHING_WATCHED = WatchFacts()
