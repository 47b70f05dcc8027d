"""Whatever is sent to `/v1`, as its description allows and otherwise: no failure, and answers as described.

CI sends some 300 requests. With `FACEWARD_OPENAPI_CASES=2000` in the environment it is as many as the release is tested
with. What is sent is the same in every run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.openapi import from_asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from faceward.service import doors
from faceward.service.app import create_app
from faceward.service.callers import Caller, Kind
from faceward.service.settings import Settings
from faceward.service.state import Service

CASES = int(os.environ.get("FACEWARD_OPENAPI_CASES", "330"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ROLES = frozenset({"operator", "approver", "reviewer", "auditor", "custodian"})
SOMEBODY = Caller(Kind.PERSON, "Anna Keller", ROLES)


@pytest.fixture
def app(world: Any) -> Iterator[Any]:
    """Return an application with somebody at its door who may call every route."""
    system = world.open()
    world.enrol(system, "Grace Hopper")
    service = Service.begin(system, Settings(origin="http://testserver", threads=1), world.clock)

    async def shown(_: object) -> doors.Shown:
        return doors.Shown(SOMEBODY, anything=True)

    with mock.patch.object(doors, "shown", shown):
        yield create_app(service)
    service.close()


def test_no_request_makes_it_fail_and_answers_are_as_described(app: Any) -> None:
    service: Service = app.state.service
    schema = from_asgi("/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 80
    sent = []
    for operation in operations:
        each = max(2, CASES // len(operations))
        modes = [
            operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        ]

        @settings(
            max_examples=each,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(*modes))
        def send(case: schemathesis.Case[Any]) -> None:
            sent.append(case.operation.label)
            case.call_and_validate(checks=CHECKS)

        send()
        if service.system.status()["stopped"]:
            service.system.control.restart()
    assert len(sent) >= min(CASES, 2 * len(operations))


def test_every_operation_has_schemas_and_examples_of_what_goes_in_and_out(app: Any) -> None:
    whole = app.openapi()
    assert whole["openapi"].startswith("3.1")
    names = set()
    for path, item in whole["paths"].items():
        for method, operation in item.items():
            where = f"{method} {path}"
            names.add(operation["operationId"])
            assert operation["summary"], where
            answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert answers, where
            for media, said in _contents(operation, answers):
                if path.startswith("/v1/") and media.startswith(("application/json", "multipart/")):
                    assert said["schema"], where
                    assert "example" in said, where
            if path.startswith("/v1/"):
                assert {"401", "403", "413", "422", "429", "503"} <= set(operation["responses"]), where
                assert operation["security"], where
    assert len(names) == sum(len(item) for item in whole["paths"].values())


def test_examples_are_valid(app: Any) -> None:
    whole = app.openapi()
    for path, item in whole["paths"].items():
        for method, operation in item.items():
            for media, said in _contents(operation, operation["responses"].values()):
                if "json" in media and "example" in said:
                    schema = {**said["schema"], "components": whole["components"]}
                    errors = [one.message for one in validator_for(schema).iter_errors(said["example"])]
                    assert not errors, f"{method} {path} {media}: {errors[0]}"


def test_P4_nothing_is_said_of_emotion_race_or_crime(app: Any) -> None:
    words = set(re.findall(r"[a-z]+", json.dumps(app.openapi()).lower()))
    assert not words & {
        "emotion",
        "emotions",
        "ethnicity",
        "ethnic",
        "race",
        "gender",
        "age_group",
        "crime",
        "criminal",
    }


def _contents(operation: dict[str, Any], answers: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for answer in answers:
        yield from answer.get("content", {}).items()
    yield from operation.get("requestBody", {}).get("content", {}).items()
