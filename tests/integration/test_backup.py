"""Backups and restoring them: whole or not at all, consistent while in use, and nobody comes back (rule T2)."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceward import bootstrap
from faceward.core.clock import SystemClock
from faceward.core.errors import EnvironmentFailure, IntegrityError, PolicyRefusal, UsageError, WrongSecret
from faceward.custody.custodian import Custodian
from faceward.custody.server import CustodyServer
from faceward.operations import backup_files, case_end
from faceward.operations.backup import Places
from faceward.operations.case_store import CaseStore
from faceward.operations.journal import Happening
from faceward.operations.restore_order import Order, Restored
from faceward.operations.restoring import restore
from faceward.operations.signing_in import Credentials
from faceward.operations.system import System
from faceward.policy.facts import rights_context
from faceward.policy.sshsig import PrivateKey
from faceward.protection.age import new_identity_file

PASSPHRASE = "correct horse"


class Shelf:
    """Where the backups of a deployment lie."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.archives: Path = world.folder / "archives"
        self.stick: Path = world.folder / "stick"
        self.archives.mkdir()
        self.stick.mkdir()
        self.keys = self.stick / "door.keys"
        self.passphrase = PASSPHRASE
        self.credentials: Credentials | None = None

    def take(self, system: System, name: str = "one.tar", **options: Any) -> Path:
        system.back_up(Places(self.archives / name, self.keys, **options))
        return self.archives / name

    def opener(self, home: Path) -> System:
        return bootstrap.open_system(
            home,
            passphrase=self.passphrase,
            clock=self.world.clock,
            operator=None if self.credentials else "clerk",
            credentials=self.credentials,
        )

    def restore(self, archive: Path, name: str = "restored", **options: Any) -> Restored:
        """Restore with the log of the deployment as it is now, unless told otherwise; the world goes on there."""
        if not options.keys() & {"log", "without_later_log"}:
            options["log"] = self.world.home / "log.db"
        order = Order(archive, options.pop("keys", self.keys), self.world.folder / name, **options)
        result = restore(order, lambda path: bootstrap.Secret(self.passphrase).holder(path), self.opener)
        self.world.close()
        self.world.home = result.home
        return result

    def left(self) -> list[str]:
        return sorted(path.name for folder in (self.archives, self.stick) for path in folder.iterdir())


@pytest.fixture
def shelf(world: Any) -> Shelf:
    world.enrol(world.open(), "Ada", "Grace")
    return Shelf(world)


def check_whole(system: System) -> None:
    """Fail unless the log verifies, nothing is left open, and every reference opens."""
    assert system.verify_log().unfinished == ()
    deployment = system._deployment
    deployment.store.check()
    deployment.keys.check()
    for info in system.galleries():
        with system._desk.operation(
            "show", rights_context(), Happening("subject.show", {"galleries": [info.name]})
        ) as a:
            a.gallery(info.name).check()
    for _ in system.log_lines():
        pass


def reopened(world: Any) -> System:
    """Open what was restored, and let recognition go on."""
    system: System = world.open(operator="clerk")
    if system._deployment.custody.status().stopped:
        system.control.restart()
    return system


def rows(home: Path) -> set[str]:
    with closing(sqlite3.connect(home / "keys.db")) as connection:
        return {row[0] for row in connection.execute("SELECT key_id FROM subject_key")}


def erase(world: Any, system: Any) -> None:
    system.erase("Ada")


def withdraw(world: Any, system: Any) -> None:
    system.rights.withdraw("Ada", "door")


def expire(world: Any, system: Any) -> None:
    world.clock.advance(timedelta(days=400))
    system.rights.tick()
    world.clock.advance(timedelta(days=-400))


