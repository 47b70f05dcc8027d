from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faceward.core.errors import BadInput, EnvironmentFailure, IntegrityError, UsageError, WrongSecret
from faceward.protection.backends import Backend, backend_of
from faceward.protection.holder import reseal
from faceward.protection.keys import KeyStore
from faceward.protection.passphrase import Argon2Cost, PassphraseFile
from faceward.protection.rotation import create_keys, open_keys, rotate_master
from faceward.protection.share_words import HeldShare, Quorum
from faceward.protection.shares import ShareSet, SharesFile


def read(folder: Path) -> list[HeldShare]:
    return [HeldShare.read(path) for path in sorted(folder.iterdir())]


@pytest.fixture
def made(tmp_path: Path, master: bytes) -> tuple[Path, list[HeldShare]]:
    path, out = tmp_path / "custodian.key", tmp_path / "shares"
    SharesFile(path, quorum=Quorum(3, 5), out=out).seal(master, replace=False)
    return path, read(out)


def test_three_of_five_custodians_open_and_two_do_not(made: tuple[Path, list[HeldShare]], master: bytes) -> None:
    path, shares = made
    assert SharesFile(path, (shares[4], shares[0], shares[2])).open() == master
    assert SharesFile(path, tuple(shares)).open() == master
    with pytest.raises(WrongSecret, match="2 of the 3 shares"):
        SharesFile(path, (shares[4], shares[0])).open()
    with pytest.raises(WrongSecret, match="0 of the 3 shares"):
        SharesFile(path).open()
    with pytest.raises(WrongSecret, match="given twice"):
        SharesFile(path, (shares[0], shares[1], shares[0])).open()


def test_the_master_key_is_on_no_disk(tmp_path: Path, made: tuple[Path, list[HeldShare]], master: bytes) -> None:
    path, shares = made
    assert backend_of(path) is Backend.SHARES
    kept = path.read_bytes()
    assert master.hex().encode() not in kept
    # Of a word only as a value: names of fields, such as "check", are words too.
    values = {str(value) for value in json.loads(kept).values()}
    assert not values & set(" ".join(held.words for held in shares).split())
    for file in [path, *(tmp_path / "shares").iterdir()]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "shares").stat().st_mode) == 0o700
    assert "words" not in repr(shares[0])
    assert shares[0].words.split()[5] not in repr(SharesFile(path, tuple(shares)))


def test_a_share_is_read_as_people_type_it(made: tuple[Path, list[HeldShare]]) -> None:
    held = made[1][0]
    typed = "  # share of the director\n" + held.words.upper().replace(" ", "\n  ", 3)
    assert HeldShare.parse(typed, "the prompt") == HeldShare.parse(held.words, "the prompt")
    assert (held.number, held.threshold) == (1, 3)


@pytest.mark.parametrize("place", range(33))
def test_a_mistyped_word_is_told_at_once(made: tuple[Path, list[HeldShare]], place: int) -> None:
    words = made[1][0].words.split()
    words[place] = "academic" if words[place] != "academic" else "acid"
    with pytest.raises(BadInput, match="checksum") as caught:
        HeldShare.parse(" ".join(words), "share.txt")
    assert not any(word in str(caught.value) for word in words if len(word) > 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda words: words[:-1], "too few"),
        (lambda words: [*words, "academic"], "mistyped or damaged"),
        (lambda words: ["zebra", *words[1:]], "not in the list"),
        (lambda words: [words[1], words[0], *words[2:]], "checksum"),
        (lambda words: words[:3], "too few"),
        (lambda words: [], "no words"),
    ],
)
def test_a_damaged_share_is_bad_input(made: tuple[Path, list[HeldShare]], change: object, said: str) -> None:
    assert callable(change)
    with pytest.raises(BadInput, match=said) as caught:
        HeldShare.parse(" ".join(change(made[1][0].words.split())), "share.txt")
    assert "\n" not in str(caught.value)
    assert "zebra" not in str(caught.value)


def test_a_file_that_is_no_share_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "share.txt"
    with pytest.raises(IntegrityError, match="missing"):
        HeldShare.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="no share"):
        HeldShare.read(path)
    path.write_bytes(b"academic " * 1000)
    with pytest.raises(IntegrityError, match="larger"):
        HeldShare.read(path)


