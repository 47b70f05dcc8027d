"""A server of one H.264 film at rtsp://127.0.0.1:PORT/stream, which prints its port.

For Debian's Python, which has GStreamer:

/usr/bin/python3 rtsp_server.py FILE.mkv [PORT] [NAME:PASSWORD]
"""

from __future__ import annotations

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - versions are asked for first


def main() -> None:
    film, port, account, *_ = [*sys.argv[1:], *["0", ""][len(sys.argv) - 2 :], ""]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    # Without the parser, which is in a set of plugins that few have: Matroska keeps what it would work out.
    factory.set_launch(f'( filesrc location="{film}" ! matroskademux ! rtph264pay name=pay0 pt=96 config-interval=1 )')
    factory.set_shared(True)
    if account:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*account.split(":")), token)
        server.set_auth(auth)
        allowed = Gst.Structure.new_empty("viewer")
        for what in ("media.factory.access", "media.factory.construct"):
            allowed.set_value(what, True)
        factory.add_role_from_structure(allowed)
    factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    server.get_mount_points().add_factory("/stream", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201 - what it is asked for
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