@pytest.mark.parametrize("end", [erase, withdraw, expire])
def test_T2_a_restored_backup_with_the_later_log_brings_nobody_back(shelf: Shelf, end: Callable[..., None]) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    archive = shelf.take(system)
    mine = {r.key_id for r in system._deployment.store.by_subject(system._deployment.pseudonym("Ada"))}
    label = system._desk.journal.subject_key_id("Ada")
    end(world, system)
    result = shelf.restore(archive)
    assert result.stopped
    assert result.later_entries
    assert result.keys_destroyed >= 1
    assert not mine & rows(world.home)
    data = b"".join(path.read_bytes() for path in sorted(world.home.iterdir()) if path.name.startswith("gallery"))
    assert all(key_id.encode() not in data for key_id in mine)
    system = reopened(world)
    assert world.found(system, "Ada") == []
    with pytest.raises(UsageError):
        world.matches(system, "Ada")
    if end is not expire:
        assert world.matches(system, "Grace")
    if end is erase:
        assert label not in rows(world.home)
        assert all("Ada" not in str(line.opened) for line in system.log_lines())
    check_whole(system)


def test_T2_an_archive_is_not_opened_by_the_key_part_of_a_later_backup(shelf: Shelf) -> None:
    """So nothing on the shelf opens whom an erasure has ended: only the newest archive has a key."""
    system = shelf.world.systems[-1]
    first = shelf.take(system)
    system.erase("Ada")
    second = shelf.take(system, "two.tar")
    with pytest.raises(UsageError, match="made with it"):
        shelf.restore(first, without_later_log=True)
    result = shelf.restore(second)
    assert (result.later_entries, result.stopped) == (1, False)
    assert not {"Ada"} & set(shelf.world.found(reopened(shelf.world), "Ada"))
    for path in (first, second, shelf.keys):
        assert not [name for name in (b"Ada", b"Grace") if name in path.read_bytes()]
    # The archive holds nothing that opens anything.
    folder = shelf.world.folder / "opened"
    folder.mkdir(mode=0o700)
    inside = backup_files.unpack(second, backup_files.ARCHIVE, folder).manifest.files
    assert set(inside) == {"deployment.json", "gallery.db", "log.db", "log.vkey"}


