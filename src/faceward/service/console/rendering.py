"""Pages: templates with what every page needs to know, and how they show names, times and numbers.

    return await page(request, "review/list.html", here="review", cases=cases)

What a template gets beside its own: `t` (says a text in the visitor's language), `visitor` (who calls, or None),
`menu`, `may(*roles)`, `csrf` (the hidden field of every form), `asset(name)`, `here`, `path`, `said` (what was just
done), `theme`, `language`, `languages`, `stopped`, `trial`, `custodian_gone` and `page_address`. Everything is escaped,
and what is not defined is an error. In templates `caller` is Jinja's, for the body of a `call`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import jinja2
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from faceward.core.clock import from_rfc3339
from faceward.core.errors import FacewardError
from faceward.service import csrf, doors
from faceward.service.console import i18n, navigation, watch_words
from faceward.service.console.assets import asset
from faceward.service.console.notices import NOTICES

if TYPE_CHECKING:
    from jinja2.runtime import Context
    from starlette.requests import Request

    from faceward.operations.system import System
    from faceward.service.state import Service

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "faceward_theme"
_STANDING_SECONDS = 1.0


def translator(request: Request) -> i18n.Translator:
    """Return the translator of whoever asks: what they chose, else what their browser prefers."""
    chosen = i18n.chosen(request.cookies.get(i18n.COOKIE), request.headers.get("accept-language", ""))
    return i18n.translator(chosen)


async def page(request: Request, template: str, *, here: str = "", status: int = 200, **context: Any) -> Response:  # noqa: ANN401
    """Return a page.

    Args:
        request: The request.
        template: Its template, below `console/templates`.
        here: The menu's entry that it belongs to.
        status: HTTP's status.
        context: What the template needs of its own.
    """
    return HTMLResponse(await rendered(request, template, here=here, **context), status)


async def rendered(request: Request, template: str, *, here: str = "", **context: Any) -> str:  # noqa: ANN401
    """Return a page's or a fragment's HTML; see `page`."""
    service: Service = request.app.state.service
    try:
        caller = (await doors.shown(request)).caller
    except FacewardError:
        # Who it is cannot be told while the custodian does not answer; a page that says so is shown all the same.
        caller = None
    theme = request.cookies.get(THEME_COOKIE, "auto")
    said = request.query_params.get("said", "")
    shared = {
        "t": translator(request),
        "visitor": caller,
        "menu": navigation.menu(caller),
        "may": lambda *roles: navigation.may(caller, roles),
        "csrf": csrf_field(request) if caller is not None else Markup(""),
        "csrf_token": csrf.token(request) if caller is not None else "",
        "here": here,
        "path": request.url.path,
        "page_address": local_address(request),
        "said": NOTICES.get(said, ""),
        "theme": theme if theme in THEMES else "auto",
        **({} if caller is None else await standing(service)),
    }
    return environment().get_template(template).render({**_NOBODY, **shared, **context})


_NOBODY = {"stopped": False, "trial": False, "custodian_gone": False}


def csrf_field(request: Request) -> Markup:
    """Return the hidden field that every form of somebody who signed in has."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, csrf.token(request))


def local_address(request: Request) -> str:
    """Return the address of the page that is asked for, without the service's name."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def back(address: str, said: str = "") -> Response:
    """Go on to a page of this service, which then says what was done.

    Args:
        address: Path and query.
        said: A key of `NOTICES`, or nothing.
    """
    if said:
        if said not in NOTICES:
            raise ValueError(f"{said!r} is none of NOTICES")
        address += f"{'&' if '?' in address else '?'}said={said}"
    return RedirectResponse(address, 303)


def safe_address(address: str, default: str = "/") -> str:
    """Return an address if it leads to a page of this service, else the default."""
    plain = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if plain and address.isprintable() and "\\" not in address else default


_STANDING: WeakKeyDictionary[System, tuple[float, dict[str, bool]]] = WeakKeyDictionary()


async def standing(service: Service) -> dict[str, bool]:
    """Return what every page warns of, not older than a second: recognition is stopped, or all is a trial."""
    kept = _STANDING.get(service.system)
    if kept is None or time.monotonic() - kept[0] > _STANDING_SECONDS:
        found = await service.work.run(_standing, service)
        kept = _STANDING[service.system] = time.monotonic(), found
    return kept[1]


def forget_standing() -> None:
    """Ask anew at the next page; somebody has just stopped or restarted recognition."""
    _STANDING.clear()


def _standing(service: Service) -> dict[str, bool]:
    control = service.system.control
    try:
        return {"stopped": control.stopped, "trial": control.trial, "custodian_gone": False}
    except FacewardError:
        return {"stopped": False, "trial": control.trial, "custodian_gone": True}


@cache
def environment() -> jinja2.Environment:
    """Return the templates' environment."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("faceward.service.console", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        asset=asset,
        names=options,
        kinds=said_options,
        tops_of=numbers,
        one_in=one_in,
        versions_of=versions,
        numbered=numbered,
        mandate_link=mandate_link,
        entry_link=entry_link,
        themes=THEMES,
        languages=i18n.LANGUAGES,
    )
    made.filters.update(moment=moment, day=day, short=short, person=person, entries=entries)
    made.filters.update(told=watch_words.said, told_news=watch_words.said_news)
    made.filters.update(percent=_in_language(percent), rate=_in_language(rate))
    return made


