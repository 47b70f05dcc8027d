"""Writing footage: whole or not at all, with its sounds and its times, and without anything else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from faceward.core.errors import EnvironmentFailure
from faceward.core.files import sync_folder
from faceward.video.footage_palette import Palette
from faceward.video.footage_reading import Footage, Moment


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of file is written.

    Attributes:
        container: FFmpeg's name of the format.
        codec: Of the picture.
        options: Of that codec.
        copied: Codecs of sound that the container takes as they are; None for all.
        sound: What other sounds are encoded as; empty where there is no sound.
    """

    container: str
    codec: str
    options: Mapping[str, str]
    copied: frozenset[str] | None
    sound: str


# `a53cc` would write captions that a frame carries; quality is about what a telephone records at.
_H264 = MappingProxyType({"crf": "20", "preset": "veryfast", "a53cc": "0"})
_VP9 = MappingProxyType({"crf": "31", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"})
_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
_MOV_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"})
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        ".mp4": Kind("mp4", "libx264", _H264, _MP4_SOUND, "aac"),
        ".m4v": Kind("mp4", "libx264", _H264, _MP4_SOUND, "aac"),
        ".mov": Kind("mov", "libx264", _H264, _MOV_SOUND, "aac"),
        ".mkv": Kind("matroska", "libx264", _H264, None, "aac"),
        ".webm": Kind("webm", "libvpx-vp9", _VP9, frozenset({"opus", "vorbis"}), "libopus"),
        ".gif": Kind("gif", "gif", MappingProxyType({}), frozenset(), ""),
    }
)
_GIF_BASE = Fraction(1, 100)
# Sound may begin a little before the picture, which players skip; more than this moves the picture.
_PRIMING = 0.1
# H.264: supplemental information, in which the encoder describes itself; nothing shown depends on it.
_NOTES = "filter_units=remove_types=6"


class _Sound:
    """One sound track on its way into the file: copied, or encoded anew where the container does not take it."""

    def __init__(self, container: OutputContainer, source: AudioStream, kind: Kind) -> None:
        copied = kind.copied is None or source.codec_context.name in kind.copied
        self._encoder: AudioStream | None = None
        self._container = container
        if copied:
            self._target = container.add_stream_from_template(source)
        else:
            rate = 48000 if kind.sound == "libopus" else source.codec_context.sample_rate
            layout = "stereo" if source.codec_context.layout.nb_channels > 1 else "mono"
            added = container.add_stream(kind.sound, rate=rate, layout=layout)
            if not isinstance(added, AudioStream):
                raise TypeError(f"{kind.sound} encodes no sound")
            self._target = self._encoder = added
        self._target.metadata.clear()

    @property
    def copied(self) -> bool:
        """Whether it goes as it is."""
        return self._encoder is None

    def put(self, packet: Packet[Stream], origin: Fraction) -> None:
        """Take a packet, its times counted from an origin in seconds."""
        if self._encoder is None:
            self._copy(packet, origin)
            return
        frames: Sequence[object] = ()
        with suppress(FFmpegError):  # what is damaged is not heard
            frames = packet.decode()
        for frame in frames:
            if not isinstance(frame, AudioFrame):
                continue
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(origin / frame.time_base)
            self._container.mux(self._encoder.encode(frame))

    def _copy(self, packet: Packet[Stream], origin: Fraction) -> None:
        # The last packet of a track is empty and only says that it ends.
        if packet.dts is None or packet.time_base is None:
            return
        shift = round(origin / packet.time_base)
        packet.dts -= shift
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        packet.stream = self._target
        self._container.mux_one(packet)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._encoder is not None:
            self._container.mux(self._encoder.encode(None))


class Writer:
    """A file that is being written."""

    def __init__(self, path: Path, source: Footage, first: Moment, kind: Kind) -> None:
        options = {"movflags": "+faststart"} if kind.container in {"mp4", "mov"} else {}
        self._container: OutputContainer = av.open(
            str(path), "w", format=kind.container, container_options={"fflags": "+bitexact", **options}
        )
        self._base = _GIF_BASE if kind.container == "gif" else source.time_base
        self._origin = _origin(source, first) if kind.sound else Fraction(first.pts) * source.time_base
        self._from, self._last = source.time_base, -1
        self._video = self._picture(source, first.frame, kind)
        self._palette = Palette(first.frame, self._base) if kind.container == "gif" else None
        self._notes: BitStreamFilterContext | None = None
        self._sounds = {one.index: _Sound(self._container, one, kind) for one in source.sounds} if kind.sound else {}
        self._without_notes = kind.codec == "libx264"

    def _picture(self, source: Footage, frame: VideoFrame, kind: Kind) -> VideoStream:
        stream = self._container.add_stream(kind.codec, rate=source.rate, options=dict(kind.options))
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{kind.codec} encodes no pictures")
        stream.width, stream.height = frame.width, frame.height
        stream.pix_fmt = "rgb8" if kind.container == "gif" else frame.format.name
        context = stream.codec_context
        stream.time_base = context.time_base = self._base
        if kind.container == "gif":
            stream.pix_fmt = "pal8"
            return stream
        context.sample_aspect_ratio = source.aspect
        context.color_range, context.colorspace = frame.color_range, frame.colorspace
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
        return stream

    @property
    def encoded_anew(self) -> int:
        """How many sound tracks could not be copied."""
        return sum(not sound.copied for sound in self._sounds.values())

    def show(self, moment: Moment, frame: VideoFrame) -> None:
        """Write a frame at the time of a moment."""
        seconds = moment.pts * self._from - self._origin
        # Frames closer than a unit of the new file's time would stand at the same one.
        frame.pts = self._last = max(self._last + 1, round(seconds / self._base))
        frame.time_base = self._base
        frame.duration = round(moment.duration * self._from / self._base)
        for one in self._palette.frames(frame) if self._palette else (frame,):
            self._mux(self._video.encode(one))

    def hear(self, packet: Packet[Stream]) -> None:
        """Write a packet of sound."""
        self._sounds[packet.stream.index].put(packet, self._origin)

    def _mux(self, packets: list[Packet[Stream]]) -> None:
        if packets and self._without_notes and self._notes is None:
            self._notes = BitStreamFilterContext(_NOTES, self._video)
        for packet in packets:
            for one in self._notes.filter(packet) if self._notes else (packet,):
                one.stream = self._video
                self._container.mux_one(one)

    def finish(self) -> None:
        """Write what is still held, and the file's end."""
        for one in self._palette.frames(None) if self._palette else ():
            self._mux(self._video.encode(one))
        self._mux(self._video.encode(None))
        for sound in self._sounds.values():
            sound.finish()
        self._container.close()

    def abandon(self) -> None:
        """Close without an end; the file is worth nothing."""
        with suppress(FFmpegError, OSError):
            self._container.close()


def _origin(source: Footage, first: Moment) -> Fraction:
    """Return what is time zero in the new file, in seconds of the old: where the first track begins."""
    picture = Fraction(first.pts) * source.time_base
    starts = [one.start_time * one.time_base for one in source.sounds if one.start_time is not None and one.time_base]
    return min([picture, *(start for start in starts if start < picture - Fraction(_PRIMING))])


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Provide a file beside `path` to write to, which takes its place, durably, when the block ends well.

    Raises:
        EnvironmentFailure: It cannot be written; nothing is left.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".redacting-", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        temporary = None
        sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or "the disk refuses"
        raise EnvironmentFailure(f"{path}: cannot be written: {reason}; check the disk and permissions") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
