"""Who can sign in through the sandbox: one persona per situation that a site should have seen."""

import secrets
from dataclasses import dataclass, replace
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True, kw_only=True)
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
    profile: str = ""  # a page that exists; the sandbox serves none
    organisation: str = ""  # whose member somebody is
    teams: tuple[str, ...] = ()  # of it, which are the groups of an OpenID Provider


_ALL: Final = (
    Persona(
        key="octocat",
        id=583231,
        login="octocat",
        name="The Octocat",
        email="octocat@example.com",
        email_public=True,
        email_verified=True,
        description=_("name, picture and a public e-mail address"),
        profile="https://github.com/octocat",
        organisation="acme",
        teams=("editors", "admins"),
    ),
    Persona(
        key="hubot",
        id=480938,
        login="hubot",
        name="Hubot",
        email="hubot@example.com",
        email_public=True,
        email_verified=True,
        description=_("a second visitor, to see two side by side"),
        profile="https://github.com/hubot",
    ),
    Persona(
        key="newcomer",
        id=0,
        login="newcomer",
        name="A New Visitor",
        email="",
        email_public=False,
        email_verified=True,
        description=_("somebody who was never here before, each time somebody else"),
    ),
    Persona(
        key="private",
        id=1024025,
        login="quiet-visitor",
        name=None,
        email="quiet@example.com",
        email_public=False,
        email_verified=True,
        description=_("no name, no public e-mail address"),
    ),
    Persona(
        key="unverified",
        id=9919,
        login="unverified-visitor",
        name="Not Verified",
        email="unverified@example.com",
        email_public=False,
        email_verified=False,
        description=_("an e-mail address that is not verified"),
    ),
)
PERSONAS: Final = {persona.key: persona for persona in _ALL}


def resolve(key: str) -> Persona | None:
    """Return the persona of that key, with an identity of its own if it is a newcomer."""
    persona = PERSONAS.get(key)
    if persona is None or persona.id:
        return persona
    number = 10_000_000 + secrets.randbelow(1 << 31)
    login = f"{persona.login}-{number:x}"
    return replace(persona, id=number, login=login, email=f"{login}@example.com")
