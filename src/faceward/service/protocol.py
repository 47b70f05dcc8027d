"""HTTP/1.1 with a bounded head: uvicorn's own protocol bounds bodies' buffers, but neither headers nor their time."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024
"""Bytes of a request's line and headers together; more get status 431 (RFC 6585 §5)."""

HEAD_SECONDS = 30.0
"""How long a head may take to arrive; then the connection is closed."""

_REFUSAL = b"the request's line and headers are too long\n"
_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_REFUSAL), _REFUSAL)
)


class _HeadTooLongError(Exception):
    """The parser is to stop."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose head is too long, or comes too slowly.

    Whoever sends a header without end, or a byte of it every minute, must not take the memory or the descriptors that
    others need. Bodies are bounded where they are read; see `bodies`.
    """

    _size = 0
    _in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came; a head that is not complete is counted by what came of it."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._size += len(data)
            if self._size > MOST_HEAD:
                self._refuse()

    def on_message_begin(self) -> None:
        """Count a head from its beginning."""
        super().on_message_begin()
        self._await_head()

    def on_url(self, url: bytes) -> None:
        """Take in a part of the request's line."""
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header."""
        self._grow(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Leave the head."""
        self._stop_timer()
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser does not take."""
        if self._size > MOST_HEAD:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _await_head(self) -> None:
        self._stop_timer()
        self._size, self._in_head = 0, True
        self._timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _late(self) -> None:
        self._timer = None
        # Before the first byte, and in the middle of a head; a connection that is kept between requests has a term.
        if self._in_head and not self.transport.is_closing():
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_HEAD:
            raise _HeadTooLongError

    def _refuse(self) -> None:
        self.transport.write(_ANSWER)
        self.transport.close()
