"""From a proven identity to a user: who is found, who is created with what, and who is refused."""

import re
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.signals import user_logged_in
from django.db import IntegrityError, OperationalError, connection
from django.db.models.signals import post_init, pre_save
from django.test.utils import CaptureQueriesContext

from oauth_login import signals
from oauth_login.backends import OAuthBackend
from oauth_login.errors import ProviderResponseError, SignInConflict, SignInRefused
from oauth_login.models import LinkedAccount, SignIn, Token
from oauth_login.oauth2 import TokenResponse
from oauth_login.providers.base import Profile
from oauth_login.usernames import RESERVED
from tests.databases import unquoted

User = get_user_model()
ISSUER = "https://github.com/login/oauth"


def profile(subject="583231", **claims):
    return Profile(ISSUER, subject, **{"preferred_username": "octocat", **claims})


def user_of(profile, token=None):
    return authenticate(None, oauth_profile=profile, oauth_token=token, oauth_provider="github")


def grant(access_token="gho_1", **values):
    return TokenResponse(
        **{
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": None,
            "refresh_token": "",
            "refresh_token_expires_in": None,
            "scope": frozenset({"user:email"}),
            **values,
        }
    )


def has_address(github, email, *, verified=True):
    github.emails = [{"email": email, "primary": True, "verified": verified}]


@pytest.fixture
def unlucky(visitor):
    """A visitor to a site with a bug, which Django's test client would otherwise raise."""
    visitor.raise_request_exception = False
    return visitor


@pytest.fixture
def policy(settings):
    """Set ``ON_EMAIL_COLLISION``, or any other setting."""

    def set_to(value, name="ON_EMAIL_COLLISION"):
        settings.OAUTH_LOGIN = {**settings.OAUTH_LOGIN, name: value}

    return set_to


@pytest.fixture
def victim(db):
    """Somebody who has been here before, with a password and an address."""
    return User.objects.create_user("victim", "victim@example.com", "correct horse")


@pytest.fixture
def meanwhile():
    """Do something once, at the moment between looking names up and writing them."""
    waiting = []

    def do(act):
        def receiver(sender, **_kwargs):
            post_init.disconnect(receiver, sender)
            act()

        post_init.connect(receiver, User)
        waiting.append(receiver)

    yield do
    assert [post_init.disconnect(receiver, User) for receiver in waiting] == [False], "it has happened"


@pytest.fixture
def listen():
    """Connect receivers for the test."""
    connected = []

    def to(signal, receiver, **options):
        signal.connect(receiver, weak=False, **options)
        connected.append((signal, receiver, options))

    yield to
    for signal, receiver, options in connected:
        signal.disconnect(receiver, **options)


# --- Who it is -----------------------------------------------------------------------------------


@pytest.mark.threat("F05")
def test_a_new_login_and_address_at_the_provider_is_the_same_person(visitor, new_visitor, github):
    visitor.sign_in(github)
    github.user["login"] = "monalisa"
    has_address(github, "monalisa@example.com")
    later = new_visitor()
    later.sign_in(github)

    assert later.user == visitor.user
    assert later.user.linked_accounts.get().username == "monalisa"
    assert later.user.linked_accounts.get().email == "monalisa@example.com"


@pytest.mark.threat("F05")
def test_a_login_that_somebody_else_has_taken_over_is_another_person(visitor, new_visitor, github):
    visitor.sign_in(github)
    github.user["id"] += 1
    has_address(github, "somebody.else@example.com")
    heir = new_visitor()
    heir.sign_in(github)

    assert heir.user != visitor.user
    assert heir.user.username == "octocat-2"


@pytest.mark.threat("F05", "F07")
def test_a_login_and_address_that_somebody_else_has_taken_over_lead_nowhere(
    visitor, new_visitor, github, rows
):
    visitor.sign_in(github)
    github.user["id"] += 1
    heir = new_visitor()

    assert heir.sign_in(github).status_code == 409
    assert heir.user is None
    assert rows() == (1, 1, 1)


NOT_IDS = [
    None,
    "",
    True,
    False,
    1.5,
    [],
    [1],
    {},
    {"id": 1},
    -1,
    0,
    "None",
    "null",
    "undefined",
    "583231",
]


@pytest.mark.threat("F01")
@pytest.mark.parametrize("value", NOT_IDS, ids=repr)
def test_what_is_no_id_signs_nobody_in(visitor, github, refused, value):
    github.user["id"] = value

    refused(visitor, visitor.sign_in(github), 502, token_requests=1, sign_ins=1)


@pytest.mark.threat("F01")
def test_a_missing_id_signs_nobody_in(visitor, github, refused):
    del github.user["id"]

    refused(visitor, visitor.sign_in(github), 502, token_requests=1, sign_ins=1)


