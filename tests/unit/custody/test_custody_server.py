"""The server and its client, in one process: bounds, turns, and what happens when a connection breaks."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError
from faceward.custody import client as client_module
from faceward.custody import server as server_module
from faceward.custody.calls import encode, read_answer
from faceward.custody.client import CustodyClient
from faceward.custody.errors import Busy, Replayed, StaleProof
from faceward.custody.messages import MAX_MESSAGE_BYTES
from faceward.custody.server import CustodyServer

STATUS = b'{"call":"status","with":{}}\n'


_CONNECTED: list[CustodyClient] = []


def connect(path: Path, timeout: float = 20) -> CustodyClient:
    _CONNECTED.append(CustodyClient(path, timeout))
    return _CONNECTED[-1]


@pytest.fixture(autouse=True)
def _disconnected() -> Iterator[None]:
    yield
    while _CONNECTED:
        _CONNECTED.pop().close()


@contextmanager
def serving(bench: Any, path: Path, **options: Any) -> Iterator[CustodyServer]:
    with CustodyServer(bench.custody, path, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.stop()
            thread.join(timeout=20)
            assert not thread.is_alive()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


@pytest.fixture
def served(bench: Any, path: Path) -> Iterator[Any]:
    bench.create()
    with serving(bench, path):
        yield bench


def dial(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(20)
    made.connect(os.fspath(path))
    return made


def line_from(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        data = connection.recv(65536)
        if not data:
            break
        received += data
    return received


def test_L2_a_key_crosses_the_socket(served: Any, path: Path) -> None:
    client = connect(path)
    direct, shown = served.custody, served.enrol()
    lease = client.release(shown)
    assert lease.size == served.log.size
    with pytest.raises(StaleProof) as stale:
        client.release(shown)
    assert stale.value.size == lease.size
    with pytest.raises(Replayed):
        client.release(replace(shown, proof=served.log.proof(shown.proof.index, lease.size)))
    with pytest.raises(PolicyRefusal, match="another deployment") as refused:
        client.found(replace(client.status().pins, origin="example.org/b"))  # type: ignore[type-var]
    assert refused.value.rule == "L2"
    assert client.status() == direct.status()
    client.stop()
    assert direct.status().stopped
    client.close()
    with pytest.raises(UsageError, match="closed"):
        client.status()


def test_S2_everything_that_people_decide_crosses_the_socket(kit: Any, tmp_path: Path, path: Path) -> None:
    made = kit.Bench.make(tmp_path, "strict")
    with serving(made, path):
        made.custody, direct = connect(path), made.custody
        made.man()
        session = made.sign_in("ann")
        key = made.create(session=session).key
        mandate = made.mandate()
        assert made.custody.release(made.search(mandate)).key == key
        made.custody.revoke(made.revoke(mandate[0].digest(), "ann"), mandate[0])
        with pytest.raises(PolicyRefusal, match="revoked") as refused:
            made.custody.release(made.search(mandate))
        assert refused.value.rule == "P2"
        recorded = made.record("rotate", {"operator": "ann", "gallery": "door"})
        new = made.custody.rotate(made.show(recorded, "door", session))
        made.custody.retire(replace(made.show(recorded, "door", session), key_id=new.key_id))
        recorded = made.record("gallery.destroy", {"operator": "ann", "gallery": "door"})
        with pytest.raises(PolicyRefusal, match="role custodian"):
            made.custody.destroy(made.show(recorded, "door", session))
        recorded = made.record("gallery.destroy", {"operator": "cleo", "gallery": "door"})
        made.custody.destroy(made.show(recorded, "door", made.sign_in("cleo")))
        made.custody.stop(made.stop("eve"))
        assert made.custody.status() == direct.status()
        made.custody.decide(*made.ask("restart", {}, "bob", ("cleo",)))
        assert not made.custody.status().stopped
        made.custody.close()
        made.custody = direct
    made.close()


def test_a_custodian_that_is_not_there_is_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="start it with 'faceward custodian serve'"):
        connect(path).status()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fspath(path))
    with pytest.raises(EnvironmentFailure, match="start it with 'faceward custodian serve'"):
        connect(path).status()


def test_a_socket_is_made_for_its_user_alone_or_a_group(served: Any, path: Path, bench: Any, tmp_path: Path) -> None:
    import grp

    assert path.stat().st_mode & 0o777 == 0o600
    group = grp.getgrgid(os.getgid()).gr_name
    with pytest.raises(EnvironmentFailure, match="serves"), serving(bench, tmp_path / "g.sock", group=group):
        pass


def test_a_group_may_reach_the_socket(bench: Any, path: Path) -> None:
    import grp

    with serving(bench, path, group=grp.getgrgid(os.getgid()).gr_name):
        assert path.stat().st_mode & 0o777 == 0o660
    assert not path.exists()
    with pytest.raises(UsageError, match="no group"), serving(bench, path, group="no such group"):
        pass


def test_one_custodian_serves_a_state_and_a_socket(
    served: Any, bench: Any, kit: Any, path: Path, tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentFailure, match=r"another custodian serves .*custodian\.db"):
        CustodyServer(bench.custody, tmp_path / "other.sock")
    (tmp_path / "second").mkdir()
    second = kit.Bench.make(tmp_path / "second")
    with pytest.raises(EnvironmentFailure, match=r"another custodian serves .*c\.sock"):
        CustodyServer(second.custody, path)
    second.close()
    # Neither attempt disturbed the one that serves.
    connect(path).release(served.enrol())


def test_the_socket_of_a_dead_custodian_is_taken_over_and_nothing_else(bench: Any, path: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fspath(path))
    with serving(bench, path):
        connect(path).status()
    path.write_text("a letter")
    with pytest.raises(UsageError, match="is no socket"):
        CustodyServer(bench.custody, path)
    assert path.read_text() == "a letter"
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as alive:
        alive.bind(os.fspath(path))
        alive.listen()
        with pytest.raises(EnvironmentFailure, match="something answers"):
            CustodyServer(bench.custody, path)
    with pytest.raises(UsageError, match="too long"):
        CustodyServer(bench.custody, tmp_path / ("x" * 120))
    with pytest.raises(EnvironmentFailure):
        CustodyServer(bench.custody, tmp_path / "no" / "folder")


def test_only_users_that_are_named_are_served(bench: Any, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bench, path, allowed=frozenset({os.getuid()})):
        connect(path).status()
    with serving(bench, path, allowed=frozenset({os.getuid() + 1})):
        with pytest.raises(PolicyRefusal, match="not served") as caught:
            connect(path).status()
        assert caught.value.rule == "L2"
    assert f"uid {os.getuid()}: not an allowed user" in capsys.readouterr().err


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b"[]\n",
        b'{"call":"nothing","with":{}}\n',
        b'{"call":"status","with":{},"more":1}\n',
        b'{"call":"status","call":"stop","with":{}}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"call":"status","with":' + b"9" * 10_000 + b"}\n",
        STATUS + STATUS,
        STATUS + b"x",
        b"x" * (MAX_MESSAGE_BYTES + 1),
        # Told back, these are longer than a message may be.
        b'{"call":"status","with":{},"' + b"\x7f" * 300_000 + b'":1}\n',
        b'{"call":"status","with":{"' + b"\x7f" * 300_000 + b'":1},"x":1}\n',
    ],
)
def test_L2_nonsense_gets_one_clear_line_and_no_second_turn(served: Any, path: Path, sent: bytes) -> None:
    client = connect(path)
    before = client.status()
    with dial(path) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            line = line_from(connection)
            with pytest.raises((IntegrityError, UsageError)):
                read_answer(line)
            assert connection.recv(1) == b""
    assert client.status() == before


def test_a_wrong_argument_is_refused_and_the_connection_stays(served: Any, path: Path) -> None:
    with dial(path) as connection:
        for given in ({}, {"presentation": 1}, {"presentation": {}}, {"other": 1}):
            connection.sendall(encode({"call": "release", "with": given}))
            with pytest.raises(IntegrityError):
                read_answer(line_from(connection))
        connection.sendall(STATUS)
        assert read_answer(line_from(connection))


def test_L2_the_servers_messages_hold_neither_name_nor_key(
    served: Any, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = connect(path)
    lease = client.release(served.enrol())
    with pytest.raises(PolicyRefusal):
        client.release(served.show(served.record("purpose.add", {"operator": "ann", "gallery": "door"})))
    told = capsys.readouterr().err
    assert f"uid {os.getuid()}: release: done\n" in told
    assert f"uid {os.getuid()}: release: PolicyRefusal L2\n" in told
    for secret in ("ann", "door", lease.key.hex(), lease.key_id):
        assert secret not in told


def test_a_bug_in_one_request_ends_that_connection_only(
    served: Any, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy, client = connect(path), connect(path)
    healthy.status()

    def fail(_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(served.custody, "stop", fail)
        with pytest.raises(EnvironmentFailure, match="failed at this request"):
            client.stop()
    assert "failed: ZeroDivisionError" in capsys.readouterr().err
    healthy.release(served.enrol())


def test_L2_slow_clients_are_ended_and_stop_nobody(
    served: Any, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_module, "MESSAGE_SECONDS", 0.6)
    client = connect(path)
    slow = [dial(path) for _ in range(8)]
    for connection in slow:
        connection.sendall(b'{"call"')
    for _ in range(5):
        client.release(served.enrol())
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.sendall(b" ")
        time.sleep(0.1)
    for connection in slow:
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(10) == b""
        connection.close()
    assert capsys.readouterr().err.count("ended: too slow") == 8
    client.status()


def test_idle_connections_end_and_their_clients_do_not_notice(
    served: Any, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = connect(path)
    client.release(served.enrol())
    monkeypatch.setattr(server_module, "IDLE_SECONDS", 0.3)
    limit = time.monotonic() + 10
    told = ""
    while "ended: idle" not in told and time.monotonic() < limit:
        time.sleep(0.1)
        told += capsys.readouterr().err
    client.release(served.enrol())


def test_L2_a_client_that_does_not_read_fills_no_memory(served: Any, path: Path) -> None:
    client = connect(path)
    with dial(path) as connection:
        connection.setblocking(False)
        sent = 0
        limit = time.monotonic() + 1
        while time.monotonic() < limit:
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                sent += connection.send(STATUS)
        client.release(served.enrol())


def test_when_all_connections_are_in_use_one_clear_line_says_so(
    bench: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.create()
    monkeypatch.setattr(client_module, "_BUSY_TRIES", 2)
    with serving(bench, path, most=3):
        clients = [connect(path) for _ in range(3)]
        for client in clients:
            client.release(bench.enrol())
        with pytest.raises(Busy, match="busy with 3 connections"):
            connect(path).status()
        # Those that are known and silent for long give way.
        monkeypatch.setattr(server_module, "_SETTLED_SECONDS", 0.0)
        connect(path).release(bench.enrol())
        for client in clients:
            client.release(bench.enrol())


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def half(connection: socket.socket) -> None:
    connection.sendall(b'{"call":')
    connection.recv(1)


def huge(connection: socket.socket) -> None:
    connection.sendall(b"x" * MAX_MESSAGE_BYTES)


def curious(connection: socket.socket) -> None:
    while connection.send(STATUS) and line_from(connection):
        pass


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff garbage\n")
    connection.recv(1000)


@contextmanager
def flooding(path: Path, kinds: list[Callable[[socket.socket], None]]) -> Iterator[None]:
    over = threading.Event()

    def flood(send: Callable[[socket.socket], None]) -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), dial(path) as connection:
                connection.settimeout(0.5)
                send(connection)

    threads = [threading.Thread(target=flood, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()


def test_L2_a_flood_does_not_stop_the_custodian(bench: Any, path: Path) -> None:
    """Garbage, silence, half requests, valid questions and huge lines, all at once, and the operator still works."""
    bench.create()
    # Half as many again as are served at once; all of them share this process with the custodian.
    kinds = [silent] * 4 + [half] * 4 + [huge] + [curious] * 2 + [garbage] * 2
    before, served = threading.active_count(), 0
    with serving(bench, path, most=8), flooding(path, kinds):
        client, limit = connect(path), time.monotonic() + 60
        while served < 8 and time.monotonic() < limit:
            recorded = bench.record("enrol", {"operator": "ann", "gallery": "door"})
            shown = bench.show(recorded, since=bench.custody.status().size)
            with contextlib.suppress(Busy):
                client.release(shown)
                served += 1
    while threading.active_count() > before and time.monotonic() < limit:
        time.sleep(0.05)
    assert served == 8
    with bench.custody._state.turn() as turn:
        assert len(turn.all("used")) == 9


def test_L2_a_lost_answer_costs_a_use_and_gives_no_second_key(
    bench: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.create()
    answers = 0

    def lose(self: CustodyServer, connection: Any, said: Any, *, last: bool = False) -> None:
        # The first answer is lost with its connection, after the use was counted.
        nonlocal answers
        answers += 1
        if answers == 1:
            self._drop(connection)
            return
        reply(self, connection, said, last=last)

    reply = CustodyServer._reply
    monkeypatch.setattr(CustodyServer, "_reply", lose)
    with serving(bench, path):
        client = connect(path)
        shown = bench.enrol()
        with pytest.raises(StaleProof):
            client.release(shown)
        assert answers == 2
        size = client.status().size
        assert size == bench.log.size
        with pytest.raises(Replayed):
            client.release(replace(shown, proof=bench.log.proof(shown.proof.index, size)))
        client.release(bench.enrol())


def test_a_connection_that_broke_while_idle_is_made_anew(bench: Any, path: Path) -> None:
    bench.create()
    client = connect(path)
    for _ in range(3):
        with serving(bench, path):
            client.release(bench.enrol())
    with pytest.raises(EnvironmentFailure, match="no custodian answers"):
        client.release(bench.enrol())


def test_a_custodian_that_hangs_is_told(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(os.fspath(path))
        silent.listen()
        with pytest.raises(EnvironmentFailure, match=r"has not answered for 0\.2 s"):
            connect(path, timeout=0.2).status()


def test_what_answers_and_is_no_custodian_is_told(path: Path) -> None:
    said = [b"220 mail\n", json.dumps({"answer": {"size": "x"}}).encode() + b"\n", b"", b""]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(os.fspath(path))
        other.listen()

        def answer() -> None:
            for line in said:
                connection, _ = other.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(line)

        thread = threading.Thread(target=answer)
        thread.start()
        for _ in range(2):
            with pytest.raises(IntegrityError):
                connect(path).status()
        with pytest.raises(EnvironmentFailure, match="without an answer"):
            connect(path).status()
        thread.join(timeout=10)
