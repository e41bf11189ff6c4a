"""Servers of many tenants, which are Microsoft's: one document describes them all, and one each of them."""

from collections.abc import Set
from typing import Final

#: The tenant of everybody's own accounts, of work at nobody's.
PERSONAL: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"


def authority(tenants: Set[str]) -> str:
    """Return the place that lets accounts of *tenants* in, and as few others as can be.

    A tenant that is alone has a place of its own, whose document names it; so has ``consumers``, which is
    :data:`PERSONAL` by another name.
    """
    if len(tenants) == 1:
        return next(iter(tenants))
    return "common" if PERSONAL in tenants else "organizations"