@pytest.mark.threat("F01")
def test_two_people_whose_id_is_null_do_not_share_an_account(visitor, new_visitor, github, rows):
    github.user["id"] = None
    for browser in (visitor, new_visitor()):
        assert browser.sign_in(github).status_code == 502
        assert browser.user is None
    assert rows() == (0, 0, 0)


@pytest.mark.threat("F02")
@pytest.mark.parametrize("value", ["1", "01", " 1", "\N{FULLWIDTH DIGIT ONE}", 1.0, "1.0", "+1"], ids=repr)
def test_an_id_has_one_spelling(visitor, new_visitor, github, rows, value):
    github.user["id"] = 1
    visitor.sign_in(github)
    github.user["id"] = value
    other = new_visitor()

    assert other.sign_in(github).status_code == 502
    assert other.user is None
    assert rows() == (1, 1, 1)
    assert LinkedAccount.objects.get().subject == "1"


@pytest.mark.threat("F03")
def test_an_id_that_no_column_holds_signs_nobody_in(visitor, github, refused):
    github.user["id"] = int("9" * 300)

    refused(visitor, visitor.sign_in(github), 502, token_requests=1, sign_ins=1)


@pytest.mark.threat("F01", "F03")
@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        (ISSUER, ""),
        (ISSUER, "a" * 256),
        (ISSUER, "a" * 299 + "b"),
        ("", "1"),
        ("https://" + "i" * 248, "1"),
    ],
)
def test_no_provider_can_name_an_identity_that_the_columns_would_cut(rows, issuer, subject):
    with pytest.raises(ProviderResponseError, match="subject_invalid"):
        user_of(Profile(issuer, subject))
    assert rows() == (0, 0, 0)


@pytest.mark.threat("F03")
def test_the_longest_subjects_that_differ_at_the_end_are_two_people(db):
    assert user_of(profile("a" * 255)) != user_of(profile("a" * 254 + "b"))


@pytest.mark.threat("F04")
@pytest.mark.parametrize("other", ["ABC", "Abc", "äbc", "abc ", "abc\N{ZERO WIDTH SPACE}"])
def test_subjects_that_look_alike_are_two_people(db, other):
    one = user_of(profile("abc"))

    assert user_of(profile(other)) != one
    assert user_of(profile("abc")) == one
    assert LinkedAccount.objects.count() == 2


def test_a_subject_says_who_it_is_only_together_with_its_issuer(db):
    here = user_of(Profile(ISSUER, "1"))

    assert user_of(Profile("https://ghe.example.com/login/oauth", "1")) != here


# --- What a newcomer gets ------------------------------------------------------------------------


def test_a_newcomer_gets_name_and_verified_address(visitor, github):
    visitor.sign_in(github)

    assert visitor.user.username == "octocat"
    assert visitor.user.email == "octocat@example.com"
    assert visitor.user.first_name == "The Octocat"


@pytest.mark.threat("I02", "I14", "F16")
def test_a_provider_that_cleans_nothing_breaks_nothing(db):
    user = user_of(
        profile(
            preferred_username="o" * 300,
            name=f"Ada\x00\r\n\N{RIGHT-TO-LEFT OVERRIDE}{'a' * 300}",
            picture="javascript:alert(1)",
            profile="http://example.com/ada",
        )
    )
    account = LinkedAccount.objects.get()

    assert user.first_name == account.name == f"Ada{'a' * 143}"
    assert account.username == "o" * 150
    assert account.picture == account.profile_url == ""


@pytest.mark.threat("I02")
@pytest.mark.parametrize(
    ("picture", "kept"),
    [
        ("/static/octocat.svg", "/static/octocat.svg"),
        ("https://pictures.example/o.png", "https://pictures.example/o.png"),
        ("//pictures.example/o.png", ""),
        ("/\\pictures.example/o.png", ""),
        ("http://pictures.example/o.png", ""),
        ("data:image/svg+xml,<svg/>", ""),
    ],
)
def test_a_picture_is_of_the_web_or_of_this_very_site(db, picture, kept):
    user_of(profile(picture=picture))

    assert LinkedAccount.objects.get().picture == kept


def test_the_account_keeps_what_there_is_to_show(visitor, github):
    github.emails.append(
        {"email": "583231+octocat@users.noreply.github.com", "primary": False, "verified": True}
    )
    visitor.sign_in(github)
    account = visitor.user.linked_accounts.get()

    assert (account.provider, account.issuer, account.subject) == ("github", ISSUER, "583231")
    assert (account.username, account.name) == ("octocat", "The Octocat")
    assert (account.email, account.email_verified) == ("octocat@example.com", True)
    assert account.picture == github.user["avatar_url"]
    assert account.profile_url == github.user["html_url"]
    assert account.claims == {"noreply_email": "583231+octocat@users.noreply.github.com"}
    assert account.scope == "read:user user:email"


