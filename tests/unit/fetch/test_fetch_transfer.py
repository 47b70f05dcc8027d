from __future__ import annotations

import hashlib
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.fetch.conftest import Server

from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError
from faceward.fetch import transfer
from faceward.fetch.partial import Partial
from faceward.fetch.transfer import Wanted, fetch

DATA = bytes(range(256)) * 400


@pytest.fixture
def partial(tmp_path: Path) -> Partial:
    return Partial(tmp_path / "x.part")


def _wanted(server: Server, path: str = "/x", data: bytes = DATA, hosts: tuple[str, ...] = ()) -> Wanted:
    return Wanted(f"{server.url}{path}", len(data), hashlib.sha256(data).hexdigest(), hosts)


def _serve(server: Server, data: bytes = DATA, tag: str = '"v1"') -> None:
    server.files["x"], server.etags["x"] = data, tag


def test_a_file_is_fetched_in_one_request(server: Server, partial: Partial) -> None:
    _serve(server)
    seen: list[int] = []
    fetch(_wanted(server), partial, seen.append)
    assert partial.path.read_bytes() == DATA
    assert seen[-1] == len(DATA)
    assert seen == sorted(seen)
    ((_, headers),) = server.asked
    assert "Range" not in headers
    assert [path.name for path in partial.path.parent.iterdir()] == ["x.part"]


def test_what_is_there_is_not_fetched_again(server: Server, partial: Partial) -> None:
    partial.path.write_bytes(DATA)
    fetch(_wanted(server), partial)
    assert server.asked == []


def test_an_interrupted_transfer_goes_on_where_it_ended(server: Server, partial: Partial) -> None:
    _serve(server)
    server.cut = 30_000
    with pytest.raises(EnvironmentFailure, match=r"the connection ended early; 90,000 of 102,400 bytes are kept"):
        fetch(_wanted(server), partial)
    server.cut = None
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA
    ranges = [headers.get("Range") for _, headers in server.asked]
    assert ranges == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]
    assert {headers.get("If-Range") for _, headers in server.asked[1:]} == {'"v1"'}
    assert server.sent == len(DATA)


def test_another_version_is_begun_anew(server: Server, partial: Partial) -> None:
    _serve(server, bytes(len(DATA)), '"old"')
    server.cut = 1000
    with pytest.raises(EnvironmentFailure, match="ended early"):
        fetch(_wanted(server), partial)
    _serve(server)
    server.cut = None
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA


def test_two_versions_mixed_are_found_by_the_hash_and_removed(server: Server, partial: Partial) -> None:
    partial.path.write_bytes(bytes(5000))
    _serve(server, tag="")
    with pytest.raises(IntegrityError, match="it was removed"):
        fetch(_wanted(server), partial)
    assert list(partial.path.parent.iterdir()) == []
    fetch(_wanted(server), partial)


def test_a_server_without_ranges_sends_the_whole(server: Server, partial: Partial) -> None:
    _serve(server)
    server.ranges = False
    partial.path.write_bytes(DATA[:5000])
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "shown",
    ["bytes 0-102399/102400", "bytes 5000-102399/102401", "bytes 5000-102400/102400", "bytes */102400", "", "5000"],
)
def test_another_part_than_was_asked_for_is_not_appended(server: Server, partial: Partial, shown: str) -> None:
    _serve(server)
    server.headers["Content-Range"] = shown
    partial.path.write_bytes(DATA[:5000])
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA
    assert [headers.get("Range") for _, headers in server.asked] == ["bytes=5000-", None]


def test_a_part_that_the_server_does_not_have_is_begun_anew(server: Server, partial: Partial) -> None:
    _serve(server, DATA[:50])
    partial.path.write_bytes(DATA[:60])
    with pytest.raises(IntegrityError, match="has 50 bytes"):
        fetch(_wanted(server), partial)
    assert not partial.path.exists()


def test_a_part_that_is_too_long_is_begun_anew(server: Server, partial: Partial) -> None:
    _serve(server)
    partial.path.write_bytes(DATA + b"x")
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA


def test_a_wrong_hash_leaves_nothing(server: Server, partial: Partial) -> None:
    _serve(server, bytes(len(DATA)))
    with pytest.raises(IntegrityError, match=r"SHA-256 [0-9a-f]{16}….*do not use it"):
        fetch(_wanted(server), partial)
    assert list(partial.path.parent.iterdir()) == []


