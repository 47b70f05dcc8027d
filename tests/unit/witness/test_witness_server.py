"""A witness on the loopback: its HTTP bounds, its state, and the log's side asking it."""

from __future__ import annotations

import itertools
import socket
import sqlite3
import stat
import threading
import time
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection
from typing import TYPE_CHECKING, Any

import pytest

from faceward.audit.checkpoint import Checkpoint, sign_checkpoint
from faceward.audit.cosignature import Cosigner, verify_cosignatures
from faceward.audit.cosigned import cosigned_path, read_cosigned
from faceward.audit.entries import Entry, Phase
from faceward.audit.log import Log, Record
from faceward.audit.note import Signer
from faceward.audit.witness import Refusal, Request, admit
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError
from faceward.witness import client as client_module
from faceward.witness import server as server_module
from faceward.witness.client import Endpoint, cosign
from faceward.witness.server import Witness, WitnessServer
from faceward.witness.state import WitnessState

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNER = Signer("example.org/log", bytes(range(32)))
LOGS = {"example.org/log": SIGNER.verifier}
ONE, TWO = Cosigner("witness.example.org/one", bytes(32)), Cosigner("witness.example.net/two", bytes(range(32)))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Fixed:
    def now(self) -> datetime:
        return NOW


@contextmanager
def serving(state: Path, cosigner: Cosigner = ONE, logs: Any = None) -> Iterator[WitnessServer]:
    witness_logs = LOGS if logs is None else logs
    with (
        WitnessState(state) as kept,
        WitnessServer(Witness(cosigner, witness_logs, kept, Fixed()), 0) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(timeout=30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WitnessServer]:
    with serving(tmp_path / "one.db") as running:
        yield running


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.create(tmp_path / "log.db", SIGNER) as opened:
        grow(opened, 5)
        yield opened


def grow(log: Log, count: int, operation: str = "enrol") -> None:
    log.append([Record(Entry(NOW, operation, Phase.NOTE))] * count, NOW)


def send(server: WitnessServer, body: bytes, method: str = "POST", path: str = "/add-checkpoint") -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()


def raw(server: WitnessServer, data: bytes) -> bytes:
    with create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as plain:
        plain.sendall(data)
        found = b""
        while part := plain.recv(4096):
            found += part
        return found


def ask(log: Log, *endpoints: Endpoint) -> Any:
    return cosign(log, SIGNER.verifier, endpoints)


def test_L3_two_witnesses_cosign_and_receipts_carry_it(log: Log, server: WitnessServer, tmp_path: Path) -> None:
    with serving(tmp_path / "two.db", TWO) as second:
        endpoints = (Endpoint(server.url, ONE.verifier), Endpoint(second.url + "/", TWO.verifier))
        for _ in range(3):
            done = ask(log, *endpoints)
            assert (done.cosigned, done.failures) == ((ONE.verifier.name, TWO.verifier.name), {})
            found = verify_cosignatures(log.receipt(log.size - 1).checkpoint, [ONE.verifier, TWO.verifier])
            assert {one.seconds for one in found} == {int(NOW.timestamp())}
            grow(log, 7)
        # One of them misses a round, and is caught up with.
        ask(log, endpoints[0])
        grow(log, 3)
        assert ask(log, *endpoints).failures == {}


def test_keep_alive_carries_several_requests(server: WitnessServer, log: Log) -> None:
    with closing(HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)) as connection:
        for old in (0, 5, 5):
            connection.request("POST", "/add-checkpoint", Request(old, (), log.checkpoint()).encode())
            response = connection.getresponse()
            assert (response.status, response.read().startswith("\u2014 witness".encode())) == (200, True)


def test_the_answer_409_says_the_size(server: WitnessServer, log: Log) -> None:
    body = Request(0, (), log.checkpoint()).encode()
    assert send(server, body)[0] == 200
    # A replay of the same request finds a witness that has moved on.
    with closing(HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)) as connection:
        connection.request("POST", "/add-checkpoint", body)
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Type"], response.read()) == (409, "text/x.tlog.size", b"5\n")


