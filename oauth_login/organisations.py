"""Which of GitHub's organisations and teams a visitor is in, as GitHub says it to their own token.

Facts: https://docs.github.com/en/rest/orgs/members#get-an-organization-membership-for-the-authenticated-user
and https://docs.github.com/en/rest/teams/teams#list-teams-for-the-authenticated-user. Both take ``read:org``,
and ask about the holder of the token: no name is in the question that could be somebody else's by now.
"""

from collections.abc import Mapping
from typing import Any, Final

from oauth_login.answers import Answer
from oauth_login.errors import ProviderResponseError
from oauth_login.visitor_api import VisitorApi

PAGE: Final = 100  # teams, the most that GitHub lists at once
PAGES: Final = 10  # of somebody in more teams than that nobody can say where the list ends
SSO: Final = "X-GitHub-SSO"


def membership(api: VisitorApi, organisation: str) -> Answer:
    """Return what GitHub says about the visitor in *organisation*: 200, 403 or 404.

    404: they are not in it. 403: the organisation does not let this application see it, or wants the visitor
    to sign in to it first, as :func:`wants_single_sign_on` tells.

    :raises ProviderResponseError: it says something else.
    :raises ScopeRequired: ``read:org`` was not granted.
    """
    answer = api.get(f"/user/memberships/orgs/{organisation}")
    if answer.status not in {200, 403, 404}:
        raise ProviderResponseError("memberships_refused", f"HTTP {answer.status}")
    return answer


def is_member(answer: Answer, organisation: str, number: int | None) -> bool:
    """Tell whether *answer* says that the visitor is in *organisation* by now, and not only invited.

    :param number: its id, if that has to be right, too.
    """
    if answer.status != 200:
        return False
    told = answer.json(dict)
    named = told.get("organization")
    if not isinstance(named, dict) or str(named.get("login")).lower() != organisation:
        raise ProviderResponseError("memberships_refused", "the membership of another organisation")
    return told.get("state") == "active" and (number is None or number == named.get("id"))


def wants_single_sign_on(answer: Answer) -> bool:
    """Tell whether the organisation wants the visitor to sign in by its own provider first (SAML).

    The address that GitHub gives for it is not passed on: it is bound to the token, and not the visitor's.
    """
    return answer.status == 403 and answer.headers.get(SSO, "").startswith("required")


def teams(api: VisitorApi, numbers: Mapping[str, int] | None = None) -> frozenset[str]:
    """Return the visitor's teams, as ``organisation/slug`` in lower case, from as many pages as there are.

    Teams of an organisation that wants a single sign-on first are not among them.

    :param numbers: the only organisations that count, and their ids: a name that was given up can be taken by
        anybody (F05). If there are none, all count by their names.
    :raises ProviderResponseError: GitHub does not say, or lists too many.
    :raises ScopeRequired: ``read:org`` was not granted.
    """
    found: set[str] = set()
    for page in range(1, PAGES + 1):
        answer = api.get("/user/teams", {"per_page": str(PAGE), "page": str(page)})
        if answer.status != 200:
            raise ProviderResponseError("memberships_refused", f"HTTP {answer.status}")
        listed = answer.json(list)
        found.update(_name(team) for team in listed if not numbers or _is_of(team, numbers))
        if len(listed) < PAGE:
            return frozenset(found)
    raise ProviderResponseError("memberships_refused", f"more than {PAGES * PAGE} teams")


def _is_of(team: Any, numbers: Mapping[str, int]) -> bool:
    organisation, _, _slug = _name(team).partition("/")
    return organisation in numbers and team["organization"].get("id") == numbers[organisation]


def _name(team: Any) -> str:
    try:
        organisation, slug = team["organization"]["login"], team["slug"]
    except (TypeError, KeyError):
        organisation = slug = None
    if not isinstance(organisation, str) or not isinstance(slug, str):
        raise ProviderResponseError("memberships_refused", "a team without a name")
    return f"{organisation}/{slug}".lower()
