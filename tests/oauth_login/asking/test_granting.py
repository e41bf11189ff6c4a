"""A page needs more than a sign-in asks for: it is asked for, granted, refused, cut, or somebody else's."""

import pytest

from oauth_login.models import LinkedAccount, SignIn, Token
from tests.oauth_login.asking.conftest import LEAST, PASSWORD, asked_of, forms_of, kept, query_of
from tests.oauth_login.linking.conftest import code_of, messages_of

GRANT = "/oauth2/github/grant/"


def test_a_scope_is_asked_for_when_it_is_needed_and_the_visitor_is_back_where_they_were(octocat, agree):
    key, user = octocat.session.session_key, octocat.user

    leaving = octocat.get("/repositories/?page=2")
    assert leaving["Location"].startswith(f"{GRANT}?ask=")
    page = octocat.get(leaving["Location"])
    assert (page.status_code, page.context["next"]) == (200, "/repositories/?page=2")
    text = page.content.decode()
    assert "This page needs more from GitHub" in text
    assert "<li><code>repo</code></li>" in text
    assert "<li><code>read:user</code></li>" not in text
    assert "Granted so far: <code>read:user</code> <code>user:email</code>" in text
    [form] = forms_of(page)
    start = octocat.start(**form)
    assert asked_of(start)["scope"] == f"{LEAST} repo"
    answer = agree(octocat, start)

    assert (answer.status_code, answer["Location"]) == (302, "/repositories/?page=2")
    assert octocat.get(answer["Location"]).content == b"account 1"
    assert kept() == [("1", "read:user repo user:email", "gho_2")]
    assert SignIn.objects.latest("pk").outcome == "granted"
    assert (octocat.session.session_key, octocat.user) == (key, user)
    assert messages_of(answer) == []


def test_what_was_granted_on_another_day_is_asked_for_again_so_that_nothing_gets_lost(octocat, agree):
    # GitHub's token may do what is asked for this time, and nothing else.
    LinkedAccount.objects.update(scope=f"{LEAST} gist")

    [form] = forms_of(octocat.get("/repositories/", follow=True))
    start = octocat.start(**form)
    agree(octocat, start)

    assert asked_of(start)["scope"] == f"{LEAST} gist repo"
    assert kept()[0][1] == "gist read:user repo user:email"


def test_a_scope_that_includes_what_is_needed_is_enough(octocat):
    LinkedAccount.objects.update(scope="user repo gist")

    assert octocat.get("/several/").content == b"account 1"


def test_only_what_is_missing_is_shown_as_new(octocat):
    LinkedAccount.objects.update(scope="repo")

    text = octocat.get("/several/", follow=True).content.decode()

    assert "<li><code>gist</code></li>" in text
    assert "<li><code>read:user</code></li>" in text
    assert "<li><code>repo</code></li>" not in text


def test_what_the_settings_ask_of_every_sign_in_is_asked_for_too(octocat, settings):
    github = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"SCOPE": "read:org"}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": {"github": github}}

    [form] = forms_of(octocat.get("/repositories/", follow=True))

    assert asked_of(octocat.start(**form))["scope"] == f"read:org {LEAST} repo"


def test_silence_about_the_scope_grants_all_that_was_asked_for(octocat, asked_for_more, github):
    start = octocat.start(**forms_of(asked_for_more)[0])
    github.token = {"access_token": "gho_silent", "token_type": "bearer"}
    answer = octocat.come_back(github.approve(start["Location"]))

    assert kept() == [("1", "read:user repo user:email", "gho_silent")]
    assert messages_of(answer) == []


def test_a_sign_in_afterwards_asks_for_the_least_and_takes_nothing_back(octocat, asked_for_more, agree):
    agree(octocat, octocat.start(**forms_of(asked_for_more)[0]))

    start = octocat.start()
    agree(octocat, start)

    assert asked_of(start)["scope"] == LEAST
    assert octocat.get("/repositories/").content == b"account 1"


