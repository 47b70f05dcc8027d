"""That a browser was sent here by this service's own pages, and not by another site's (OWASP's defence in depth).

Three walls, of which each would do: the cookie is `SameSite=Strict`; the browser itself says where the request comes
from (`Sec-Fetch-Site`, `Origin`); and the page shows a token that only this service's pages hold. Nothing of this
concerns callers who show no cookie.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from faceward.core.errors import BadInput
from faceward.service import bodies, limits, sessions
from faceward.service.errors import Forbidden

if TYPE_CHECKING:
    from starlette.requests import Request

FIELD = "csrf"
HEADER = "Faceward-CSRF"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def token(request: Request) -> str:
    """Return what this session's pages put into the hidden field `csrf` of a form, or the header `Faceward-CSRF`."""
    shown, _ = sessions.token_of(request)
    return base64.urlsafe_b64encode(hmac.digest(shown.encode(), b"faceward/csrf/v1", "sha256")).rstrip(b"=").decode()


def same_site(request: Request) -> bool:
    """Tell whether a browser says that a page of this service made the request; who says nothing is believed nothing.

    `Sec-Fetch-Site` cannot be set by a page (Fetch Metadata §2.3); older browsers send `Origin` with a form.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if origin is not None and origin != request.app.state.service.settings.origin:
        return False
    return site == "same-origin" if site is not None else origin is not None


async def check(request: Request) -> None:
    """Check a request that a cookie vouches for.

    Raises:
        Forbidden: Another site's page made it, or it shows no token; the attempt is in the log.
        BadInput: The form cannot be read.
    """
    if request.method in _SAFE:
        return
    if same_site(request) and hmac.compare_digest((await _shown(request)).encode(), token(request).encode()):
        return
    refusal = Forbidden("this request does not come from a page of this service; open the page again, and repeat")
    await limits.denied(request, "csrf", str(refusal), shown=True)
    raise refusal


def require_same_site(request: Request) -> None:
    """Check the same for a route that is called before anybody has signed in.

    Raises:
        Forbidden: Another site's page made the request.
    """
    if not same_site(request):
        raise Forbidden("this request does not come from a page of this service; open the page again, and repeat")


async def _shown(request: Request) -> str:
    header = request.headers.get(HEADER, "")
    if header or not request.headers.get("content-type", "").lower().startswith(_FORMS):
        return header
    try:
        found = (await bodies.form(request)).get(FIELD)
    except BadInput:
        return ""
    return found if isinstance(found, str) else ""
