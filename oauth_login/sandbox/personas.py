"""Who can sign in through the sandbox: one persona per situation that a site should have seen."""

import secrets
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Persona:
    """A person at the sandboxed provider. ``id`` 0 stands for "a new one every time"."""

    key: str
    id: int
    login: str
    name: str | None
    email: str
    email_public: bool
    email_verified: bool
    description: str | Promise


PERSONAS: Final = {
    persona.key: persona
    for persona in (
        Persona("octocat", 583231, "octocat", "The Octocat", "octocat@example.com", True, True,
                _("name, picture and a public e-mail address")),
        Persona("hubot", 480938, "hubot", "Hubot", "hubot@example.com", True, True,
                _("a second visitor, to see two side by side")),
        Persona("newcomer", 0, "newcomer", "A New Visitor", "", False, True,
                _("somebody who was never here before, each time somebody else")),
        Persona("private", 1024025, "quiet-visitor", None, "quiet@example.com", False, True,
                _("no name, no public e-mail address")),
        Persona("unverified", 9919, "unverified-visitor", "Not Verified", "unverified@example.com",
                False, False, _("an e-mail address that is not verified")),
    )
}


def resolve(key: str) -> Persona | None:
    """Return the persona of that key, with an identity of its own if it is a newcomer."""
    persona = PERSONAS.get(key)
    if persona is None or persona.id:
        return persona
    number = 10_000_000 + secrets.randbelow(1 << 31)
    login = f"{persona.login}-{number:x}"
    return Persona(persona.key, number, login, persona.name, f"{login}@example.com",
                   persona.email_public, persona.email_verified, persona.description)
