"""Pages of REST's lists: `limit` and `after`, and a `Link` header that leads to the next page.

The body stays a plain list. `after` is the id of the last entry of the page before; an answer without such a link
has the list's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse

from storage.listing import Page, Place
from storage.page_limits import LIMIT, MOST

Limit = Annotated[int, Query(ge=1, le=MOST)]
After = Annotated[str | None, Query(max_length=80)]
Entries = list[dict[str, Any]]


class Paging:
    """A request's place in a list."""

    def __init__(self, request: Request, limit: int, after: str | None) -> None:
        self.place = Place(limit, after)
        self._request = request

    def answer(self, page: Page[Any], entries: Sequence[dict[str, Any]]) -> JSONResponse:
        """The page's documents, with a link to the next page if there is one.

        It is made here, because FastAPI would copy each document once more, which takes longer than all else.
        """
        response = JSONResponse(entries)
        if page.after is not None:
            asked = [pair for pair in self._request.query_params.multi_items() if pair[0] not in ("limit", "after")]
            way = urlencode([*asked, ("limit", self.place.limit), ("after", page.after)])
            response.headers["Link"] = f'<{self._request.url.path}?{way}>; rel="next"'
        return response


def _things(request: Request, limit: Limit = LIMIT, after: After = None) -> Paging:
    return Paging(request, limit, after)


def _points(request: Request, limit: Limit = MOST, after: After = None) -> Paging:
    return Paging(request, limit, after)


Things = Annotated[Paging, Depends(_things)]
"""100 entries a page, if the request does not say."""
Points = Annotated[Paging, Depends(_points)]
"""1,000 entries a page, for a job's events and charts."""
