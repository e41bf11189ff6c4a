"""Who is signed in proves it once more: the provider is told to ask anew, and held to what it says."""

import re
import time

import pytest
import time_machine

from oauth_login import conf, providers
from oauth_login.models import LinkedAccount, SignIn
from oauth_login.providers.openid_table import ASKING_ANEW
from tests.oauth_login.asking.conftest import forms_of, query_of
from tests.oauth_login.oidc.fake_openid import ISSUER, MISSING, SUBJECT

ANEW = "/confirmed/anew/"


@pytest.fixture
def jane(visitor, openid, settings):
    """Jane's browser, which has signed in through the provider."""
    settings.ROOT_URLCONF = "tests.oauth_login.asking.site"
    visitor.sign_in(openid, "acme")
    return visitor


@pytest.fixture
def prove(openid):
    """A way to go through the provider again, which says when one signed in there; the callback's answer."""

    def through(who, auth_time, **fields):
        start = who.start("acme", intent="reauthenticate", next=ANEW, **fields)
        openid.claims = openid.claims | {"auth_time": auth_time}
        return who.come_back(openid.approve(start["Location"]), "acme")

    return through


def is_let_in(who):
    """Tell whether the page that wants a new proof shows itself."""
    return who.get(ANEW).content == b"confirmed"


def is_proof(answer):
    """Tell whether a callback led on to the page that wants the proof."""
    return (answer.status_code, answer.headers.get("Location")) == (302, ANEW)


def test_the_provider_is_told_to_ask_anew_and_the_visitor_is_back(jane, openid, prove):
    assert not is_let_in(jane)  # a sign-in may be no more than an open session there
    page = jane.get(ANEW, follow=True)
    assert page.redirect_chain == [("/oauth2/confirm/?anew=1&next=/confirmed/anew/", 302)]
    [form] = forms_of(page)
    assert (form["intent"], form["next"]) == ("reauthenticate", ANEW)
    assert "does not ask for your password again" not in page.content.decode()
    key, user = jane.session.session_key, jane.user

    asked = query_of(jane.start("acme", **form)["Location"])
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    answer = prove(jane, int(time.time()))

    assert is_proof(answer)
    assert is_let_in(jane)
    assert (jane.session.session_key, jane.user) == (key, user)
    assert SignIn.objects.latest("pk").outcome == "reauthenticated"
    assert LinkedAccount.objects.count() == 1


@pytest.mark.threat("E33")
@pytest.mark.parametrize(
    "auth_time",
    [
        MISSING,
        None,
        lambda now: now - 120,
        lambda now: now - 86_400,
        lambda now: now + 120,
        str,
        lambda now: True,
    ],
    ids=["absent", "null", "two minutes old", "a day old", "in the future", "a text", "true"],
)
def test_a_provider_that_does_not_say_that_it_asked_proves_nothing(jane, prove, auth_time):
    before = dict(jane.session.items())

    answer = prove(jane, auth_time(int(time.time())) if callable(auth_time) else auth_time)

    assert (answer.status_code, answer.context["code"]) == (502, "id_token_invalid")
    assert "auth_time" not in answer.content.decode()
    assert dict(jane.session.items()) == before
    assert not is_let_in(jane)
    assert forms_of(answer)[0]["intent"] == "reauthenticate"


def test_a_sign_in_after_the_visitor_left_counts_however_long_it_took(jane, openid):
    start = jane.start("acme", intent="reauthenticate", next=ANEW)
    openid.claims = {"auth_time": int(time.time())}
    with time_machine.travel(time.time() + 300, tick=False):
        answer = jane.come_back(openid.approve(start["Location"]), "acme")

        assert is_proof(answer)
        assert is_let_in(jane)


@pytest.mark.threat("B11")
def test_nobody_can_have_it_ask_less(jane):
    start = jane.start(
        "acme", intent="reauthenticate", prompt="select_account", max_age="9999", login="somebody"
    )

    asked = query_of(start["Location"])
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")


