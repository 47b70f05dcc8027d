"""HTTP/1.1 with bounds: uvicorn's own protocol bounds bodies' buffers, but not headers, time and connections."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024
"""Bytes of a request's line and headers together; more get status 431 (RFC 6585 §5)."""

HEAD_SECONDS = 30.0
"""How long a head may take to arrive; then the connection is closed."""

BODY_SECONDS = 30.0
"""How long a body may take to arrive, while the service waits for it, beside what its size allows."""

BODY_RATE = 64 * 1024
"""Bytes that allow a body a second more."""

REST_SECONDS = 10.0
"""How long a body is still taken in whose request has its answer, so that the client comes to read it."""

WRITE_SECONDS = 60.0
"""How long a client may take nothing of an answer that waits for it."""

MOST_CONNECTIONS = 1000
"""Connections in one process."""

_CHECK_SECONDS = 1.0
_REFUSAL = b"the request's line and headers are too long\n"
_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_REFUSAL), _REFUSAL)
)


_LATE = b"the request's body came too slowly\n"
_LATE_ANSWER = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_LATE), _LATE)
)
_FULL = b"too many connections; come again later\n"
_FULL_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 5\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_FULL), _FULL)
)


class _HeadTooLongError(Exception):
    """The parser is to stop."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose head is too long, whose request comes too slowly, or whose client takes no answer.

    Whoever sends a header without end, or a byte of it every minute, must not take the memory or the descriptors that
    others need. How large bodies may be is checked where they are read; see `bodies`. A connection above the number
    that may be takes the place of the one that has been idle for longest, or else of the one whose body has been coming
    for longest, so that those who only wait keep nobody out.
    """

    _size = 0
    _in_head = True
    _in_body = False
    _received = 0
    _waited = 0.0
    _answered = 0.0
    since = 0.0
    _timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop_timer()
        self._end_body()
        self._stop_write_timer()
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
        self._in_head, self._in_body = False, True
        self._received, self._waited, self._answered = 0, 0.0, 0.0
        super().on_headers_complete()
        if self._body_timer is None:
            self._body_timer = self.loop.call_later(_CHECK_SECONDS, self._check_body)

    def on_body(self, body: bytes) -> None:
        """Take in a part of the body."""
        self._received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Leave the body."""
        self._end_body()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Be idle from now on."""
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to take what was written."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken it."""
        self._stop_write_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser does not take."""
        if self._size > MOST_HEAD:
            self._refuse()
        elif self._under_way and (self.cycle.response_started or not self._in_body):
            # It would be taken for the answer to the request before, or for a part of it.
            self.transport.close()
        else:
            super().send_400_response(msg)

    @property
    def coming(self) -> bool:
        """Whether its body has yet to come in."""
        return self._in_body

    @property
    def _under_way(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, BoundedProtocol) and one is not self]
        waiting = [one for one in others if one.spare] or [one for one in others if one.coming]
        if waiting:
            oldest = min(waiting, key=lambda one: one.since)
            oldest.transport.abort()
            self.connections.discard(oldest)
            return
        self.transport.write(_FULL_ANSWER)
        self.transport.close()

    @property
    def spare(self) -> bool:
        """Whether nothing is done for it."""
        return not self._under_way and not self.transport.is_closing()

    def _await_head(self) -> None:
        self._stop_timer()
        self._size, self._in_head, self.since = 0, True, self.loop.time()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _late(self) -> None:
        self._timer = None
        # Before the first byte, and in the middle of a head; a connection that is kept between requests has a term.
        if self._in_head and not self.transport.is_closing():
            self.transport.close()

    def _check_body(self) -> None:
        self._body_timer = None
        if not self._in_body or self.transport.is_closing():
            return
        if not self._under_way:
            self._answered += _CHECK_SECONDS
        elif not self.flow.read_paused:
            # While the service reads nothing it is not the client who is slow.
            self._waited += _CHECK_SECONDS
        if self._answered > REST_SECONDS:
            self.transport.close()
        elif self._waited > BODY_SECONDS + self._received / BODY_RATE:
            if self._under_way and not self.cycle.response_started:
                self.transport.write(_LATE_ANSWER)
            self.transport.close()
        else:
            self._body_timer = self.loop.call_later(_CHECK_SECONDS, self._check_body)

    def _end_body(self) -> None:
        self._in_body = False
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_HEAD:
            raise _HeadTooLongError

    def _refuse(self) -> None:
        self.transport.write(_ANSWER)
        self.transport.close()