def test_a_share_of_something_else_is_refused() -> None:
    from shamir_mnemonic import generate_mnemonics

    [[short, _]] = generate_mnemonics(1, [(2, 2)], b"s" * 16)
    [[grouped], _] = generate_mnemonics(2, [(1, 1), (1, 1)], b"s" * 32)
    for words in (short, grouped):
        with pytest.raises(BadInput, match="something else"):
            HeldShare.parse(words, "share.txt")


def test_shares_of_another_set_and_mixed_sets_are_told_by_name(
    tmp_path: Path, made: tuple[Path, list[HeldShare]], master: bytes
) -> None:
    path, shares = made
    other = tmp_path / "other.key"
    SharesFile(other, quorum=Quorum(3, 5), out=tmp_path / "others").seal(master)
    foreign = read(tmp_path / "others")
    with pytest.raises(WrongSecret, match=r"share-2-of-5.txt is share 2 of set .* needs shares of set"):
        SharesFile(path, (shares[0], foreign[1], shares[2])).open()
    with pytest.raises(WrongSecret):
        SharesFile(path, tuple(foreign)).open()


def test_a_set_that_says_another_check_is_an_integrity_error(
    tmp_path: Path, made: tuple[Path, list[HeldShare]]
) -> None:
    from faceward.protection.document import write_document

    path, shares = made
    kept = ShareSet.read(path)
    fields = {"set": kept.name, "threshold": 3, "count": 5, "digests": list(kept.digests), "check": "0" * 64}
    write_document(path, "faceward-master-key-shares", fields, "the set of shares")
    with pytest.raises(IntegrityError, match="do not make the master key"):
        SharesFile(path, tuple(shares)).open()
    # Who lowers the threshold in the file gains nothing: the mathematics knows it.
    write_document(path, "faceward-master-key-shares", {**fields, "threshold": 2, "check": kept.check}, "the set")
    with pytest.raises(IntegrityError):
        SharesFile(path, tuple(shares[:2])).open()


@pytest.mark.parametrize("field", ["set", "threshold", "count", "digests", "check", "format", "version"])
@pytest.mark.parametrize("value", [None, -1, 2, 2.0, True, "", "x", [], ["0" * 64] * 5, {}, 10**400])
def test_a_hostile_set_never_leaks_another_error(made: tuple[Path, list[HeldShare]], field: str, value: object) -> None:
    import json

    from faceward.core.canonical import canonical_json, sha256_hex

    path, shares = made
    document = json.loads(path.read_bytes())
    document[field] = value
    del document["checksum"]
    try:
        document["checksum"] = sha256_hex(canonical_json(document))
        path.write_bytes(canonical_json(document) + b"\n")
    except ValueError:
        path.write_bytes(json.dumps(document).encode())
    if (field, value) == ("threshold", 2):
        with pytest.raises(IntegrityError):
            SharesFile(path, tuple(shares[:2])).open()
        return
    if field == "set" and value == "x":
        assert ShareSet.read(path).name == "x"
        return
    with pytest.raises(IntegrityError):
        SharesFile(path, tuple(shares)).open()


@pytest.mark.parametrize("data", [b"", b"[" * 9000, b"null", b"\xff", b'{"format":"faceward-master-key-shares"}\n'])
def test_a_damaged_set_is_an_integrity_error(made: tuple[Path, list[HeldShare]], data: bytes) -> None:
    made[0].write_bytes(data)
    with pytest.raises(IntegrityError, match="restore"):
        SharesFile(made[0], tuple(made[1])).open()


@pytest.mark.parametrize(
    "text", ["", "3", "5-of-3", "1-of-3", "0-of-2", "3-of-17", "3 of 5", "-3-of-5", "٣-of-5", "3-of-5x"]
)
def test_a_quorum_that_cannot_be_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="3-of-5"):
        Quorum.parse(text)
    assert str(Quorum.parse(" 3-of-5 ")) == "3-of-5"


def test_shares_go_to_a_new_folder_only(tmp_path: Path, made: tuple[Path, list[HeldShare]], master: bytes) -> None:
    path, _ = made
    before = path.read_bytes()
    with pytest.raises(UsageError, match="--out"):
        SharesFile(path).seal(master)
    with pytest.raises(UsageError, match="holds something"):
        SharesFile(path, out=tmp_path / "shares").seal(master)
    with pytest.raises(UsageError, match="already exists"):
        SharesFile(path, quorum=Quorum(2, 2), out=tmp_path / "new").seal(master, replace=False)
    with pytest.raises(UsageError, match="32 bytes"):
        SharesFile(path, out=tmp_path / "new").seal(b"short")
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailure, match="cannot be used"):
        SharesFile(path, out=tmp_path / "file").seal(master)
    assert not (tmp_path / "new").exists()
    assert path.read_bytes() == before