def test_what_the_site_asks_of_every_sign_in_gives_way(jane, configure, prove):
    configure(AUTHORIZATION_PARAMS={"prompt": "consent", "max_age": "3600", "ui_locales": "zh"})

    asked = query_of(jane.start("acme", intent="reauthenticate")["Location"])

    assert (asked["prompt"], asked["max_age"], asked["ui_locales"]) == ("login", "0", "zh")
    assert prove(jane, int(time.time()) - 1_800).status_code == 502
    assert query_of(jane.start("acme")["Location"])["prompt"] == "consent"


def test_a_proof_is_as_old_as_any_other_after_a_while(jane, prove):
    prove(jane, int(time.time()))

    with time_machine.travel(time.time() + 901):
        assert not is_let_in(jane)


@pytest.mark.threat("G02")
def test_somebody_else_there_is_no_proof(jane, openid, prove):
    openid.claims = {"sub": "somebody-else"}
    user = jane.user

    answer = prove(jane, int(time.time()))

    assert (answer.status_code, answer.context["code"]) == (409, "somebody_else")
    assert not is_let_in(jane)
    assert jane.user == user
    assert LinkedAccount.objects.values_list("subject", flat=True).get() == SUBJECT


def test_a_reload_of_the_callback_goes_on_calmly(jane, openid, prove):
    start = jane.start("acme", intent="reauthenticate", next=ANEW)
    openid.claims = {"auth_time": int(time.time())}
    query = openid.approve(start["Location"])
    jane.come_back(query, "acme")
    requests = len(openid.token_requests)

    assert is_proof(jane.come_back(query, "acme"))
    assert len(openid.token_requests) == requests


def test_a_provider_that_is_known_not_to_ask_is_not_believed_to(jane, configure, prove):
    configure(REAUTHENTICATES=False)

    asked = query_of(jane.start("acme", intent="reauthenticate")["Location"])
    assert not {"prompt", "max_age"} & asked.keys()
    page = jane.get("/oauth2/confirm/").content.decode()
    assert "Acme does not ask for your password again" in page
    with time_machine.travel(time.time() + 901):
        assert jane.get("/confirmed/").status_code == 302
        assert is_proof(prove(jane, MISSING))
        assert jane.get("/confirmed/").content == b"confirmed"
        assert not is_let_in(jane)
        assert "None of your ways to sign in can do that" in jane.get(ANEW, follow=True).content.decode()


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_whether_it_asks_is_yes_or_no(configure, value):
    configure(REAUTHENTICATES=value)

    [problem] = conf.problems()
    assert "REAUTHENTICATES" in str(problem)
    assert "True or False" in str(problem)


# --- Which presets are believed ---------------------------------------------------------------------------


def built(name):
    """Return the provider of a preset, with whatever a site has to say besides."""
    needed = {"CLIENT_ID": "a", "CLIENT_SECRET": "b" * 32, "TENANT": "tenant"}
    options = {**needed, **({} if "ISSUER" in providers.row(name) else {"ISSUER": ISSUER})}
    return providers.build(name, {"PRESET": name, **options}, None)


@pytest.mark.parametrize("name", providers.names())
def test_only_presets_that_are_documented_to_ask_anew_are_told_to(name):
    provider = built(name)

    assert provider.proves_sign_in is (name in ASKING_ANEW)
    assert (provider.proving() is provider) is (name not in ASKING_ANEW)


def test_a_site_that_knows_better_says_so():
    microsoft = {"PRESET": "microsoft", "CLIENT_ID": "a", "CLIENT_SECRET": "b", "TENANT": "t"}

    assert providers.build("microsoft", microsoft | {"REAUTHENTICATES": True}, None).proves_sign_in


def test_those_that_are_believed_are_presets():
    assert set(providers.names()) >= ASKING_ANEW


def test_the_documentation_says_which_they_are(request):
    sections = (request.config.rootpath / "docs/providers.md").read_text().split("\n## ")[1:]
    told = {
        name
        for section in sections
        for name in re.findall(r"\| preset \| `(\w+)`", section)
        if "| asks anew | yes" in section
    }

    assert told == ASKING_ANEW
