"""Crossing out what a server repeats to us: its words go to the log (threat H07)."""

from collections.abc import Iterable
from typing import Any


def without(secrets: Iterable[str], answer: dict[str, Any]) -> dict[str, Any]:
    """Return *answer* with an error that does not repeat the *secrets*."""
    secrets = tuple(secrets)
    told = {
        name: crossed_out(answer[name], secrets)
        for name in ("error", "error_description")
        if isinstance(answer.get(name), str)
    }
    return {**answer, **told}


def crossed_out(words: str, secrets: Iterable[str]) -> str:
    """Return *words* without the *secrets* that they repeat."""
    for secret in filter(None, secrets):
        words = words.replace(secret, "***")
    return words