def test_bounds(server: WitnessServer) -> None:
    assert send(server, b"x" * 65_537)[0] == 413
    assert send(server, b"x" * 65_536)[0] == 400
    assert send(server, b"old 0\n\nx\n", path="/")[0] == 404
    assert send(server, b"", method="GET")[0] == 501
    assert raw(server, b"POST /add-checkpoint HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 411")
    assert raw(server, b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n").startswith(b"HTTP/1.1 411")
    many = b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"
    assert raw(server, many).startswith(b"HTTP/1.1 413")
    chunked = b"POST /add-checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"
    assert raw(server, chunked).startswith(b"HTTP/1.1 411")
    assert raw(server, b"\x00\xff\r\n\r\n").startswith((b"HTTP/1.1 400", b"<!DOCTYPE"))
    with create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as plain:
        plain.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9\r\n\r\nold")
        plain.shutdown(1)
        assert plain.recv(100).startswith(b"HTTP/1.1 400")


def test_one_that_says_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module._Handler, "timeout", 0.1)
    with serving(tmp_path / "one.db") as server:
        assert raw(server, b"POST /add-checkpoint HTTP/1.1\r\nContent-Le") == b""
        assert raw(server, b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9\r\n\r\nold") == b""


def test_one_that_drips_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "CONNECTION_SECONDS", 0.3)
    with serving(tmp_path / "one.db") as server:
        plain = create_connection(("127.0.0.1", server.server_address[1]), timeout=10)

        def drip() -> None:
            for _ in range(200):
                plain.sendall(b"P")
                time.sleep(0.02)

        with plain, pytest.raises(OSError, match=r"Broken pipe|reset"):
            drip()


def test_more_connections_than_threads_are_served_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(server_module._Handler, "timeout", 0.2)
    with serving(tmp_path / "one.db") as server:
        idle = [create_connection(("127.0.0.1", server.server_address[1]), timeout=10) for _ in range(6)]
        assert send(server, b"x")[0] == 400
        for plain in idle:
            plain.close()


def test_a_taken_port_is_said(server: WitnessServer, tmp_path: Path) -> None:
    with WitnessState(tmp_path / "other.db") as state, pytest.raises(EnvironmentFailure, match="choose another"):
        WitnessServer(Witness(ONE, LOGS, state, Fixed()), server.server_address[1])


# ---- the state -------------------------------------------------------------------------------------


def submission(log: Log, old: int = 0) -> Any:
    return admit(Request(old, log.consistency(old), log.checkpoint()).encode(), LOGS)


