"""A site's own rules about who may sign in, in its own backend: asked every time, and not got around."""

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model

from oauth_login.backends import OAuthBackend
from oauth_login.errors import SignInRefused
from oauth_login.models import SignIn

User = get_user_model()


class ForColleagues(OAuthBackend):
    """Admits newcomers with an address of the company only."""

    def create_user(self, profile, username, email):
        if not email.endswith("@good.example"):
            raise SignInRefused
        return super().create_user(profile, username, email)


class Closed(OAuthBackend):
    """Admits nobody who is not here yet."""

    def create_user(self, profile, username, email):
        raise SignInRefused


class Banning(OAuthBackend):
    """Keeps out whoever is called so here."""

    def user_can_authenticate(self, user):
        return user.get_username() != "octocat" and super().user_can_authenticate(user)


@pytest.fixture
def rule(settings):
    """Let the site have that backend, under which sessions begun with it go on."""

    def make(backend):
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.{backend.__name__}"]

    return make


def has(github, email, **more):
    github.emails = [{"email": email, "primary": True, "verified": True, **more}]


@pytest.mark.threat("F22")
@pytest.mark.parametrize(
    ("email", "more"),
    [
        ("me@good.example", {"verified": False}),
        ("me@good.example", {"verified": "true"}),
        ("me@good.example", {"primary": False}),
        ("me@good.example.evil.example", {}),
        ("me@sub.good.example", {}),
        ("me@notgood.example", {}),
        ("me@evil.example@good.example", {}),
        ("me@evil.example\n@good.example", {}),
        ("@good.example", {}),
        ("me@g\N{CYRILLIC SMALL LETTER O}od.example", {}),
        ("", {}),
    ],
    ids=ascii,
)
def test_an_address_that_is_not_proven_and_whole_meets_no_rule_about_addresses(
    visitor, github, refused, rule, email, more
):
    rule(ForColleagues)
    has(github, email, **more)

    refused(visitor, visitor.sign_in(github), 403, token_requests=1, sign_ins=1)
    assert SignIn.objects.get().outcome == "sign_in_refused"


@pytest.mark.threat("F22")
@pytest.mark.parametrize("emails", [[], (404, {}, "{}")], ids=["none", "not told"])
def test_a_missing_address_meets_no_rule_about_addresses(visitor, github, refused, rule, emails):
    rule(ForColleagues)
    github.user["email"] = "me@good.example"  # what a profile shows proves nothing
    github.emails = emails

    refused(visitor, visitor.sign_in(github), 403, token_requests=1, sign_ins=1)


@pytest.mark.threat("F22")
def test_a_colleague_is_admitted(visitor, github, rule):
    rule(ForColleagues)
    has(github, "me@good.example")

    assert visitor.sign_in(github).status_code == 302
    assert visitor.user.email == "me@good.example"


@pytest.mark.threat("F22")
def test_where_nobody_can_sign_up_whoever_is_here_still_signs_in(visitor, new_visitor, github, rule, rows):
    visitor.sign_in(github)
    before = rows()
    rule(Closed)
    known = new_visitor()
    assert known.sign_in(github).status_code == 302
    assert known.user == User.objects.get()

    github.user, github.emails = github.user | {"id": 7, "login": "mona"}, []
    stranger = new_visitor()
    assert stranger.sign_in(github).status_code == 403
    assert stranger.user is None
    assert rows() == before


@pytest.mark.threat("F27")
def test_who_is_kept_out_by_a_rule_of_the_sites_is_kept_out_of_every_sign_in(
    visitor, new_visitor, github, rule
):
    visitor.sign_in(github)
    rule(Banning)
    banned = new_visitor()
    answer = banned.sign_in(github)

    assert answer.status_code == 403
    assert banned.user is None
    assert SignIn.objects.latest("pk").outcome == "user_inactive"


@pytest.mark.threat("F27")
def test_who_is_kept_out_by_a_rule_of_the_sites_never_begins(visitor, github, refused, rule):
    rule(Banning)

    refused(visitor, visitor.sign_in(github), 403, token_requests=1, sign_ins=1)


@pytest.mark.threat("F27")
def test_a_session_says_which_backend_began_it_so_that_its_rule_holds_on(visitor, github, rule):
    rule(Banning)
    github.user["login"] = "mona"
    visitor.sign_in(github)
    assert visitor.session[BACKEND_SESSION_KEY] == f"{__name__}.Banning"
    assert visitor.get("/oauth2/").status_code == 200

    User.objects.update(username="octocat")
    assert visitor.get("/oauth2/").status_code == 302
