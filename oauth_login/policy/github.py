"""Members of an organisation, as GitHub tells them of themselves."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from django.utils.translation import gettext_lazy as _

from oauth_login import mentions, organisations
from oauth_login.errors import PolicyRefused
from oauth_login.policy.part import Part, Words, require_some
from oauth_login.questions import SignInQuestion

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class GitHubOrganisation(Part):
    """Admits members of an organisation at GitHub, or of one of its teams, as GitHub tells their token.

    ``SCOPE`` needs ``read:org``. Who was only invited is no member yet. If GitHub does not answer, nobody is
    refused, but nobody is admitted either: the page says that the provider is down.

    :param name: as in the organisation's address; the case does not count.
    :param team: the slug of a team, or several, of which one is enough.
    :param id: the organisation's number, which stays if it is renamed, while its old name is anybody's then.
    :param provider: the alias of GitHub, or of a GitHub Enterprise Server, in the settings. Whoever comes
        through another is refused, whatever that one's API says.
    """

    usual_words = _("Only members of an organisation at GitHub are admitted here.")
    sso_words = _(
        "Your organisation wants you to sign in to it first, at GitHub. Do so there, then try again."
    )

    def __init__(
        self,
        name: str,
        team: str | Iterable[str] | None = None,
        *,
        id: int | None = None,  # noqa: A002  what GitHub calls it
        provider: str = "github",
        words: Words = "",
    ) -> None:
        super().__init__(words=words)
        slugs: list[object] = []
        if team is not None:
            slugs += [team] if isinstance(team, str) or not isinstance(team, Iterable) else team
            require_some(slugs, "a team")  # a list that comes out empty would let all of the organisation in
        if id is not None and type(id) is not int:
            raise ValueError(f"{id!r} is no number, as the id of an organisation is")
        for part in (name, *slugs):
            if not isinstance(part, str) or not NAME.fullmatch(part):
                raise ValueError(f"{part!r} is not part of an address at GitHub")
        self.name, self.id, self.provider = name.lower(), id, provider
        self.teams = frozenset(f"{name}/{slug}".lower() for slug in slugs)

    def mistakes(self) -> Iterator[str]:
        return mentions.not_of_github(self.provider)

    def __call__(self, question: SignInQuestion) -> PolicyRefused | None:
        mentions.require_none(self.mistakes())
        if question.provider != self.provider:
            return self.refusal(f"{self.name} is at {self.provider}")
        answer = organisations.membership(question.api, self.name)
        if organisations.wants_single_sign_on(answer):
            return self.refusal(f"{self.name} wants a single sign-on", words=self.sso_words)
        if not organisations.is_member(answer, self.name, self.id):
            return self.refusal(f"{self.name}: HTTP {answer.status}")
        if self.teams and self.teams.isdisjoint(organisations.teams(question.api)):
            return self.refusal(f"in none of {', '.join(sorted(self.teams))}")
        return None