def test_the_state_is_private_and_kept(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "state.db"
    with WitnessState(path) as state:
        assert state.seen("example.org/log") is None
        state.advance(submission(log))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with WitnessState(path) as state:
        assert state.seen("example.org/log") == Checkpoint("example.org/log", 5, log.root())
        with pytest.raises(Refusal):
            state.advance(submission(log))


def test_the_state_goes_back_for_nobody(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "state.db"
    with WitnessState(path) as state:
        state.advance(submission(log))
    with closing(sqlite3.connect(path)) as database:
        for attempt in ("UPDATE seen SET size = 4", "UPDATE seen SET root = zeroblob(32)", "DELETE FROM seen"):
            with pytest.raises(sqlite3.IntegrityError, match="a witness does not"):
                database.execute(attempt)


def test_of_two_at_once_one_is_refused(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "state.db"
    first = submission(log)
    grow(log, 4)
    both = [first, submission(log)]
    outcomes: list[object] = []
    barrier = threading.Barrier(2)

    def run(one: Any) -> None:
        # A state each, as two processes have.
        with WitnessState(path) as state:
            barrier.wait(timeout=10)
            try:
                state.advance(one)
                outcomes.append(one.checkpoint.size)
            except Refusal as refusal:
                outcomes.append(refusal.status)

    threads = [threading.Thread(target=run, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert outcomes.count(409) == 1
    [size] = [outcome for outcome in outcomes if outcome != 409]
    with WitnessState(path) as state:
        seen = state.seen("example.org/log")
        assert seen is not None
        assert seen.size == size


def test_two_processes_make_one_state(tmp_path: Path) -> None:
    outcomes: list[bool] = []
    for number in range(25):
        barrier = threading.Barrier(2)

        def run(path: Path, barrier: threading.Barrier) -> None:
            barrier.wait(timeout=10)
            with WitnessState(path) as state:
                outcomes.append(state.seen("example.org/log") is None)

        pair = [threading.Thread(target=run, args=(tmp_path / f"{number}.db", barrier)) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join(timeout=30)
    assert outcomes == [True] * 50


@pytest.mark.parametrize("content", [b"no database, but long enough to be read as one" * 20, None])
def test_another_file_is_no_state(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.db"
    if content is None:
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE t (x)")
    else:
        path.write_bytes(content)
    with pytest.raises(IntegrityError, match="not a witness's state"):
        WitnessState(path)
    with pytest.raises(EnvironmentFailure, match="cannot be opened"):
        WitnessState(tmp_path)


def test_L3_a_state_serves_the_one_key_that_it_began_with(tmp_path: Path, log: Log) -> None:
    with serving(tmp_path / "state.db") as server:
        assert ask(log, Endpoint(server.url, ONE.verifier)).failures == {}
    with pytest.raises(IntegrityError, match="state of another witness"), serving(tmp_path / "state.db", TWO):
        pass
    # One of a version that bound none takes the first.
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        database.execute("DROP TABLE bound")
    with serving(tmp_path / "state.db"):
        pass
    with pytest.raises(IntegrityError, match="state of another witness"), serving(tmp_path / "state.db", TWO):
        pass


def test_a_witness_that_drips_its_answer_is_left_in_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "EXCHANGE_SECONDS", 0.4)
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with listening, suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nX: ", itertools.repeat(ord("x"))):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.02)

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    fails(
        log,
        Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}", ONE.verifier),
        EnvironmentFailure,
        "whole within",
    )
    assert time.monotonic() - began < 5
    thread.join(timeout=30)


def test_a_cosignature_is_kept_before_the_next_witness_is_asked(log: Log, server: WitnessServer) -> None:
    class Stopped(Exception):
        pass

    class Next(Endpoint):
        @property
        def key(self) -> Any:
            raise Stopped

    with pytest.raises(Stopped):
        ask(log, Endpoint(server.url, ONE.verifier), object.__new__(Next))
    assert verify_cosignatures(read_cosigned(log.path)[-1], [ONE.verifier])


def test_a_state_that_cannot_be_written_answers_500(tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path / "one.db") as server:
        server.witness._state._db.execute("PRAGMA query_only = ON")
        assert send(server, Request(0, (), log.checkpoint()).encode())[0] == 500
        [failure] = ask(log, Endpoint(server.url, ONE.verifier)).failures.values()
        assert "answered 500" in str(failure)
    assert read_cosigned(log.path) == ()


# ---- what the log's side says of refusals ----------------------------------------------------------


def fails(log: Log, endpoint: Endpoint, kind: type[FacewardError], why: str) -> None:
    [failure] = ask(log, endpoint).failures.values()
    assert type(failure) is kind
    assert why in str(failure)


def other_log(tmp_path: Path, size: int) -> Log:
    log = Log.create(tmp_path / f"other-{size}.db", SIGNER)
    grow(log, size, "another")
    return log


def test_L1_a_witness_tells_of_forks_and_rollbacks(log: Log, server: WitnessServer, tmp_path: Path) -> None:
    endpoint = Endpoint(server.url, ONE.verifier)
    assert ask(log, endpoint).failures == {}
    for size, why in ((3, "rolled back"), (5, "forked"), (9, "rewritten")):
        folder = tmp_path / f"fork-{size}"
        folder.mkdir()
        with other_log(folder, size) as fork:
            fails(fork, endpoint, IntegrityError, why)
            assert not cosigned_path(fork.path).exists()
    grow(log, 1)
    assert ask(log, endpoint).failures == {}


def test_a_stale_snapshot_is_not_called_a_rollback(log: Log, server: WitnessServer) -> None:
    endpoint = Endpoint(server.url, ONE.verifier)
    stale = log.checkpoint()
    grow(log, 4)
    ask(log, endpoint)
    cosigned_path(log.path).unlink()

    with pytest.raises(EnvironmentFailure, match="later checkpoint"):
        client_module._ask(log, stale, 5, endpoint, 0)


def test_a_witness_that_does_not_know_the_log(log: Log, tmp_path: Path) -> None:
    with serving(tmp_path / "one.db", logs={}) as server:
        fails(log, Endpoint(server.url, ONE.verifier), UsageError, "does not know this log")
    another = {"example.org/log": Signer("example.org/log", bytes(32)).verifier}
    with serving(tmp_path / "two.db", logs=another) as server:
        fails(log, Endpoint(server.url, ONE.verifier), UsageError, "another key")


def test_an_answer_of_another_key_is_not_kept(log: Log, server: WitnessServer) -> None:
    fails(log, Endpoint(server.url, TWO.verifier), IntegrityError, "no good cosignature")
    assert read_cosigned(log.path) == ()


def test_one_witness_that_fails_does_not_stop_the_other(log: Log, server: WitnessServer) -> None:
    done = ask(log, Endpoint("http://127.0.0.1:9", TWO.verifier), Endpoint(server.url, ONE.verifier))
    assert done.cosigned == (ONE.verifier.name,)
    assert "cannot be reached" in str(done.failures[TWO.verifier.name])
    assert verify_cosignatures(read_cosigned(log.path)[-1], [ONE.verifier])


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "example.org", "http://", "http://x:99999", "http://u:p@x", "http://x?q", "http://[x"]
)
def test_what_is_no_address(log: Log, url: str) -> None:
    fails(log, Endpoint(url, ONE.verifier), UsageError, "no witness's address")


def test_a_signed_checkpoint_of_nothing(server: WitnessServer, tmp_path: Path) -> None:
    with Log.create(tmp_path / "empty.db", SIGNER) as empty:
        assert ask(empty, Endpoint(server.url, ONE.verifier)).failures == {}
    wrong = sign_checkpoint(Checkpoint("example.org/log", 0, bytes(32)), SIGNER)
    assert send(server, Request(0, (), wrong).encode())[0] == 409
