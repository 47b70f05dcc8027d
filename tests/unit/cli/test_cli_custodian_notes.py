"""What is said of a custodian that is not kept apart from its deployment."""

from __future__ import annotations

import os

import pytest

from faceward.cli.custodian import _warn


@pytest.mark.parametrize(
    ("allowed", "group", "said"),
    [
        (frozenset(), None, "only this user and root can reach the socket"),
        (frozenset({os.geteuid()}), "users", "can read the custodian's keys"),
        (frozenset({os.geteuid() + 1}), None, "cannot reach the socket without --group"),
        (frozenset({os.geteuid() + 1}), "users", ""),
    ],
)
def test_a_custodian_that_is_not_kept_apart_is_told(
    capsys: pytest.CaptureFixture[str], allowed: frozenset[int], group: str | None, said: str
) -> None:
    _warn(allowed, group)
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == (1 if said else 0)
