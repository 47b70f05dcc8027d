"""Ask the standard's Cedar policy. Allowed means: Cedar says Allow, and nothing erred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cedarpy

from faceward.core.errors import PolicyRefusal
from faceward.policy.jurisdiction import jurisdictions
from faceward.policy.standard import Standard, parse_rules

DEFAULT_DENY = "default-deny"
POLICY_ERROR = "policy-error"


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asks the deployment to do.

    Attributes:
        principal: Name of the operator.
        action: Name of the action, for example `enrol`.
        jurisdiction: Code of the deployment's jurisdiction.
        context: The facts the standard's schema asks for; `faceward.policy.facts` makes them.
    """

    principal: str
    action: str
    jurisdiction: str
    context: Mapping[str, bool | str]


@dataclass(frozen=True, slots=True)
class Grant:
    """An authorisation, for the record.

    Attributes:
        principal: Name of the operator.
        action: The action that was allowed.
        standard: Name of the standard.
        digest: Digest of the standard that allowed it, 64 hexadecimal digits.
    """

    principal: str
    action: str
    standard: str
    digest: str


class Rules:
    """The rules of one standard, ready to be asked.

    Args:
        standard: The standard. Its policy is validated once more here, so that a changed text is caught.

    Raises:
        IntegrityError: The policy does not hold against its schema.
    """

    def __init__(self, standard: Standard) -> None:
        self._standard = standard
        self._rules = parse_rules(standard.policy, standard.schema, f"standard {standard.name!r}")
        self._policies = cedarpy.PolicySet.from_str(standard.policy)
        self._schema = cedarpy.Schema.from_str(standard.schema)

    def authorise(self, request: Request) -> Grant:
        """Allow the request or refuse it.

        Cedar skips a policy that errs, so a `forbid` with a missing attribute would be no `forbid` at all.
        Any error therefore refuses, whatever the decision.

        Raises:
            PolicyRefusal: A rule forbids it, no rule permits it (`default-deny`), or the request lacks an
                attribute, brings an unknown one or made a rule err (`policy-error`).
        """
        resource = {"type": "Deployment", "id": self._standard.name}
        # 1. Evaluate, always with the schema.
        try:
            result = cedarpy.is_authorized(
                {
                    "principal": {"type": "Operator", "id": request.principal},
                    "action": {"type": "Action", "id": request.action},
                    "resource": resource,
                    "context": dict(request.context),
                },
                self._policies,
                [{"uid": resource, "attrs": _attributes(request.jurisdiction), "parents": []}],
                self._schema,
            )
        except (ValueError, TypeError) as error:
            raise _policy_error(request.action, [str(error)]) from None
        # 2. Any error refuses.
        errors = [str(error) for error in result.diagnostics.errors]
        if errors:
            raise _policy_error(request.action, errors)
        # 3. Only an explicit Allow allows.
        if result.decision == cedarpy.Decision.Allow:
            standard = self._standard
            return Grant(request.principal, request.action, standard.name, standard.digest)
        # 4. Of the rules that refuse, the first in the file speaks.
        raise self._refusal(request.action, list(result.diagnostics.reasons))

    def _refusal(self, action: str, reasons: list[str]) -> PolicyRefusal:
        if not reasons:
            return _default_deny(action, self._standard.name)
        rule = self._rules[min(int(reason.removeprefix("policy")) for reason in reasons)]
        return PolicyRefusal(rule.rule, rule.reason, rule.remedy)


def _attributes(jurisdiction: str) -> dict[str, bool | str]:
    profile = jurisdictions().get(jurisdiction)
    return {
        "jurisdiction": jurisdiction,
        "jurisdiction_known": profile is not None,
        # Where the law is not known, assume the stricter.
        "release_required": profile is None or profile.release_required,
    }


def _default_deny(action: str, standard: str) -> PolicyRefusal:
    return PolicyRefusal(
        DEFAULT_DENY,
        f"the standard {standard!r} permits no action {action!r}.",
        "Its README lists what it permits.",
    )


def _policy_error(action: str, errors: list[str]) -> PolicyRefusal:
    first = " ".join(errors[0].split())
    return PolicyRefusal(
        POLICY_ERROR,
        f"the rules could not be evaluated for {action!r} ({first}).",
        "Nothing was done; report this with the line above.",
    )