@pytest.mark.threat("F18")
def test_the_provider_has_no_say_in_rights_keys_and_passwords(visitor, github):
    github.user |= {
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "pk": 1_000_000,
        "user_id": 1_000_000,
        "groups": [1],
        "user_permissions": [1],
        "password": "pbkdf2_sha256$1$x$y",
        "username": "root",
        "last_name": "Root",
        "date_joined": "1970-01-01",
    }
    visitor.sign_in(github)
    user = visitor.user

    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert user.pk != 1_000_000
    assert not user.groups.exists()
    assert not user.user_permissions.exists()
    assert not user.has_usable_password()
    assert (user.username, user.last_name) == ("octocat", "")
    assert user.date_joined.year > 1970


@pytest.mark.threat("F18")
def test_claims_make_nobody_staff(db):
    user = user_of(profile(claims={"is_staff": True, "is_superuser": True, "username": "root"}))

    assert not user.is_staff
    assert not user.is_superuser
    assert user.username == "octocat"


@pytest.mark.threat("L13")
def test_of_a_talkative_provider_only_what_is_listed_is_kept(visitor, github):
    github.user |= {f"field_{number}": f"gossip-{number}" for number in range(200)}
    github.emails[0] |= {f"field_{number}": f"gossip-{number}" for number in range(200)}
    visitor.sign_in(github)

    account = visitor.user.linked_accounts.get()
    assert account.claims == {}
    kept = [*User.objects.values(), *LinkedAccount.objects.values(), *SignIn.objects.values()]
    assert "gossip" not in repr(kept)


@pytest.mark.threat("F23")
def test_a_newcomer_has_no_password_that_anybody_could_know_or_ask_for(visitor, github):
    visitor.sign_in(github)

    assert visitor.user.password.startswith("!")
    for password in ("", "!", visitor.user.password, None):
        assert authenticate(None, username="octocat", password=password) is None
    assert list(PasswordResetForm().get_users("octocat@example.com")) == []


# --- Addresses -----------------------------------------------------------------------------------


@pytest.mark.threat("F06")
def test_an_address_that_is_not_verified_is_not_given_to_the_user(visitor, github):
    has_address(github, "octocat@example.com", verified=False)
    visitor.sign_in(github)

    assert visitor.user.email == ""
    assert visitor.user.linked_accounts.get().email == ""


@pytest.mark.threat("F06")
def test_an_address_that_a_provider_does_not_vouch_for_is_shown_only(db):
    user = user_of(profile(email="octocat@example.com", email_verified=False))

    assert user.email == ""
    assert user.signed_in_with.email == "octocat@example.com"
    assert not user.signed_in_with.email_verified


@pytest.mark.threat("F10", "F11")
@pytest.mark.parametrize(
    "email",
    [
        "m\N{LATIN SMALL LETTER DOTLESS I}ke@example.org",
        "mike\N{FULLWIDTH COMMERCIAL AT}example.org",
        "m\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}ke@example.org",
        "mike@ex\N{LATIN SMALL LETTER A WITH DIAERESIS}mple.org",
        "\N{FULLWIDTH LATIN SMALL LETTER M}ike@example.org",
        "mike@example.org\N{ZERO WIDTH SPACE}",
        "mike@example@org",
        "mike@example.org\nBcc: everybody@example.org",
        "mike@example.org\r\n",
        "m" * 300 + "@example.org",
        f"mike@{'e' * 63}.{'e' * 63}.{'e' * 63}.{'e' * 63}.org",
        "@example.org",
        "mike",
        "",
    ],
    ids=ascii,
)
def test_an_address_that_is_none_is_dropped_and_finds_nobody(visitor, github, email):
    mike = User.objects.create_user("mike", "mike@example.org", "correct horse")
    has_address(github, email)
    visitor.sign_in(github)

    assert visitor.user not in {None, mike}
    assert visitor.user.email == ""
    account = visitor.user.linked_accounts.get()
    assert (account.email, account.email_verified) == ("", False)
    assert [user.email for user in PasswordResetForm().get_users("mike@example.org")] == ["mike@example.org"]
    assert list(PasswordResetForm().get_users(email)) == []


@pytest.mark.threat("F11")
@pytest.mark.parametrize(
    "emails",
    [
        {"email": "a@example.org"},
        "a@example.org",
        None,
        ["a@example.org"],
        [None],
        [{"email": 7, "primary": True, "verified": True}],
        [{"email": ["a@example.org"], "primary": True, "verified": True}],
        [{"email": True, "primary": True, "verified": True}],
        [{"email": {"a": "b"}, "primary": True, "verified": True}],
    ],
    ids=repr,
)
def test_addresses_in_another_form_than_agreed_sign_nobody_in(visitor, github, refused, emails):
    github.emails = emails

    refused(visitor, visitor.sign_in(github), 502, token_requests=1, sign_ins=1)


