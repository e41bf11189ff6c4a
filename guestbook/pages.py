"""Keyset pagination: a page starts where the last one ended, however many entries lie above it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest

from guestbook.models import Entry

PAGE_SIZE = 20

# ASCII digits that fit a 64-bit key.
_KEY = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True)
class Page:
    entries: Sequence[Entry]
    is_first: bool
    older_than: int | None
    """The key to ask the next page for, if there are older entries."""


def requested_page(request: HttpRequest) -> Page:
    before = request.GET.get("before")
    # Authors are fetched apart: with a join, some databases start at the few authors and sort
    # every entry they wrote to find the newest twenty.
    entries = Entry.objects.visible().prefetch_related("author__linked_accounts")
    if before is not None:
        if not _KEY.fullmatch(before):
            raise Http404
        entries = entries.filter(pk__lt=int(before))
    # One more than is shown tells whether there is an older page, without counting.
    found = list(entries[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return Page(
        entries=shown,
        is_first=before is None,
        older_than=shown[-1].pk if len(found) > PAGE_SIZE else None,
    )
