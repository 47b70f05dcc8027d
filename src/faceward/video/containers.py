"""Which formats of what strangers made libav may take a file or a stream for, and what these may open in turn.

Playlists, lists of pieces and scripts of other programs are formats to libav as well. A file of one of these, whatever
its name ends in, would have other files of this machine opened in its place, the deployment's among them.
"""

from __future__ import annotations

from typing import Final

FILE_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,flv,asf,ogg,dv,mxf,ivf"
"""Of files: containers that hold all that they show."""
FILE_PROTOCOLS: Final = ""
"""Of files, which are opened here and handed over: none."""
HTTP_FORMATS: Final = f"{FILE_FORMATS},mpjpeg,mjpeg,jpeg_pipe,h264,hevc"
"""Of addresses whose path does not end as a playlist's does."""
HLS_FORMATS: Final = "hls,mpegts,mov,mp4,aac,mp3,webvtt"
"""Of playlists, and of the pieces that they name."""
HTTP_PROTOCOLS: Final = "http,https,tcp,tls"
RTSP_FORMATS: Final = "rtsp,mpegts,asf"
"""Of RTSP; the last two are what some cameras send inside it."""
RTSP_PROTOCOLS: Final = "rtsp,rtsps,tcp,tls"
"""Of RTSP: sound and picture come through the connection itself, never from where a description says."""
MOST_PIXELS: Final = 36_000_000
"""Of a picture that a camera sends: 8K has 33 million."""
MOST_PACKET: Final = 32 * 2**20
"""Bytes of a picture as it comes."""