def test_a_file_of_another_size_is_refused_before_it_is_read(server: Server, partial: Partial) -> None:
    _serve(server, DATA + DATA)
    with pytest.raises(IntegrityError, match="has 204800 bytes, the pack says 102,400"):
        fetch(_wanted(server), partial)
    assert not partial.path.exists()


def test_a_file_without_end_is_cut_off(server: Server, partial: Partial) -> None:
    _serve(server)
    server.headers["Content-Length"], server.endless = "", True
    with pytest.raises(IntegrityError, match="larger than the 102,400 bytes"):
        fetch(_wanted(server), partial)
    assert not partial.path.exists()


def test_another_encoding_is_refused(server: Server, partial: Partial) -> None:
    _serve(server)
    server.headers["Content-Encoding"] = "gzip"
    with pytest.raises(EnvironmentFailure, match="another encoding"):
        fetch(_wanted(server), partial)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_passing_failure_is_tried_again(server: Server, partial: Partial, code: int) -> None:
    _serve(server)
    server.failures = [code, code]
    fetch(_wanted(server), partial)
    server.failures = [code] * 3
    partial.forget()
    with pytest.raises(EnvironmentFailure, match=f"answered {code}; 0 of 102,400 bytes are kept"):
        fetch(_wanted(server), partial)


@pytest.mark.parametrize(("code", "what"), [(404, "no such file any more"), (410, "no such file"), (403, "refuses")])
def test_a_lasting_failure_is_not(server: Server, partial: Partial, code: int, what: str) -> None:
    server.failures = [code]
    with pytest.raises(EnvironmentFailure, match=what):
        fetch(_wanted(server), partial)
    assert len(server.asked) == 1


def test_a_server_that_drips_is_left(server: Server, partial: Partial, monkeypatch: pytest.MonkeyPatch) -> None:
    _serve(server)
    server.drip = 0.02
    monkeypatch.setattr(transfer, "WINDOW_SECONDS", 0.1)
    with pytest.raises(EnvironmentFailure, match="fewer than 65,536 bytes came"):
        fetch(_wanted(server), partial)
    assert 0 < partial.length < len(DATA)


def test_a_server_that_is_silent_is_left(partial: Partial, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        wanted = Wanted(f"http://127.0.0.1:{mute.getsockname()[1]}/x", 10, "0" * 64)
        with pytest.raises(EnvironmentFailure, match="no answer for"):
            fetch(wanted, partial)


def test_where_nobody_listens_there_is_one_try(partial: Partial) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    # Without the pauses of the fixture: were it tried again, the test would take seconds.
    with pytest.raises(EnvironmentFailure, match=r"127\.0\.0\.1: Connection refused"):
        fetch(Wanted(f"http://127.0.0.1:{port}/x", 10, "0" * 64), partial)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/x",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "https://user:word@example.org/x",
        "https:///x",
        "https://[::1/x",
        "https://example.org/a b",
        "https://example.org:port/x",
        "",
    ],
)
def test_other_addresses_are_not_asked(partial: Partial, address: str) -> None:
    with pytest.raises(EnvironmentFailure, match="nothing was fetched"):
        fetch(Wanted(address, 10, "0" * 64), partial)


def test_a_redirect_within_the_server_is_followed_with_its_range(server: Server, partial: Partial) -> None:
    _serve(server)
    server.redirects["/old"] = "/x"
    partial.path.write_bytes(DATA[:5000])
    fetch(_wanted(server, "/old"), partial)
    assert partial.path.read_bytes() == DATA
    assert [headers.get("Range") for _, headers in server.asked] == ["bytes=5000-", "bytes=5000-"]


def test_a_redirect_to_another_server_is_followed_only_where_the_pack_names_it(
    server: Server, partial: Partial
) -> None:
    _serve(server)
    server.redirects["/old"] = f"http://localhost:{server.port}/x"
    with pytest.raises(EnvironmentFailure, match="sends on to another server, localhost"):
        fetch(_wanted(server, "/old"), partial)
    assert len(server.asked) == 1
    with pytest.raises(EnvironmentFailure, match="sends on to another server, localhost"):
        fetch(_wanted(server, "/old", hosts=("host", "ocalhost")), partial)
    fetch(_wanted(server, "/old", hosts=("localhost",)), partial)
    assert partial.path.read_bytes() == DATA