def test_a_reload_of_the_callback_goes_on_calmly(octocat, asked_for_more, github):
    query = github.approve(octocat.start(**forms_of(asked_for_more)[0])["Location"])
    octocat.come_back(query)
    requests = len(github.token_requests)

    again = octocat.come_back(query)

    assert (again.status_code, again["Location"]) == (302, "/repositories/")
    assert len(github.token_requests) == requests


# --- No, and only in part ---------------------------------------------------------------------------------


def test_who_says_no_is_back_on_the_page_that_asks_and_can_do_without(octocat, asked_for_more, github):
    before = kept()
    denied = octocat.come_back(github.deny(octocat.start(**forms_of(asked_for_more)[0])["Location"]))
    assert denied.status_code == 302
    assert query_of(denied["Location"])["next"] == "/repositories/"

    page = octocat.get(denied["Location"], headers={"Referer": "https://github.com/"})

    text = page.content.decode()
    assert "You said no there. Nothing was changed." in text
    assert "<li><code>repo</code></li>" in text
    assert '<a href="/">Do without it</a>' in text
    assert kept() == before
    assert SignIn.objects.latest("pk").outcome == "access_denied"
    assert asked_of(octocat.start(**forms_of(page)[0]))["scope"] == f"{LEAST} repo"


def test_who_grants_a_part_is_told_so_and_asked_again_only_by_the_page(octocat, asked_for_more, agree):
    answer = agree(octocat, octocat.start(**forms_of(asked_for_more)[0]), scope=LEAST)

    assert answer["Location"] == "/repositories/"
    assert messages_of(answer) == ["GitHub says that not all of it was granted."]
    page = octocat.get("/repositories/", follow=True)
    assert "GitHub says that not all of it was granted." in page.content.decode()
    assert page.redirect_chain[0][0].startswith(GRANT)
    assert kept()[0][1] == LEAST


@pytest.mark.parametrize(
    ("referer", "way_out"),
    [
        ("http://testserver/elsewhere/?page=3", "/elsewhere/?page=3"),
        ("https://evil.example/trap/", "/"),
        ("", "/"),
        ("http://testserver/oauth2/login/", "/"),
    ],
    ids=["where they were", "on another site", "unknown", "a step of the flow"],
)
def test_who_does_without_it_goes_back_and_not_in_a_circle(octocat, referer, way_out):
    asks = octocat.get("/repositories/")["Location"]

    page = octocat.get(asks, headers={"Referer": referer})

    assert f'<a href="{way_out}">Do without it</a>' in page.content.decode()


def test_who_does_without_the_front_page_itself_is_shown_their_accounts(octocat, settings):
    settings.LOGIN_REDIRECT_URL = "/repositories/"

    page = octocat.get("/repositories/", follow=True)

    assert '<a href="/oauth2/">Do without it</a>' in page.content.decode()


# --- Whose account ----------------------------------------------------------------------------------------


@pytest.mark.threat("G03")
@pytest.mark.parametrize("is_linked", [False, True], ids=["nobody's", "somebody else's"])
def test_who_agrees_as_somebody_else_changes_nothing(
    octocat, asked_for_more, agree, is_at_github, somebody, is_linked
):
    if is_linked:
        bob = somebody()
        row = {"provider": "github", "issuer": "https://github.com/login/oauth", "subject": "2"}
        Token.objects.create(account=LinkedAccount.objects.create(user=bob, **row), access_token="bobs")
    before = kept()
    is_at_github(2)

    answer = agree(octocat, octocat.start(**forms_of(asked_for_more)[0]))

    assert (answer.status_code, code_of(answer)) == (409, "somebody_else")
    assert "That is another account" in answer.content.decode()
    assert "bob<" not in answer.content.decode()
    assert kept() == before
    [again] = forms_of(answer)
    assert (again["intent"], again["prompt"]) == ("grant", "select_account")
    assert asked_of(octocat.start(**again))["scope"] == f"{LEAST} repo"
    assert SignIn.objects.latest("pk").outcome == "somebody_else"


@pytest.fixture
def two_accounts(octocat, agree, is_at_github):
    """Octocat's browser, with another account of the same provider, which has granted ``gist``."""
    is_at_github(2)
    agree(octocat, octocat.start(intent="link"), scope=f"{LEAST} gist")
    return octocat