@pytest.mark.threat("F07", "F08", "F09")
@pytest.mark.parametrize(
    ("collision", "code", "told"),
    [
        ("guide", "email_taken", "You already have an account here"),
        ("deny", "sign_in_conflict", "You cannot sign in here with this account"),
    ],
)
@pytest.mark.parametrize("email", ["victim@example.com", "Victim@Example.COM", "VICTIM@EXAMPLE.COM"])
def test_an_address_that_somebody_has_here_is_no_way_in(
    visitor, github, rows, policy, victim, email, collision, code, told
):
    policy(collision)
    has_address(github, email)
    answer = visitor.sign_in(github)

    assert answer.status_code == 409
    assert told in answer.content.decode()
    assert visitor.user is None
    assert rows() == (1, 0, 0)
    assert SignIn.objects.get().outcome == code


@pytest.mark.threat("F09")
def test_an_address_kept_in_capitals_is_found_in_small_letters(visitor, github, rows):
    User.objects.create_user("victim", "VICTIM@EXAMPLE.COM")
    has_address(github, "victim@example.com")

    assert visitor.sign_in(github).status_code == 409
    assert rows() == (1, 0, 0)


@pytest.mark.threat("F07", "F08")
def test_where_people_may_be_two_the_second_has_no_address_and_nothing_of_the_first(
    visitor, github, policy, victim
):
    policy("separate")
    has_address(github, "victim@example.com")
    visitor.sign_in(github)

    assert visitor.user != victim
    assert visitor.user.email == ""
    assert not visitor.user.has_usable_password()
    assert not victim.linked_accounts.exists()
    assert visitor.user.linked_accounts.get().email == "victim@example.com"


@pytest.mark.threat("F08")
def test_who_registered_somebody_elses_address_first_has_nothing_of_theirs(
    visitor, new_visitor, github, policy, rows
):
    """The attacker knows this password, and is signed in already."""
    squatter = User.objects.create_user("squatter", "octocat@example.com", "known to the attacker")
    attacker = new_visitor()
    attacker.force_login(squatter, "django.contrib.auth.backends.ModelBackend")

    assert visitor.sign_in(github).status_code == 409
    assert rows() == (1, 0, 0)
    policy("separate")
    visitor.sign_in(github)
    assert visitor.user != attacker.user == squatter
    assert authenticate(None, username=visitor.user.username, password="known to the attacker") is None


@pytest.mark.threat("F30")
def test_an_address_that_is_not_verified_tells_nobody_whether_it_has_an_account(new_visitor, github, victim):
    answers = []
    for number, email in enumerate(["victim@example.com", "nobody@example.com"]):
        github.user |= {"id": 1 + number, "login": f"curious{number}"}
        has_address(github, email, verified=False)
        browser = new_visitor()
        answer = browser.sign_in(github)
        answers.append((answer.status_code, answer.headers["Location"], answer.content, browser.user.email))

    assert answers[0] == answers[1]
    assert answers[0][0] == 302


@pytest.mark.threat("F30")
def test_a_login_tells_nobody_whether_there_is_such_a_user(new_visitor, github, victim):
    github.emails = []
    answers = []
    for number, login in enumerate(["victim", "nobody-yet"]):
        github.user |= {"id": 1 + number, "login": login}
        answer = new_visitor().sign_in(github)
        answers.append((answer.status_code, answer.headers["Location"], answer.content))

    assert answers[0] == answers[1]


# --- Names ---------------------------------------------------------------------------------------


def test_people_of_one_name_are_told_apart_readably(new_visitor, github):
    github.emails = []
    names = []
    for number in range(6):
        github.user["id"] = number + 1
        browser = new_visitor()
        browser.sign_in(github)
        names.append(browser.user.username)

    assert names[:4] == ["octocat", "octocat-2", "octocat-3", "octocat-4"]
    assert all(re.fullmatch(r"octocat-[0-9a-f]{6}", name) for name in names[4:])
    assert len(set(names)) == 6


@pytest.mark.threat("F14")
@pytest.mark.parametrize("taken", ["octocat", "Octocat", "OCTOCAT"])
def test_a_name_that_somebody_has_in_another_case_is_taken(visitor, github, taken):
    User.objects.create_user(taken)
    visitor.sign_in(github)

    assert visitor.user.username == "octocat-2"


@pytest.mark.threat("F14")
def test_a_name_in_capitals_does_not_stand_beside_one_in_small_letters(visitor, github):
    User.objects.create_user("octocat")
    github.user["login"] = "OctoCat"
    visitor.sign_in(github)

    assert visitor.user.username == "OctoCat-2"


@pytest.mark.threat("F13")
@pytest.mark.usefixtures("unlimited")
def test_no_login_makes_anybody_admin_or_the_like(new_visitor, github):
    github.emails = []
    for number, login in enumerate([*sorted(RESERVED), "Admin", "ROOT", ".well-known", "adm1n"]):
        github.user |= {"id": number + 1, "login": login}
        browser = new_visitor()
        browser.sign_in(github)

        assert browser.user.username.casefold() not in RESERVED
        assert not browser.user.is_staff
        assert not browser.user.is_superuser


