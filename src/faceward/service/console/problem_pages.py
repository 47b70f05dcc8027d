"""What went wrong, as a page: for browsers, where a program gets problem details (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from starlette.responses import RedirectResponse, Response

from faceward.service.addresses import methods_at
from faceward.service.console.i18n import N_
from faceward.service.console.rendering import local_address, page
from faceward.service.console.ways import WAYS

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.service.problems import Problem

SIGN_IN = "/auth/sign-in"
_PROGRAMS = ("/v1", "/api", "/healthz", "/readyz", "/metrics")
_SIGNED_OUT = 401
_TITLES = {
    400: N_("The request is wrong"),
    401: N_("Sign in first"),
    403: N_("This is not allowed"),
    404: N_("There is no such thing"),
    405: N_("This cannot be done here"),
    409: N_("It contradicts what is there"),
    413: N_("That is too large"),
    421: N_("This service has another name"),
    422: N_("That cannot be used"),
    428: N_("Your signature is needed"),
    429: N_("The service is busy"),
    500: N_("Something is broken"),
    503: N_("The service cannot do it now"),
}
# What the framework itself says of an address, in its own few words.
_DETAILS = {
    404: N_("There is no page at this address."),
    405: N_("What a form sends comes here, and no page is shown. Go back to the page that has the form."),
}


def wants_page(request: Request) -> bool:
    """Tell whether a browser asks, on its way to a page; scripts of our pages ask for JSON."""
    path = request.url.path
    program = any(path == start or path.startswith(start + "/") for start in _PROGRAMS)
    accept = request.headers.get("accept", "")
    html, json = accept.find("text/html"), accept.find("json")
    return not program and html >= 0 and (json < 0 or html < json)


async def problem_page(request: Request, told: Problem) -> Response:
    """Return a problem as a page, or the way to sign in for who has not."""
    if told.status == _SIGNED_OUT and request.method in ("GET", "HEAD"):
        return RedirectResponse(f"{SIGN_IN}?next={quote(local_address(request), safe='')}", 303)
    part = "hx-request" in request.headers
    template = "problem_part.html" if part else "problem.html"
    again = address_again(request)
    ended = told.status == _SIGNED_OUT
    shown: dict[str, Any] = {
        "problem": told,
        "title": _TITLES.get(told.status, N_("It failed")),
        "detail": _DETAILS.get(told.status, "") if told.kind == "about:blank" else "",
        "part": part,
        "way": WAYS.get(str(told.more.get("rule", ""))),
        "sign_in": f"{SIGN_IN}?next={quote(again, safe='')}" if ended else "",
        "sent": request.method not in ("GET", "HEAD"),
        # Choosing a language leads to a page as well, and not to where only forms are sent.
        "page_address": again,
        # Whose session has ended finds no menu of theirs, and no form of theirs would be taken.
        **({"visitor": None, "menu": ()} if ended else {}),
    }
    response = await page(request, template, status=told.status, **shown)
    response.headers.update(dict(told.headers))
    return response


def address_again(request: Request) -> str:
    """Return where to try again: the page that somebody came from with a form, else this address, else home.

    Never an address that takes forms alone.
    """
    here = local_address(request)
    came = urlsplit(request.headers.get("referer", ""))
    ours = came.netloc.lower() in (request.headers.get("host", "").lower(), "") and came.path.startswith("/")
    before = came.path + (f"?{came.query}" if came.query else "")
    if request.method in ("GET", "HEAD"):
        addresses = [here, before] if ours else [here]
    else:
        addresses = [before, here] if ours else [here]
    return next((one for one in addresses if "GET" in methods_at(request, unquote(urlsplit(one).path))), "/")
