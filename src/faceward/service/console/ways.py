"""Where the console has what a rule asks for; refusals themselves speak to the command line as well."""

from __future__ import annotations

from collections.abc import Mapping

from faceward.service.console.i18n import N_

_MANDATE = N_("Ask for a mandate")
_STATUS = N_("See the status")
WAYS: Mapping[str, tuple[str, str]] = {
    "C1": ("/galleries", N_("Releases are put on file under Galleries")),
    "E1": ("/galleries", N_("Ask for an entry in the gallery")),
    "H1": ("/review", N_("To the cases")),
    "H3": ("/review", N_("To the cases")),
    "K2": ("/status", _STATUS),
    "L2": ("/status", _STATUS),
    "L3": ("/status#witnesses", _STATUS),
    "P1": ("/galleries", N_("Purposes and galleries")),
    "P2": ("/mandates/new", _MANDATE),
    "P7": ("/mandates/new", _MANDATE),
    "S2": ("/auth/sign-in", N_("Sign in with your passkey")),
    "V1": ("/evidence", N_("See the evidence")),
    "W7": ("/status", _STATUS),
}
"""Address and text of a link, by rule."""