@pytest.mark.threat("F15", "F16")
@pytest.mark.parametrize("admin_exists", [False, True])
@pytest.mark.parametrize(
    "login",
    [
        "\N{CYRILLIC SMALL LETTER A}dmin",
        "ad\N{ZERO WIDTH SPACE}min",
        "admin\N{GRINNING FACE}",
        "\N{FULLWIDTH LATIN SMALL LETTER A}dmin",
        "a\N{COMBINING DIAERESIS}dmin",
        "..",
        "a/b",
        "<img src=x onerror=alert(1)>",
        "o" * 10_000,
        "",
        None,
        7,
        ["octocat"],
        {"login": "octocat"},
    ],
    ids=lambda login: ascii(login)[:40],
)
def test_a_login_that_is_no_name_gives_a_harmless_one(visitor, github, login, admin_exists):
    User.objects.create_user("admin" if admin_exists else "ada")
    github.user["login"] = login
    visitor.sign_in(github)

    assert re.fullmatch(r"user-[0-9a-f]{8}|admin-[0-9a-f]{4}", visitor.user.username)
    assert visitor.get("/oauth2/").status_code == 200


@pytest.mark.threat("F17")
def test_ten_thousand_people_of_that_name_cost_no_query_more(visitor, new_visitor, github, db):
    github.emails = []
    with CaptureQueriesContext(connection) as alone:
        visitor.sign_in(github)
    User.objects.bulk_create([User(username=f"octocat-{number}") for number in range(10_000)])
    github.user["id"] += 1
    other = new_visitor()
    with CaptureQueriesContext(connection) as among_many:
        other.sign_in(github)

    assert re.fullmatch(r"octocat-[0-9a-f]{6}", other.user.username)
    assert len(among_many) == len(alone)


@pytest.mark.threat("F17")
def test_when_every_name_is_taken_it_says_so_at_once(visitor, github, rows, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda _length: "c0ffee")
    for name in ("octocat", "octocat-2", "octocat-3", "octocat-4", "octocat-c0ffee"):
        User.objects.create_user(name)

    assert visitor.sign_in(github).status_code == 409
    assert rows() == (5, 0, 0)
    assert SignIn.objects.get().outcome == "account_conflict"


def test_a_site_with_very_many_users_can_index_what_is_looked_up(visitor, github):
    with CaptureQueriesContext(connection) as queries:
        visitor.sign_in(github)
    (look_up,) = [query["sql"] for query in queries if "octocat-2" in query["sql"]]

    assert 'LOWER("auth_user"."username") IN (' in look_up.replace("`", '"')
    assert 'LOWER("auth_user"."email") = ' in look_up.replace("`", '"')


# --- Coming back ---------------------------------------------------------------------------------


@pytest.mark.threat("F19")
def test_coming_back_changes_nothing_about_the_user(visitor, github):
    visitor.sign_in(github)
    User.objects.update(first_name="Mona", last_name="Lisa", email="mona@louvre.example")
    columns = [field.name for field in User._meta.fields if field.name != "last_login"]
    before = User.objects.values(*columns).get()
    github.user |= {"login": "admin", "name": "Somebody else"}
    has_address(github, "somebody.else@example.com")
    visitor.sign_in(github)

    assert User.objects.values(*columns).get() == before
    account = LinkedAccount.objects.get()
    assert (account.username, account.name, account.email) == (
        "admin",
        "Somebody else",
        "somebody.else@example.com",
    )


def test_an_account_of_which_nothing_changed_is_not_written(visitor, new_visitor, github):
    visitor.sign_in(github)
    with CaptureQueriesContext(connection) as queries:
        new_visitor().sign_in(github)

    assert not [
        q["sql"] for q in queries if unquoted(q["sql"]).startswith("UPDATE oauth_login_linkedaccount")
    ]


def test_an_address_taken_back_at_the_provider_is_not_shown_any_more(visitor, github):
    visitor.sign_in(github)
    github.emails = []
    visitor.sign_in(github)

    account = LinkedAccount.objects.get()
    assert (account.email, account.email_verified) == ("", False)
    assert visitor.user.email == "octocat@example.com"


def test_a_provider_that_says_nothing_about_the_scope_changes_nothing_of_it(db):
    user_of(profile(), grant())
    user_of(profile(), grant(scope=None))

    assert LinkedAccount.objects.get().scope == "user:email"


@pytest.mark.threat("F20")
def test_who_is_deactivated_is_refused_and_gets_no_token(visitor, new_visitor, github, rows):
    visitor.sign_in(github)
    User.objects.update(is_active=False)
    Token.objects.all().delete()
    later = new_visitor()
    answer = later.sign_in(github)

    assert answer.status_code == 403
    assert "This account is not active" in answer.content.decode()
    assert later.user is None
    assert rows() == (1, 1, 0)
    assert SignIn.objects.latest("pk").outcome == "user_inactive"