def moment(value: object) -> Markup:
    """Return a time to the minute, UTC, as an element; a dash for None."""
    if value is None or value == "":
        return Markup("&ndash;")
    when = value if isinstance(value, datetime) else from_rfc3339(str(value))
    utc = when.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M} UTC"
    )


def day(value: object) -> Markup:
    """Return the day of a time, UTC, as an element; a dash for None."""
    if value is None or value == "":
        return Markup("&ndash;")
    if isinstance(value, str) and len(value) == 10:
        found = date.fromisoformat(value)
    else:
        when = value if isinstance(value, date) else from_rfc3339(str(value))
        found = when.astimezone(UTC).date() if isinstance(when, datetime) else when
    return Markup('<time datetime="{0}">{0}</time>').format(found.isoformat())


def short(value: object, digits: int = 12) -> Markup:
    """Return the first digits of a digest; the whole of it is its title."""
    text = str(value)
    return Markup('<code class="digest" title="{}">{}</code>').format(text, text[:digits])


def person(value: object) -> Markup:
    """Return a name, isolated so that its direction does not turn what stands around it."""
    return Markup('<bdi class="name">{}</bdi>').format(escape(str(value)))


def percent(value: float) -> str:
    """Return a share, 0 to 1, in per cent with three significant digits."""
    return f"{100 * value:.3g} %"


def rate(value: float) -> str:
    """Return a rate as a power of ten is read, such as 1e-3, with two digits at most."""
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"


def _in_language(figures: Callable[[float], str]) -> Callable[[Context, float], str]:
    """Return a filter that writes figures with the separators of the page's language."""

    @jinja2.pass_context
    def filtered(context: Context, value: float) -> str:
        t: i18n.Translator = context["t"]
        return t.separated(figures(value))

    return filtered


def entries(value: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return the entries of a mapping by key."""
    return sorted(value.items())


def options(values: Iterable[str]) -> list[tuple[str, str]]:
    """Return names as a field offers them: each is its own text."""
    return [(value, value) for value in values]


def said_options(t: i18n.Translator, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return options of a field by value, each said in a language."""
    return [(value, t(text)) for value, text in texts.items()]


def numbers(values: Iterable[int]) -> list[tuple[str, str]]:
    """Return numbers as a field offers them."""
    return [(str(value), str(value)) for value in values]


def one_in(t: i18n.Translator, rate: float) -> str:
    """Return a rate as one in so many, to two significant digits."""
    many = float(f"{1 / rate:.2g}")
    return t("one in {count} pairs", count=t.number(int(many)))


def versions(probe: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Return the versions of a probe as a field offers them."""
    return [(one["sha256"], one["sha256"][:12]) for one in probe]


def numbered(candidates: Iterable[Mapping[str, object]]) -> list[tuple[str, str]]:
    """Return candidates as a field offers them."""
    return [(str(one["number"]), f"{one['number']} · {one['subject']}") for one in candidates]


def mandate_link(t: i18n.Translator, digest: str) -> Markup | str:
    """Return a link to a mandate; without one, that there is none."""
    if not digest:
        return t("none was asked for")
    return Markup('<a href="/approvals/{}">{}</a>').format(digest, short(digest))


def entry_link(t: i18n.Translator, index: int) -> Markup:
    """Return a link to an entry of the log."""
    return Markup('<a href="/audit/entries/{}">{}</a>').format(index, t.number(index))
