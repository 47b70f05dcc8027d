"""Ask the standard's Cedar policy. Allowed means: Cedar says Allow, and nothing erred."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import cedarpy

from faceward.core.errors import PolicyRefusal
from faceward.policy.facts import Context
from faceward.policy.jurisdiction import jurisdictions
from faceward.policy.standard import Standard, parse_rules
from faceward.policy.tables import SignIn

DEFAULT_DENY = "default-deny"
POLICY_ERROR = "policy-error"
_REMEMBERED = 1024
_COMPILED = 8


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        name: The name, as proved by signing in, or as claimed.
        signed_in: The name was proved, in a session that still runs.
        roles: Roles of the registered person; none of somebody who has not signed in.
        trained: The training on record has not run out.
    """

    name: str
    signed_in: bool = False
    roles: frozenset[str] = frozenset()
    trained: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """The state of the deployment as it is now; what follows from the standard is not stated here.

    Attributes:
        jurisdiction: Code of the deployment's jurisdiction.
        sign_in_required: People are registered. A standard that says so asks for it whatever this says.
        stopped: `faceward stop` was given, and nobody restarted it.
        custodian_separate: The custodian is a process of its own.
        log_witnessed: As many witnesses as the standard asks for signed a checkpoint that is fresh enough.
    """

    jurisdiction: str
    sign_in_required: bool
    stopped: bool
    custodian_separate: bool
    log_witnessed: bool


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks the deployment to do.

    Attributes:
        principal: Who asks.
        action: Name of the action, for example `enrol`.
        conditions: The state of the deployment.
        context: The facts the schema asks for; `faceward.policy.facts` makes them.
    """

    principal: Principal
    action: str
    conditions: Conditions
    context: Context


@dataclass(frozen=True, slots=True)
class Grant:
    """An authorisation, for the record.

    Attributes:
        principal: Name of the one who asked.
        action: The action that was allowed.
        standard: Name of the standard.
        digest: Digest of the standard that allowed it, 64 hexadecimal digits.
    """

    principal: str
    action: str
    standard: str
    digest: str


@lru_cache(maxsize=_COMPILED)
def _compiled(policy: str, schema: str) -> tuple[cedarpy.PolicySet, cedarpy.Schema]:
    """Return both texts as Cedar reads them; neither is changed by asking."""
    return cedarpy.PolicySet.from_str(policy), cedarpy.Schema.from_str(schema)


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
        self._policies, self._schema = _compiled(standard.policy, standard.schema)
        # The same question of the same rules has the same answer; only what was allowed is remembered.
        self._granted: dict[tuple[str, str], Grant] = {}

    def authorise(self, request: Request) -> Grant:
        """Allow the request or refuse it.

        Cedar skips a policy that errs, so a `forbid` with a missing attribute would be no `forbid` at all.
        Any error therefore refuses, whatever the decision.

        Raises:
            PolicyRefusal: A rule forbids it, no rule permits it (`default-deny`), or the request lacks an
                attribute, brings an unknown one or made a rule err (`policy-error`).
        """
        asked = _question(request)
        granted = self._granted.get(asked)
        if granted is None:
            granted = self._evaluated(request)
            if len(self._granted) >= _REMEMBERED:
                self._granted.clear()
            self._granted[asked] = granted
        return granted

    def refusals(self, request: Request) -> tuple[PolicyRefusal, ...]:
        """Return what every rule that refuses a request says, in the order of the file; nothing where it is allowed.

        It is for telling people beforehand what is missing; whether something may be done is asked of `authorise`.
        """
        try:
            reasons = self._reasons(request)
        except PolicyRefusal as error:
            return (error,)
        if reasons is None:
            return ()
        spoken: dict[str, PolicyRefusal] = {}
        for reason in sorted(reasons, key=_number):
            refusal = self._refusal(request.action, [reason])
            spoken.setdefault(refusal.rule, refusal)
        return tuple(spoken.values()) or (self._refusal(request.action, []),)

    def _evaluated(self, request: Request) -> Grant:
        reasons = self._reasons(request)
        if reasons is None:
            standard = self._standard
            return Grant(request.principal.name, request.action, standard.name, standard.digest)
        # Of the rules that refuse, the first in the file speaks.
        raise self._refusal(request.action, reasons)

    def _reasons(self, request: Request) -> list[str] | None:
        """Return Cedar's names of the policies that refuse, or None where it allows the request."""
        person = {"type": "Person", "id": request.principal.name}
        resource = {"type": "Deployment", "id": self._standard.name}
        # 1. Evaluate, always with the schema.
        try:
            result = cedarpy.is_authorized(
                {
                    "principal": person,
                    "action": {"type": "Action", "id": request.action},
                    "resource": resource,
                    "context": request.context,
                },
                self._policies,
                [
                    {"uid": person, "attrs": _person(request.principal), "parents": []},
                    {"uid": resource, "attrs": self._deployment(request.conditions), "parents": []},
                ],
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
            return None
        return list(result.diagnostics.reasons)

    def _deployment(self, conditions: Conditions) -> dict[str, object]:
        parameters = self._standard.parameters
        profile = jurisdictions().get(conditions.jurisdiction)
        return {
            "jurisdiction": conditions.jurisdiction,
            "jurisdiction_known": profile is not None,
            # Where the law is not known, assume the stricter.
            "release_required": profile is None or profile.release_required,
            "training_required": parameters.people.trained,
            "review_required": parameters.people.reviewers > 0,
            "separate_required": parameters.custody.separate,
            "witness_required": parameters.log.witnesses > 0,
            "watchlists_allowed": parameters.watchlist.allowed,
            "entry_approval_required": parameters.watchlist.entry_approval,
            "realtime_allowed": parameters.video.realtime,
            "alternative_required": parameters.consent.alternative,
            "sign_in_required": parameters.people.sign_in is SignIn.ALWAYS or conditions.sign_in_required,
            "stopped": conditions.stopped,
            "custodian_separate": conditions.custodian_separate,
            "log_witnessed": conditions.log_witnessed,
        }

    def _refusal(self, action: str, reasons: list[str]) -> PolicyRefusal:
        if not reasons:
            return _default_deny(action, self._standard.name)
        rule = self._rules[min(map(_number, reasons))]
        return PolicyRefusal(rule.rule, rule.reason, rule.remedy)


def _number(reason: str) -> int:
    return int(reason.removeprefix("policy"))


def _question(request: Request) -> tuple[str, str]:
    # As text, because 1 equals True and is no answer where Cedar asks for a Boolean.
    try:
        context = json.dumps(request.context, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise _policy_error(request.action, [str(error)]) from None
    return repr((request.principal, request.action, request.conditions)), context


def _person(principal: Principal) -> dict[str, object]:
    # A claimed name has no role and no training, whatever the caller says of it.
    proved = principal.signed_in is True
    return {
        "signed_in": principal.signed_in,
        "roles": sorted(principal.roles) if proved else [],
        "trained": principal.trained if proved else False,
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