@pytest.mark.threat("F20")
def test_who_is_deactivated_does_not_stay_signed_in(visitor, github):
    visitor.sign_in(github)
    assert visitor.get("/oauth2/").status_code == 200
    User.objects.update(is_active=False)

    assert visitor.get("/oauth2/").status_code == 302


@pytest.mark.threat("F20")
def test_what_a_deactivated_user_shows_at_the_provider_is_not_taken_over(db):
    user_of(profile())
    User.objects.update(is_active=False)
    with pytest.raises(SignInRefused, match="user_inactive"):
        user_of(profile(name="New"))

    assert LinkedAccount.objects.get().name == ""


@pytest.mark.threat("F20")
def test_where_newcomers_are_inactive_at_first_they_are_refused_and_not_kept(
    visitor, github, refused, monkeypatch
):
    monkeypatch.setattr(User._meta.get_field("is_active"), "default", False)
    monkeypatch.delattr(User._meta.get_field("is_active"), "_get_default", raising=False)
    monkeypatch.delitem(User._meta.get_field("is_active").__dict__, "_get_default", raising=False)

    refused(visitor, visitor.sign_in(github), 403, token_requests=1, sign_ins=1)


@pytest.mark.threat("F21")
def test_who_is_deleted_comes_back_as_somebody_new(visitor, github):
    visitor.sign_in(github)
    before = visitor.user.pk
    leaving = visitor.start()
    User.objects.all().delete()

    assert LinkedAccount.objects.count() == Token.objects.count() == 0
    assert visitor.come_back(github.approve(leaving["Location"])).status_code == 400  # the user changed
    assert not visitor.get("/").wsgi_request.user.is_authenticated
    assert visitor.sign_in(github).status_code == 302
    assert visitor.user.pk != before


# --- Tokens --------------------------------------------------------------------------------------


@pytest.mark.threat("GH13")
def test_twelve_sign_ins_use_one_row_and_keep_the_last_token(visitor, github):
    for number in range(12):
        github.token["access_token"] = f"gho_{number}"
        visitor.sign_in(github)

    token = Token.objects.get()
    assert token.access_token.reveal() == "gho_11"
    assert token.version == 12


@pytest.mark.usefixtures("one_clock")
def test_everything_granted_is_kept(db, time_machine):
    time_machine.move_to("2026-11-23T12:00:00+00:00", tick=False)
    user_of(profile(), grant(refresh_token="ghr_1", expires_in=28800, refresh_token_expires_in=60))

    token = Token.objects.get()
    assert token.refresh_token.reveal() == "ghr_1"
    assert token.token_type == "Bearer"
    assert str(token.expires_at) == "2026-11-23 20:00:00+00:00"
    assert str(token.refresh_expires_at) == "2026-11-23 12:01:00+00:00"
    assert token.state == Token.State.ACTIVE


def test_a_new_grant_replaces_all_of_the_old_one(db):
    user_of(profile(), grant(refresh_token="ghr_1", expires_in=60, refresh_token_expires_in=60))
    Token.objects.update(state=Token.State.REAUTHORIZE, lease_until="2026-11-23T12:00:00Z")
    user_of(profile(), grant("gho_2"))

    token = Token.objects.get()
    assert token.access_token.reveal() == "gho_2"
    assert not token.refresh_token
    assert token.expires_at is token.refresh_expires_at is token.lease_until is None
    assert token.state == Token.State.ACTIVE


def test_a_site_that_keeps_no_tokens_has_none(visitor, github, policy):
    policy(False, "STORE_TOKENS")
    visitor.sign_in(github)

    assert visitor.user is not None
    assert not Token.objects.exists()


def test_a_site_that_stops_keeping_tokens_loses_the_old_one_at_the_next_sign_in(visitor, github, policy):
    visitor.sign_in(github)
    assert Token.objects.exists()
    policy(False, "STORE_TOKENS")
    visitor.sign_in(github)

    assert not Token.objects.exists()


def test_a_site_that_starts_keeping_tokens_has_one_after_the_next_sign_in(visitor, github, policy):
    policy(False, "STORE_TOKENS")
    visitor.sign_in(github)
    policy(True, "STORE_TOKENS")
    visitor.sign_in(github)

    assert Token.objects.get().access_token.reveal() == github.token["access_token"]


# --- Races and accidents -------------------------------------------------------------------------