@pytest.mark.parametrize(
    "target",
    [
        *("http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://u@b.org/"),
        *("http://[evil/", "https://[", "https://b.org:99999/", "//[evil/"),
    ],
)
def test_a_redirect_to_an_unsafe_address_is_not_followed(server: Server, partial: Partial, target: str) -> None:
    server.redirects["/old"] = target
    with pytest.raises(EnvironmentFailure, match="sends on to an address that"):
        fetch(_wanted(server, "/old", hosts=("example.org", "b.org")), partial)


def test_a_redirect_in_a_circle_ends(server: Server, partial: Partial) -> None:
    server.redirects.update({"/a": "/b", "/b": "/a"})
    with pytest.raises(EnvironmentFailure, match="not followed"):
        fetch(_wanted(server, "/a"), partial)
    assert len(server.asked) < 20


def test_this_machine_is_not_asked_of_a_proxy(
    server: Server, partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve(server)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.delenv("no_proxy", raising=False)
    fetch(_wanted(server), partial)


def test_the_network_is_reached_through_the_environments_proxy(
    server: Server, partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}/")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    # The server knows no CONNECT; that it is asked at all shows the way that is taken.
    with pytest.raises(EnvironmentFailure, match=r"example\.org: "):
        fetch(Wanted("https://example.org/x", 10, "0" * 64), partial)


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_is_said_and_what_came_is_kept(server: Server, partial: Partial) -> None:
    _serve(server)
    with _files_of_at_most(40_000), pytest.raises(EnvironmentFailure, match="File too large; what came is kept"):
        fetch(_wanted(server), partial)
    assert partial.length == 40_000
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA


def test_a_folder_that_cannot_be_written_is_said(server: Server, tmp_path: Path) -> None:
    _serve(server)
    (tmp_path / "file").write_text("")
    with pytest.raises(FacewardError, match="Not a directory"):
        fetch(_wanted(server), Partial(tmp_path / "file" / "x.part"))


@pytest.mark.parametrize("there", [b"", DATA[:5000], DATA])
def test_a_link_in_the_place_of_the_partial_file_is_refused_and_what_it_names_stays(
    server: Server, partial: Partial, tmp_path: Path, there: bytes
) -> None:
    _serve(server)
    victim = tmp_path / "victim"
    victim.write_bytes(there)
    partial.path.symlink_to(victim)
    with pytest.raises(EnvironmentFailure, match=r"is a link or no regular file; .* remove it") as refused:
        fetch(_wanted(server), partial)
    assert "\n" not in str(refused.value)
    assert victim.read_bytes() == there
    # Put there only after its length was asked for, it is not followed either.
    for use in (partial.digest, lambda: partial.appending().__enter__()):
        with pytest.raises(EnvironmentFailure, match="is a link"):
            use()
    assert victim.read_bytes() == there
    partial.path.unlink()
    fetch(_wanted(server), partial)
    assert partial.path.read_bytes() == DATA


def test_a_pipe_in_the_place_of_the_partial_file_keeps_nobody_waiting(server: Server, partial: Partial) -> None:
    _serve(server)
    os.mkfifo(partial.path)
    for use in (lambda: fetch(_wanted(server), partial), partial.digest, lambda: partial.appending().__enter__()):
        with pytest.raises(EnvironmentFailure, match="no regular file"):
            use()


def test_a_link_in_the_place_of_the_tag_is_neither_sent_nor_written(
    server: Server, partial: Partial, tmp_path: Path
) -> None:
    _serve(server)
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    tag = partial.path.with_name("x.part.etag")
    tag.symlink_to(secret)
    partial.path.write_bytes(DATA[:100])
    fetch(_wanted(server), partial)
    assert not any("secret" in value for _, headers in server.asked for value in headers.values())
    assert secret.read_text() == "a secret"
    assert partial.path.read_bytes() == DATA
    tag.symlink_to(secret)
    partial.begin('"v2"')
    assert (secret.read_text(), partial.tag) == ("a secret", '"v2"')