def test_of_several_accounts_the_visitor_chooses_and_each_keeps_what_it_has(
    two_accounts, agree, is_at_github
):
    page = two_accounts.get("/repositories/", follow=True)

    text = page.content.decode()
    assert "With <bdi>cat1</bdi>" in text
    assert "With <bdi>cat2</bdi>" in text
    first, second = (asked_of(two_accounts.start(**form)) for form in forms_of(page))
    assert (first["scope"], first["login"], first["prompt"]) == (f"{LEAST} repo", "cat1", "select_account")
    assert (second["scope"], second["login"]) == (f"{LEAST} gist repo", "cat2")
    is_at_github(2)
    agree(two_accounts, two_accounts.start(**forms_of(page)[1]))
    assert [scope for _, scope, _ in kept()] == [LEAST, "gist read:user repo user:email"]
    assert two_accounts.get("/repositories/").content == b"account 2"


@pytest.mark.threat("G05")
def test_the_other_of_two_accounts_is_not_given_the_scope_of_the_one_that_was_asked(
    two_accounts, agree, is_at_github
):
    before = kept()
    form = forms_of(two_accounts.get("/repositories/", follow=True))[0]
    is_at_github(2)

    answer = agree(two_accounts, two_accounts.start(**form))

    assert (answer.status_code, code_of(answer)) == (409, "somebody_else")
    assert kept() == before
    assert [form["ask"] for form in forms_of(answer)] != []


def test_who_says_no_for_one_account_is_asked_about_that_one(two_accounts, github):
    form = forms_of(two_accounts.get("/repositories/", follow=True))[1]
    denied = two_accounts.come_back(github.deny(two_accounts.start(**form)["Location"]))

    page = two_accounts.get(denied["Location"])

    [again] = forms_of(page)
    assert again["prompt"] == "select_account"
    assert asked_of(two_accounts.start(**again))["login"] == "cat2"


def test_who_has_unlinked_the_account_meanwhile_links_one_first(octocat, asked_for_more):
    url = asked_for_more.redirect_chain[-1][0]
    LinkedAccount.objects.all().delete()

    answer = octocat.get(url)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/oauth2/github/link/?")
    [form] = forms_of(octocat.get(answer["Location"]))
    assert (form["intent"], form["next"]) == ("link", url)


def test_an_account_that_is_gone_is_not_asked(octocat, asked_for_more):
    LinkedAccount.objects.all().delete()

    answer = octocat.start(**forms_of(asked_for_more)[0])

    assert (answer.status_code, code_of(answer)) == (400, "ask_invalid")


def test_who_has_unlinked_the_account_that_said_no_is_asked_about_the_other(two_accounts, github):
    form = forms_of(two_accounts.get("/repositories/", follow=True))[1]
    denied = two_accounts.come_back(github.deny(two_accounts.start(**form)["Location"]))
    LinkedAccount.objects.get(subject="2").delete()

    [again] = forms_of(two_accounts.get(denied["Location"]))

    assert asked_of(two_accounts.start(**again))["login"] == "cat1"


def test_a_page_that_was_loaded_before_it_was_granted_still_asks(octocat, asked_for_more, agree):
    agree(octocat, octocat.start(**forms_of(asked_for_more)[0]))

    page = octocat.get(asked_for_more.redirect_chain[-1][0])

    assert "<li><code>repo</code></li>" in page.content.decode()


# --- Nobody else asks -------------------------------------------------------------------------------------


@pytest.mark.threat("B11")
@pytest.mark.parametrize("intent", ["sign_in", "link", "reauthenticate"])
def test_nobody_can_ask_for_a_scope_by_a_parameter(octocat, asked_for_more, intent):
    clean = asked_of(octocat.start(intent=intent))
    [form] = forms_of(asked_for_more)

    sly = octocat.start(intent=intent, scope="delete_repo", ask=form["ask"], account="1", max_age="0")

    assert asked_of(sly) == clean
    assert clean["scope"] == LEAST