@pytest.mark.threat("F25")
def test_who_was_faster_in_another_tab_signs_in_as_the_same_person(visitor, github, meanwhile):
    def other_tab():
        winner = User.objects.create_user("octocat", "octocat@example.com")
        LinkedAccount.objects.create(user=winner, provider="github", issuer=ISSUER, subject="583231")

    meanwhile(other_tab)
    answer = visitor.sign_in(github)

    assert answer.status_code == 302
    assert visitor.user == User.objects.get()
    assert LinkedAccount.objects.get().name == "The Octocat"
    assert Token.objects.get().account == LinkedAccount.objects.get()


@pytest.mark.threat("F25")
def test_who_was_faster_between_the_two_look_ups_is_no_conflict_with_themselves(visitor, github):
    happened: list[str] = []

    def other_tab(execute, sql, *args):
        if "LOWER(" in sql and not happened:
            happened.append(sql)
            winner = User.objects.create_user("octocat", "octocat@example.com")
            LinkedAccount.objects.create(user=winner, provider="github", issuer=ISSUER, subject="583231")
        return execute(sql, *args)

    with connection.execute_wrapper(other_tab):
        answer = visitor.sign_in(github)

    assert happened
    assert answer.status_code == 302
    assert visitor.user == User.objects.get()
    assert LinkedAccount.objects.count() == 1


@pytest.mark.threat("F25")
@pytest.mark.parametrize("table", ["linkedaccount", "token"])
def test_an_account_that_is_unlinked_at_this_very_moment_is_linked_anew(visitor, new_visitor, github, table):
    """By its user in another tab, who has a password: it is no fault of the site's."""
    visitor.sign_in(github)
    User.objects.update(email="")
    github.user = github.user | {"name": "Another name"}
    happened: list[str] = []

    def unlinked(execute, sql, *args):
        if unquoted(sql).startswith(f"UPDATE oauth_login_{table}") and not happened:
            happened.append(sql)
            LinkedAccount.objects.get().delete()
        return execute(sql, *args)

    with connection.execute_wrapper(unlinked):
        answer = new_visitor().sign_in(github)

    assert happened
    assert answer.status_code == 302
    assert LinkedAccount.objects.get().name == "Another name"
    assert LinkedAccount.objects.get().access_token() == github.token["access_token"]


@pytest.mark.threat("F25")
def test_only_the_account_of_the_faster_tab_stays_even_if_the_names_differ(visitor, github, meanwhile):
    def other_tab():
        winner = User.objects.create_user("another-name")
        LinkedAccount.objects.create(user=winner, provider="github", issuer=ISSUER, subject="583231")

    meanwhile(other_tab)
    visitor.sign_in(github)

    assert visitor.user.username == "another-name"
    assert User.objects.count() == LinkedAccount.objects.count() == 1


@pytest.mark.threat("F25")
def test_a_name_that_is_taken_at_the_last_moment_is_left_to_who_took_it(visitor, github, meanwhile):
    meanwhile(lambda: User.objects.create_user("octocat"))
    visitor.sign_in(github)

    assert visitor.user.username == "octocat-2"
    assert User.objects.count() == 2


@pytest.mark.threat("F25")
def test_a_constraint_that_trying_again_does_not_settle_is_a_conflict_and_says_which(
    visitor, github, rows, listen, caplog
):
    tries = []

    def refuse(**_kwargs):
        tries.append(1)
        raise IntegrityError("NOT NULL constraint failed: people.phone\nDETAIL: failing row: octocat")

    listen(pre_save, refuse, sender=User)
    answer = visitor.sign_in(github)

    assert answer.status_code == 409
    assert visitor.user is None
    assert rows() == (0, 0, 0)
    assert len(tries) == 3
    assert "NOT NULL constraint failed: people.phone" in caplog.text
    assert "failing row" not in caplog.text


@pytest.mark.threat("F24")
@pytest.mark.parametrize("model", [User, LinkedAccount, Token])
def test_nothing_is_left_of_a_sign_up_that_fails_half_way(unlucky, github, rows, listen, model):
    def fail(**_kwargs):
        raise RuntimeError("disk full")

    listen(pre_save, fail, sender=model)
    answer = unlucky.sign_in(github)

    assert answer.status_code == 503
    assert rows() == (0, 0, 0)
    assert unlucky.user is None


@pytest.mark.threat("F24")
def test_nothing_is_changed_by_a_return_that_fails_half_way(unlucky, github, listen):
    unlucky.sign_in(github)
    before = [*LinkedAccount.objects.values(), *Token.objects.values("account", "version")]

    def fail(**_kwargs):
        raise RuntimeError("disk full")

    listen(pre_save, fail, sender=LinkedAccount)
    github.user["name"] = "New"

    assert unlucky.sign_in(github).status_code == 503
    assert [*LinkedAccount.objects.values(), *Token.objects.values("account", "version")] == before