def test_T2_an_erasure_under_way_during_the_backup_is_final(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceward.operations import consent

    system = shelf.world.systems[-1]
    taken: list[Path] = []
    true = consent.end_releases

    def between(*arguments: Any) -> None:
        if not taken:
            taken.append(shelf.take(system))
        true(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(consent, "end_releases", between)
        system.erase("Ada")
    assert shelf.restore(taken[0]).keys_destroyed >= 1
    system = reopened(shelf.world)
    assert shelf.world.found(system, "Ada") == []
    assert shelf.world.matches(system, "Grace")


def test_T2_who_came_after_the_backup_is_lost_and_the_log_still_opens(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    archive = shelf.take(system)
    world.enrol(system, "Hedy")
    system.erase("Ada")
    shelf.restore(archive)
    system = reopened(world)
    check_whole(system)
    assert world.found(system, "Hedy") == []
    world.enrol(system, "Hedy")
    assert world.found(system, "Hedy") == ["Hedy"]
    assert [line for line in system.log_lines() if line.operation == "restore"]


def test_T2_a_release_that_ended_since_counts_no_more_after_a_restore(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    sheet = world.release("Hedy", signed_on=date(2026, 5, 1), evidence="sheet of May")
    system.enrol([world.picture("Hedy")], subject="Hedy", purpose="door", releases=sheet)
    archive = shelf.take(system)
    system.rights.withdraw("Hedy", "door")
    shelf.restore(archive)
    with pytest.raises(PolicyRefusal, match="withdrawal"):
        reopened(world).enrol([world.picture("Hedy")], subject="Hedy", purpose="door", releases=sheet)


def test_T2_names_in_complaints_and_cases_go_with_who_was_erased_since(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    system.rights.complain("Ada", "That was not me.")
    cases = []
    for _ in range(2):
        picture = world.picture("Ada", "Grace")
        found = system.identify(picture, gallery="door", purpose="door", reason="a test")
        cases.append(system.cases.open(picture, search=found.entry, kind="frame")["case"])
    kept, deleted = cases
    archive = shelf.take(system)
    assert {"Ada", "Grace"} <= set(CaseStore(system._deployment).read(kept)[1].subjects)
    system.erase("Ada")
    # As a case ends whose term is over: by hand it does only after its finding (rule H3).
    case_end._delete_all(system._deployment, system._desk, lambda held: held.id == deleted, "its term has ended")
    shelf.restore(archive)
    system = reopened(world)
    assert system.rights.complaints() == ()
    store = CaseStore(system._deployment)
    assert [store.open(held).id for held in store.held()] == [kept]
    assert store.read(kept)[1].subjects == ("Grace",)


def test_K2_a_programs_key_that_was_revoked_since_stays_revoked(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    created = [system.api_keys.create(name) for name in ("old till", "new till")]
    archive = shelf.take(system)
    system.api_keys.revoke("old till")
    shelf.restore(archive)
    keys = reopened(world).api_keys
    assert keys.by_id(created[0].note.id) is None
    assert keys.by_id(created[1].note.id) is not None


def test_nothing_since_leaves_recognition_as_it_was(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    result = shelf.restore(shelf.take(system))
    assert (result.later_entries, result.stopped) == (1, False)
    assert world.found(world.open(), "Grace") == ["Grace"]


def test_T2_the_backups_own_log_is_not_taken_for_a_later_one(shelf: Shelf) -> None:
    """Else it would be the quiet way to go on without one."""
    world, system = shelf.world, shelf.world.systems[-1]
    archive = shelf.take(system)
    system.erase("Ada")
    folder = world.folder / "opened"
    folder.mkdir(mode=0o700)
    backup_files.unpack(archive, backup_files.ARCHIVE, folder)
    with pytest.raises(UsageError, match="nothing later"):
        shelf.restore(archive, log=folder / "log.db")


def test_T2_without_a_later_log_it_is_said_openly_and_recognition_waits(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    archive = shelf.take(system)
    with pytest.raises(UsageError, match="log FILE"):
        shelf.restore(archive, log=None)
    result = shelf.restore(archive, without_later_log=True)
    assert (result.later_entries, result.stopped) == (None, True)
    system = world.open()
    with pytest.raises(PolicyRefusal, match="stopped"):
        world.found(system, "Grace")
    [entry] = [line for line in system.log_lines() if line.operation == "restore"]
    assert entry.opened["details"]["later_log"] is False
    assert entry.opened["details"]["log_size"] == result.log_size


def test_S2_where_people_are_in_the_roster_nobody_restores_unnamed(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    key = PrivateKey.generate()
    system.people.add("ana", key.public.line, ("operator", "approver"), date(2026, 12, 31))
    archive = shelf.take(system)
    with pytest.raises(PolicyRefusal, match="sign"):
        shelf.restore(archive, without_later_log=True)
    assert not (world.folder / "restored").exists()
    shelf.credentials = Credentials("ana", key)
    shelf.restore(archive, without_later_log=True)
    [entry] = [line for line in world.open(purpose=None).log_lines() if line.operation == "restore"]
    assert entry.opened["details"]["operator"] == "ana"


def flipped(path: Path, place: float) -> bytes:
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    return bytes(data)


@pytest.mark.parametrize("which", ["archive", "keys"])
def test_an_altered_part_is_refused_and_nothing_is_written(shelf: Shelf, which: str) -> None:
    world = shelf.world
    archive = shelf.take(world.systems[-1])
    victim = archive if which == "archive" else shelf.keys
    good = victim.read_bytes()
    size = len(good)
    # In the manifest, in a file's bytes, in the tar headers; cut short; and nothing at all.
    changed = [flipped(victim, 600 / size), flipped(victim, 0.5), flipped(victim, 100 / size), good[: size // 2], b""]
    for data in changed:
        victim.write_bytes(data)
        with pytest.raises(IntegrityError, match=r"altered|damaged"):
            shelf.restore(archive)
    assert [path.name for path in world.folder.iterdir() if "restor" in path.name] == []
    victim.write_bytes(good)
    shelf.restore(archive)


def test_a_manifest_that_somebody_wrote_anew_is_refused(shelf: Shelf) -> None:
    world = shelf.world
    archive = shelf.take(world.systems[-1])
    folder = world.folder / "opened"
    folder.mkdir(mode=0o700)
    unpacked = backup_files.unpack(archive, backup_files.ARCHIVE, folder)
    (folder / "log.vkey").write_bytes(b"another key")
    inside = {name: backup_files.contained(folder / name) for name in unpacked.manifest.files}
    forged = backup_files.Manifest(
        **{**{n: getattr(unpacked.manifest, n) for n in backup_files.Manifest.__slots__}, "files": inside}
    )
    archive.unlink()
    backup_files.pack(folder, forged, unpacked.tag, archive, ())
    with pytest.raises(IntegrityError, match="manifest was altered"):
        shelf.restore(archive)
    assert not (world.folder / "restored").exists()


def bootstrap_another(home: Path) -> Path:
    bootstrap.create(home, standard="workplace", secret=bootstrap.Secret(PASSPHRASE))
    return home


def test_another_log_an_older_log_and_a_wrong_passphrase_are_refused(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    older = world.copy("log.db") / "log.db"
    system.erase("Ada")
    archive = shelf.take(system)
    with pytest.raises(IntegrityError, match="does not continue"):
        shelf.restore(archive, log=older)
    other = bootstrap_another(world.folder / "another")
    with pytest.raises(IntegrityError):
        shelf.restore(archive, log=other / "log.db")
    with pytest.raises(UsageError, match="no such"):
        shelf.restore(archive, log=world.folder / "nothing.db")
    shelf.passphrase = "another"
    with pytest.raises(WrongSecret):
        shelf.restore(archive)
    assert not (world.folder / "restored").exists()


def test_what_is_there_is_not_overwritten(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    archive = shelf.take(system)
    before = {name: data for name, data in world.contents().items() if name.endswith((".key", ".json"))}
    with pytest.raises(UsageError, match="not overwritten"):
        shelf.restore(archive, world.home.name)
    assert before.items() <= world.contents().items()
    with pytest.raises(UsageError, match="exists already"):
        shelf.take(system)
    with pytest.raises(UsageError, match="one folder"):
        system.back_up(Places(shelf.archives / "two.tar", shelf.archives / "two.keys"))
    shelf.keys.write_bytes(b"a letter to a friend")
    with pytest.raises(UsageError, match="not overwritten"):
        shelf.take(system, "two.tar")
    assert shelf.keys.read_bytes() == b"a letter to a friend"


def test_sessions_of_a_service_are_left_out_and_what_is_not_known_goes_with_the_keys(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    (world.home / "notes.txt").write_bytes(b"who knows what")
    with closing(sqlite3.connect(world.home / "service.db")) as connection:
        connection.execute("CREATE TABLE session (name TEXT)")
    shelf.take(system)
    folder = world.folder / "opened"
    folder.mkdir(mode=0o700)
    inside = backup_files.unpack(shelf.keys, backup_files.KEYS, folder).manifest.files
    assert set(inside) == {"custodian.db", "keys.db", "master.key", "notes.txt"}


def test_both_parts_can_be_encrypted_to_a_recipient(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    mine, other = world.folder / "mine.txt", world.folder / "other.txt"
    recipient = new_identity_file(mine)
    new_identity_file(other)
    archive = shelf.take(system, recipients=(recipient,))
    for path in (archive, shelf.keys):
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"manifest" not in path.read_bytes()
    with pytest.raises(UsageError, match="archive-identity"):
        shelf.restore(archive)
    with pytest.raises(WrongSecret):
        shelf.restore(archive, identity=other)
    good = archive.read_bytes()
    archive.write_bytes(flipped(archive, 0.5))
    with pytest.raises(IntegrityError):
        shelf.restore(archive, identity=mine)
    archive.write_bytes(good)
    shelf.restore(archive, identity=mine)
    assert world.matches(reopened(world), "Grace")


def at_once(world: Any, system: System, ended: threading.Event, failures: list[BaseException]) -> None:
    """Enrol and erase until told to end."""
    name = system._deployment.operator
    try:
        for number in range(10_000):
            if ended.is_set():
                return
            world.enrol(system, f"{name} {number}")
            if number % 3 == 2:
                system.erase(f"{name} {number - 1}")
    except BaseException as error:
        failures.append(error)
        raise


def test_a_backup_during_enrolments_and_erasures_is_of_one_moment(shelf: Shelf) -> None:
    world, system = shelf.world, shelf.world.systems[-1]
    ended, failures = threading.Event(), list[BaseException]()
    views = [system.acting("first"), system.acting("second")]
    threads = [threading.Thread(target=at_once, args=(world, view, ended, failures)) for view in views]
    for thread in threads:
        thread.start()
    taken = []
    for number in range(4):
        time.sleep(0.15)
        archive = shelf.take(system, f"{number}.tar")
        taken.append((archive, shutil.copyfile(shelf.keys, shelf.stick / f"{number}.keys")))
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
    log = world.home / "log.db"
    for number, (archive, part) in enumerate(taken):
        for name, how in ((f"a{number}", {"without_later_log": True}), (f"b{number}", {"log": log})):
            shelf.restore(archive, name, keys=part, **how)
            restored = reopened(world)
            check_whole(restored)
            assert world.found(restored, "Grace") == ["Grace"]
            world.close()


def test_a_gallery_key_changed_during_the_backup_is_noticed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key store is read while the old key is in force, the custodian's state when the next one is."""
    from faceward.operations import backup

    world, system = shelf.world, shelf.world.systems[-1]
    begun, go = threading.Event(), threading.Event()
    rotate, pinned = Custodian.rotate, backup.pinned
    former = backup._custodied(world.home / "keys.db")
    reads: list[str] = []

    def late(*arguments: Any) -> Any:
        begun.set()
        assert go.wait(30)
        return rotate(*arguments)

    def between(path: Path) -> Any:
        reads.append(path.name)
        if path.name == "custodian.db":
            go.set()
        limit = time.monotonic() + 30
        while path.name == "custodian.db" and backup._custodied(world.home / "keys.db") == former:
            assert time.monotonic() < limit
            time.sleep(0.01)
        return pinned(path)

    monkeypatch.setattr(Custodian, "rotate", late)
    thread = threading.Thread(target=system.acting("other").rotate, args=("door",))
    thread.start()
    assert begun.wait(30)
    monkeypatch.setattr(backup, "pinned", between)
    archive = shelf.take(system)
    thread.join()
    # It was read once more.
    assert reads.count("custodian.db") >= 2
    monkeypatch.undo()
    shelf.restore(archive)
    system = reopened(world)
    check_whole(system)
    assert world.found(system, "Grace") == ["Grace"]


def test_a_backup_killed_at_any_instant_leaves_the_former_pair_or_the_new_one(
    world: Any, worker: Callable[..., Any]
) -> None:
    world.clock = SystemClock()
    system = world.open()
    until = datetime.now(tz=world.clock.now().tzinfo) + timedelta(days=300)
    for who in ("Ada", "Grace"):
        sheet = world.release(who, until=until)
        system.enrol([world.picture(who)], subject=who, purpose="door", releases=sheet)
    shelf = Shelf(world)
    shelf.take(system, "0.tar")
    world.close()
    rng = np.random.default_rng(20260601)
    for number in range(1, 7):
        process = worker(
            "back_up", world.home, fake=True, archives=shelf.archives, keys=shelf.keys, first=number * 1000
        )
        process.wait_for(1)
        time.sleep(rng.uniform(0.0, 0.15))
        process.kill()
    # A backup that was killed before it could say so is followed by other entries.
    sheet = world.release("Hedy", until=until)
    world.open().enrol([world.picture("Hedy")], subject="Hedy", purpose="door", releases=sheet)
    world.close()
    whole = [path for path in shelf.archives.iterdir() if path.suffix == ".tar"]
    assert len(whole) > 1
    fits = []
    home = world.home
    for path in whole:
        with suppress(UsageError):
            shelf.restore(path, f"from-{path.stem}", log=home / "log.db")
            fits.append(path)
            check_whole(reopened(world))
            world.close()
        world.home = home
    # Killed between the two, the newest archive has no key part yet, and the one before has.
    assert len(fits) == 1
    world.open()
    shelf.take(world.systems[-1], "last.tar")
    assert [name for name in shelf.left() if name.startswith(".")] == []


def test_a_restore_killed_at_any_instant_leaves_nothing_or_the_whole(world: Any, worker: Callable[..., Any]) -> None:
    world.clock = SystemClock()
    system = world.open()
    until = datetime.now(tz=world.clock.now().tzinfo) + timedelta(days=300)
    for who in ("Ada", "Grace"):
        sheet = world.release(who, until=until)
        system.enrol([world.picture(who)], subject=who, purpose="door", releases=sheet)
    shelf = Shelf(world)
    archive = shelf.take(system)
    system.erase("Ada")
    world.close()
    rng, log, home = np.random.default_rng(20260602), world.home / "log.db", world.folder / "restored"
    outcomes = set()
    for _ in range(6):
        process = worker("restore", world.home, fake=True, archive=archive, keys=shelf.keys, into=home, log=log)
        process.wait_for(1)
        time.sleep(rng.uniform(0.0, 0.2))
        process.kill()
        outcomes.add(home.exists())
        if home.exists():
            world.home = home
            restored = reopened(world)
            assert world.found(restored, "Ada") == []
            assert world.found(restored, "Grace") == ["Grace"]
            check_whole(restored)
            world.close()
            shutil.rmtree(home)
            world.home = log.parent
    assert False in outcomes
    shelf.restore(archive, log=log)
    assert not (world.folder / ".restored.restoring").exists()


@contextmanager
def apart(folder: Path, clock: Any) -> Iterator[Path]:
    """Run a custodian apart from the deployment; gives its socket."""
    folder.mkdir(mode=0o700)
    custodian = Custodian.set_up(folder / "state.db", bytes(range(32)), clock, separate=True)
    server = CustodyServer(custodian, folder / "s")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield folder / "s"
    finally:
        server.stop()
        thread.join()
        server.close()
        custodian.close()


def test_T2_a_custodian_apart_lets_nobody_go_on_without_the_log_that_he_has_seen(world: Any) -> None:
    shutil.rmtree(world.home)
    with apart(world.folder / "kept", world.clock) as socket:
        secret = bootstrap.Secret(PASSPHRASE)
        bootstrap.create(world.home, standard="workplace", secret=secret, custodian=socket, clock=world.clock)
        system = world.open()
        world.enrol(system, "Ada", "Grace")
        shelf = Shelf(world)
        archive = shelf.take(system)
        assert world.found(system, "Grace") == ["Grace"]
        system.erase("Ada")
        with pytest.raises(IntegrityError, match="the custodian has seen"):
            shelf.restore(archive, without_later_log=True)
        assert not (world.folder / "restored").exists()
        shelf.restore(archive)
        system = reopened(world)
        assert world.found(system, "Ada") == []
        assert world.found(system, "Grace") == ["Grace"]
        world.close()


def test_K2_an_account_that_was_unlinked_or_given_to_another_since_does_not_come_back(shelf: Shelf) -> None:
    system = shelf.world.open(operator="clerk")
    issuer = "https://id.example.org"
    ended, moved, kept = (system.accounts.link(issuer, one, "Ada", ("operator",)) for one in ("1", "2", "3"))
    archive = shelf.take(system)
    system.accounts.unlink(ended.digest)
    assert system.accounts.linked(ended.digest) is None
    system.accounts.link(issuer, "2", "Grace", ("auditor",))
    shelf.restore(archive)
    system = reopened(shelf.world)
    assert [system.accounts.linked(one.digest) for one in (ended, moved, kept)] == [None, None, kept]


def test_K2_the_log_says_of_an_account_how_unlinking_it_ended(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system = world.open(operator="clerk")
    linked = system.accounts.link("https://id.example.org", "1", "Ada", ("operator",))

    def full(*_: object) -> None:
        raise EnvironmentFailure("the disk is full; make room")

    monkeypatch.setattr(type(system._deployment.store), "delete_document", full)
    with pytest.raises(EnvironmentFailure):
        system.accounts.unlink(linked.digest)
    told = [(line.operation, line.phase, line.opened["details"].get("failed")) for line in system.log_lines()][-2:]
    assert told == [("account.unlink", "begin", None), ("account.unlink", "end", "EnvironmentFailure")]
    assert system.accounts.linked(linked.digest) == linked
