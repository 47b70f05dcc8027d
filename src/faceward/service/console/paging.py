"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from starlette.requests import Request

T = TypeVar("T")
ROWS = 50


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """One page of a list, and the way to the others.

    Attributes:
        items: What stands on it.
        number: Which page, from 1.
        last: The last page.
        total: How many there are on all pages.
        first: Number of the first item on it, from 1; 0 where there is none.
        query: The request's other parameters.
    """

    items: Sequence[T]
    number: int
    last: int
    total: int
    first: int
    query: tuple[tuple[str, str], ...] = ()

    def link(self, number: int) -> str:
        """Return the address of another page of the same list."""
        return "?" + urlencode([*self.query, ("page", str(number))])

    @property
    def until(self) -> int:
        """Number of the last item on it."""
        return self.first + len(self.items) - 1 if self.items else 0

    @property
    def numbers(self) -> tuple[int, ...]:
        """Pages to offer: the first, the last, and those around this one; 0 stands for a gap."""
        near = {1, self.last, *range(self.number - 1, self.number + 2)}
        shown = sorted(n for n in near if 1 <= n <= self.last)
        result: list[int] = []
        for n in shown:
            if result and n - result[-1] > 1:
                result.append(0)
            result.append(n)
        return tuple(result)


def paged(items: Sequence[T], request: Request, rows: int = ROWS) -> Pages[T]:
    """Return the page of a list that a request asks for with `page`; the nearest there is."""
    last = max(1, -(-len(items) // rows))
    number = min(last, max(1, _number(request.query_params.get("page", "1"))))
    start = (number - 1) * rows
    query = tuple((k, v) for k, v in request.query_params.multi_items() if k != "page")
    shown = items[start : start + rows]
    return Pages(shown, number, last, len(items), start + 1 if shown else 0, query)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