@pytest.mark.threat("F24")
def test_a_database_that_fails_at_a_return_changes_nothing(unlucky, github):
    unlucky.sign_in(github)
    before = [*LinkedAccount.objects.values(), *Token.objects.values("account", "version")]
    github.user["name"] = "New"

    def fail(execute, sql, *more):
        if unquoted(sql).startswith("UPDATE oauth_login_linkedaccount"):
            raise OperationalError("disk full")
        return execute(sql, *more)

    with connection.execute_wrapper(fail):
        assert unlucky.sign_in(github).status_code == 503
    assert [*LinkedAccount.objects.values(), *Token.objects.values("account", "version")] == before


@pytest.mark.threat("F24")
def test_a_receiver_that_raises_does_not_break_a_sign_up(
    visitor, github, listen, rows, django_capture_on_commit_callbacks
):
    def fail(**_kwargs):
        raise RuntimeError("mail server down")

    listen(signals.account_linked, fail)
    with django_capture_on_commit_callbacks(execute=True):
        answer = visitor.sign_in(github)

    assert answer.status_code == 302
    assert visitor.user is not None
    assert rows() == (1, 1, 1)


@pytest.mark.threat("F24")
def test_a_receiver_of_djangos_that_raises_signs_nobody_in(unlucky, github, listen):
    def fail(**_kwargs):
        raise RuntimeError("mail server down")

    listen(user_logged_in, fail)

    assert unlucky.sign_in(github).status_code == 503
    assert unlucky.user is None
    assert not unlucky.get("/").wsgi_request.user.is_authenticated


@pytest.mark.threat("F24")
@pytest.mark.django_db(transaction=True)
def test_who_listens_hears_of_a_new_account_once_it_is_there_to_stay(visitor, github, listen):
    heard = []

    def note(user, account, **_kwargs):
        heard.append((user, account.subject, connection.in_atomic_block))

    listen(signals.account_linked, note)
    visitor.sign_in(github)
    visitor.sign_in(github)

    assert heard == [(visitor.user, "583231", False)]


@pytest.mark.threat("F24")
@pytest.mark.django_db(transaction=True)
def test_who_listens_hears_nothing_of_an_account_that_was_not_kept(unlucky, github, listen):
    heard = []

    def fail(**_kwargs):
        raise RuntimeError("disk full")

    listen(signals.account_linked, lambda **_kwargs: heard.append(1))
    listen(pre_save, fail, sender=Token)
    unlucky.sign_in(github)

    assert heard == []


# --- The backend among others --------------------------------------------------------------------


def test_a_password_is_no_business_of_this_backend(victim):
    user: Any = authenticate(None, username="victim", password="correct horse")

    assert user == victim
    assert user.backend == "django.contrib.auth.backends.ModelBackend"


def test_without_a_profile_it_knows_nobody(db):
    assert OAuthBackend().authenticate(None) is None


def test_it_says_through_which_account_and_whether_for_the_first_time(db):
    first, again = user_of(profile()), user_of(profile())

    assert (first.signed_in_first, again.signed_in_first) == (True, False)
    assert first.signed_in_with == again.signed_in_with == LinkedAccount.objects.get()
    assert first.backend == "oauth_login.backends.OAuthBackend"


class Site(OAuthBackend):
    """What a site may want otherwise."""

    def username_for(self, profile):
        return f"gh-{super().username_for(profile)}"

    def create_user(self, profile, username, email):
        user = super().create_user(profile, username, email)
        user.last_name = "of GitHub"
        return user

    def update_user(self, user, profile):
        user.first_name = profile.name
        user.save(update_fields=["first_name"])


def test_a_site_customises_by_subclassing(visitor, github, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Site"]
    visitor.sign_in(github)
    assert (visitor.user.username, visitor.user.last_name) == ("gh-octocat", "of GitHub")

    github.user["name"] = "Mona"
    visitor.sign_in(github)
    assert visitor.user.first_name == "Mona"


def test_where_a_users_name_is_no_text_it_is_left_to_the_model(db, monkeypatch):
    monkeypatch.setattr(User, "USERNAME_FIELD", "id")
    user = user_of(profile())

    assert user.username == ""
    assert user.get_username() == user.pk


def test_a_conflict_keeps_its_cause_for_who_debugs_it(db, listen):
    def refuse(**_kwargs):
        raise IntegrityError("people.phone")

    listen(pre_save, refuse, sender=User)
    with pytest.raises(SignInConflict) as raised:
        user_of(profile())

    assert isinstance(raised.value.__cause__, IntegrityError)


class Replica:
    """A router whose reads go to a database that is behind, or, here, not there at all."""

    def db_for_read(self, model, **_hints):
        return "replica"

    def db_for_write(self, model, **_hints):
        return "default"


@pytest.mark.threat("J10")
def test_a_replica_that_is_behind_is_not_asked_who_somebody_is(db, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.Replica"]
    assert LinkedAccount.objects.all().db == "replica"
    first = user_of(profile(), grant())
    again = user_of(profile(name="New"), grant("gho_2"))

    assert again == first