def another(text):
    return text[:-1] + ("A" if text[-1] != "A" else "B")


@pytest.mark.threat("B11")
@pytest.mark.parametrize(
    "forged",
    [lambda ask: "", lambda ask: "repo", another, lambda ask: ask[:-4], lambda ask: ask + "A" * 5000],
    ids=["none", "plain", "changed", "cut", "long"],
)
def test_what_this_site_did_not_write_is_not_asked_for(octocat, asked_for_more, forged):
    [form] = forms_of(asked_for_more)
    ask = forged(form["ask"])

    posted = octocat.start(**form | {"ask": ask})
    shown = octocat.get(GRANT, {"ask": ask})

    assert (posted.status_code, code_of(posted)) == (400, "ask_invalid")
    assert (shown.status_code, code_of(shown)) == (400, "ask_invalid")
    assert len(octocat.attempt_cookies()) == 0


@pytest.mark.threat("B11")
def test_what_is_asked_of_one_provider_is_not_asked_of_another(octocat, asked_for_more, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {
        "PROVIDERS": settings.OAUTH_LOGIN["PROVIDERS"]
        | {
            "ghe": {
                "PRESET": "github",
                "BASE_URL": "https://ghe.example",
                "CLIENT_ID": "a",
                "CLIENT_SECRET": "b",
            }
        }
    }
    [form] = forms_of(asked_for_more)

    octocat.user.linked_accounts.create(provider="ghe", issuer="https://ghe.example/login/oauth", subject="1")

    for answer in (octocat.start("ghe", **form), octocat.get("/oauth2/ghe/grant/", {"ask": form["ask"]})):
        assert (answer.status_code, code_of(answer)) == (400, "ask_invalid")


@pytest.mark.threat("B11")
def test_what_one_visitor_is_asked_for_no_other_can_be_sent_to(
    octocat, asked_for_more, new_visitor, somebody
):
    bob = new_visitor()
    somebody()
    bob.login(username="bob", password=PASSWORD)

    answer = bob.get(asked_for_more.redirect_chain[-1][0])

    assert (answer.status_code, code_of(answer)) == (400, "ask_invalid")


def test_the_url_itself_names_no_account_and_is_no_form(octocat, asked_for_more):
    ask = query_of(asked_for_more.redirect_chain[-1][0])["ask"]

    answer = octocat.start(intent="grant", ask=ask)

    assert (answer.status_code, code_of(answer)) == (400, "ask_invalid")


def test_there_is_no_page_for_a_provider_that_there_is_not(octocat):
    answer = octocat.get("/oauth2/nowhere/grant/")

    assert (answer.status_code, code_of(answer)) == (404, "provider_unknown")


def test_the_page_is_looked_at_and_takes_nothing(octocat, asked_for_more):
    assert octocat.post(asked_for_more.redirect_chain[-1][0]).status_code == 405


def test_the_page_is_for_who_is_signed_in(visitor, db):
    assert visitor.get(f"{GRANT}?ask=x")["Location"] == f"/oauth2/login/?next={GRANT}%3Fask%3Dx"
    start = visitor.start(intent="grant", next="/repositories/")
    assert start["Location"] == "/oauth2/login/?next=/repositories/"


# --- Who came back ----------------------------------------------------------------------------------------


@pytest.mark.threat("A09", "A10")
@pytest.mark.parametrize("becomes", ["bob", ""], ids=["somebody else", "nobody"])
@pytest.mark.parametrize("intent", ["grant", "reauthenticate"])
def test_only_who_left_can_come_back(octocat, asked_for_more, github, somebody, becomes, intent):
    form = forms_of(asked_for_more)[0] | {"intent": intent}
    query = github.approve(octocat.start(**form)["Location"])
    before, requests = kept(), len(github.token_requests)
    somebody()
    if becomes:
        octocat.login(username=becomes, password=PASSWORD)
    else:
        del octocat.cookies["sessionid"]

    answer = octocat.come_back(query)

    assert (answer.status_code, code_of(answer)) == (400, "user_changed")
    assert kept() == before
    assert len(github.token_requests) == requests