def test_sharing_anew_puts_the_former_shares_out_of_force(
    tmp_path: Path, made: tuple[Path, list[HeldShare]], master: bytes
) -> None:
    path, shares = made
    reseal(SharesFile(path, tuple(shares[:3])), SharesFile(path, out=tmp_path / "new"))
    fresh = read(tmp_path / "new")
    assert len(fresh) == 5
    assert SharesFile(path, tuple(fresh[2:])).open() == master
    with pytest.raises(WrongSecret, match="needs shares of set"):
        SharesFile(path, tuple(shares[:3])).open()


def test_a_passphrase_gives_way_to_shares_and_back(tmp_path: Path, master: bytes, cheap: Argon2Cost) -> None:
    path = tmp_path / "custodian.key"
    PassphraseFile(path, "secret", cheap).seal(master)
    assert backend_of(path) is Backend.PASSPHRASE
    reseal(PassphraseFile(path, "secret", cheap), SharesFile(path, quorum=Quorum(2, 2), out=tmp_path / "s"))
    assert backend_of(path) is Backend.SHARES
    reseal(SharesFile(path, tuple(read(tmp_path / "s"))), PassphraseFile(path, "other", cheap))
    assert PassphraseFile(path, "other", cheap).open() == master


@pytest.mark.parametrize("rewrapped", [False, True])
def test_a_rotation_under_shares_that_was_killed_opens_with_the_key_in_force(tmp_path: Path, rewrapped: bool) -> None:
    path, keys = tmp_path / "master.key", tmp_path / "keys.db"
    store = create_keys(keys, SharesFile(path, quorum=Quorum(2, 3), out=tmp_path / "old"))
    store.put_secret("seed", b"s")
    old = SharesFile(path, tuple(read(tmp_path / "old")), out=tmp_path / "new")
    old.staged().seal(b"n" * 32)
    if rewrapped:
        store.rotate_master(b"n" * 32)
    store.close()
    new = SharesFile(path, tuple(read(tmp_path / "new")))
    right, wrong = (new, old) if rewrapped else (old, new)
    with pytest.raises((WrongSecret, IntegrityError)):
        open_keys(keys, wrong)
    again = open_keys(keys, right)
    assert again.secret("seed") == b"s"
    again.close()
    assert not right.staged().path.exists()
    KeyStore.open(keys, right.open()).close()


def test_rotation_under_shares_makes_new_shares(tmp_path: Path) -> None:
    path, keys = tmp_path / "master.key", tmp_path / "keys.db"
    store = create_keys(keys, SharesFile(path, quorum=Quorum(2, 3), out=tmp_path / "old"))
    rotate_master(store, SharesFile(path, tuple(read(tmp_path / "old")), out=tmp_path / "new"))
    store.close()
    open_keys(keys, SharesFile(path, tuple(read(tmp_path / "new")))).close()
    with pytest.raises(WrongSecret):
        open_keys(keys, SharesFile(path, tuple(read(tmp_path / "old"))))


_SEALER = """
import sys
from pathlib import Path
from faceward.protection.share_words import Quorum
from faceward.protection.shares import SharesFile
folder = Path(sys.argv[1])
print("ready", flush=True)
for number in range(10_000):
    SharesFile(folder / "custodian.key", quorum=Quorum(2, 3), out=folder / f"set-{number}").seal(bytes(range(32)))
"""


@pytest.mark.slow
def test_killed_while_sealing_one_whole_set_stays_in_force(tmp_path: Path, master: bytes) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    opened = 0
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", _SEALER, str(folder)], stdout=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.02 + 0.0137 * number)
            process.send_signal(signal.SIGKILL)
        path = folder / "custodian.key"
        if not path.exists():
            continue
        name = ShareSet.read(path).digests
        [kept] = [
            shares
            for shares in (read(out) for out in folder.glob("set-*") if len(list(out.glob("*.txt"))) == 3)
            if tuple(held.digest for held in shares) == name
        ]
        assert SharesFile(path, tuple(kept[1:])).open() == master
        opened += 1
    assert opened
