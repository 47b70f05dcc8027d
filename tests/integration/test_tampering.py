"""What someone with write access to gallery.db, and no secret, can reach: nothing but a refusal."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal


def execute(world: Any, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(world.home / "gallery.db")) as database, database:
        assert database.execute(sql, values).rowcount > 0


def rows(world: Any, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(world.home / "gallery.db")) as database:
        return database.execute(sql).fetchall()


def test_K1_a_reference_given_to_another_subject_does_not_open(world: Any) -> None:
    world.enrol(world.open(), "Ada", "Grace")
    world.close()
    (ada, first), (grace, second) = rows(world, "SELECT reference_id, subject FROM reference ORDER BY rowid")
    execute(world, "UPDATE reference SET subject = ? WHERE reference_id = ?", second, ada)
    execute(world, "UPDATE reference SET subject = ? WHERE reference_id = ?", first, grace)
    system = world.open()
    with pytest.raises(IntegrityError, match="does not authenticate"):
        system.verify(world.picture("Ada"), subject="Grace", purpose="door")
    with pytest.raises(IntegrityError, match="does not authenticate"):
        world.found(system, "Ada")


def test_T1_an_expiry_put_off_in_the_file_does_not_open(world: Any) -> None:
    world.enrol(world.open(), "Ada")
    world.close()
    execute(world, "UPDATE reference SET expires = expires + 1000000")
    system = world.open()
    with pytest.raises(IntegrityError, match="does not authenticate"):
        system.verify(world.picture("Ada"), subject="Ada", purpose="door")


@pytest.mark.parametrize(
    ("key", "value"), [("basis", "legal-obligation"), ("fmr", 0.19), ("retention", "1825d"), ("name", "lockers")]
)
def test_P1_a_purpose_edited_in_the_file_is_refused(world: Any, key: str, value: object) -> None:
    world.open()
    world.close()
    [(document,)] = rows(world, "SELECT content FROM document WHERE kind = 'purpose'")
    edited = {**json.loads(document[32:]), key: value}
    execute(
        world, "UPDATE document SET content = ? WHERE kind = 'purpose'", document[:32] + json.dumps(edited).encode()
    )
    with pytest.raises(IntegrityError, match="was altered"):
        world.open()


def test_P1_a_gallery_moved_to_another_purpose_in_the_file_is_refused(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    world.open(purpose="lockers")
    world.close()
    [(note,)] = rows(world, "SELECT content FROM document WHERE kind = 'gallery' AND name = 'door'")
    execute(
        world,
        "UPDATE document SET content = ? WHERE kind = 'gallery' AND name = 'door'",
        note.replace(b'"door"', b'"lockers"'),
    )
    system = world.open()
    with pytest.raises(IntegrityError, match="was altered"):
        system.identify(world.picture("Ada"), gallery="door", purpose="lockers", reason="a test")


def test_P1_a_rate_that_the_calibration_does_not_support_is_refused_and_logged(world: Any) -> None:
    system = world.open()
    with pytest.raises(PolicyRefusal) as refusal:
        system.add_purpose("vault", basis="consent", fmr=1e-9, retention=timedelta(days=1), alternative="a badge")
    assert refusal.value.rule == "V1"
    last = list(system.log_lines())[-1]
    assert (last.operation, last.phase, last.opened["details"]["rule"]) == ("purpose.add", "denied", "V1")


def test_K2_with_another_calibration_of_the_pack_nobody_is_compared(world: Any) -> None:
    system = world.open()
    world.enrol(system, "Ada")
    pipeline = system._deployment.pipeline
    pipeline.pack = replace(pipeline.pack, manifest=replace(pipeline.pack.manifest, document="0" * 64))
    with pytest.raises(PolicyRefusal, match=r"model pack .* is not the one that was adopted") as refusal:
        world.matches(system, "Ada")
    assert refusal.value.rule == "K2"
