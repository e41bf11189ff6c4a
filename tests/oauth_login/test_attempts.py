"""The attempt's cookie: what it carries, who can open it, how long it stays, how many there may be."""

import hashlib
import json
import string
import zlib

import pytest
import time_machine
from django.contrib.sessions.models import Session

from oauth_login.redirects import url_to
from oauth_login.sealing import Sealer

START = "/oauth2/github/authorize/"
NOW = 1_790_000_000
#: What stands for itself in a URL (RFC 3986 §3.3), without the slash.
PLAIN = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@"


def only(cookies):
    """Return the name and the morsel of the one cookie that is an attempt's."""
    (found,) = [(name, morsel) for name, morsel in cookies.items() if "oauth_login_" in name]
    return found


def noise(length):
    """Return so many characters of a path, which no compression makes much shorter."""
    return "".join(PLAIN[byte % len(PLAIN)] for byte in hashlib.shake_256(b"noise").digest(length))


def names_in_jar(visitor):
    return list(visitor.attempt_cookies())


@pytest.fixture
def jar_of_six(visitor, github):
    """A browser that started six times, a second apart, and what would come back each time."""
    with time_machine.travel(NOW, tick=False) as clock:
        queries = []
        for number in range(6):
            queries.append(github.approve(visitor.start(next=f"/{number}/")["Location"]))
            clock.shift(1)
        yield queries


@pytest.mark.threat("A29", "I15")
def test_over_http_the_cookie_is_for_this_host_and_no_script(visitor):
    name, morsel = only(visitor.start().cookies)

    assert name.startswith("oauth_login_")
    assert morsel["httponly"] is True
    assert morsel["samesite"] == "Lax"  # Strict would stay at home on the way back
    assert morsel["path"] == "/"
    assert morsel["domain"] == ""
    assert morsel["secure"] == ""
    assert morsel["max-age"] == 24 * 3600


@pytest.mark.threat("A29", "I15")
def test_over_https_no_subdomain_can_toss_the_cookie(visitor, github):
    leaving = visitor.post(START, secure=True)
    name, morsel = only(leaving.cookies)

    assert name.startswith("__Host-oauth_login_")
    assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Lax")

    # The same name without the prefix, which a subdomain could plant, is not looked at.
    planted = visitor.cookies.pop(name).value
    visitor.cookies[name.removeprefix("__Host-")] = planted
    answer = visitor.arrive(github.approve(leaving["Location"]), secure=True)
    assert answer.context["code"] == "cookie_missing"


@pytest.mark.threat("A29")
def test_over_https_the_cookie_is_taken_back_in_a_way_that_browsers_obey(visitor, github):
    leaving = visitor.post(START, secure=True)

    answer = visitor.come_back(github.approve(leaving["Location"]), secure=True)

    name, morsel = only(answer.cookies)
    assert name.startswith("__Host-")
    assert (morsel.value, morsel["max-age"], morsel["secure"], morsel["path"]) == ("", 0, True, "/")
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Lax")


def test_a_tls_proxy_that_the_origin_tells_of_makes_the_cookie_secure(visitor, settings):
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"ORIGIN": "https://testserver"}

    name, morsel = only(visitor.start().cookies)

    assert name.startswith("__Host-")
    assert morsel["secure"] is True


@pytest.mark.threat("A29")
@pytest.mark.parametrize("order", ["victim first", "attacker first"])
def test_two_cookies_of_one_name_are_refused(visitor, new_visitor, github, refused, order):
    query = github.approve(visitor.start()["Location"])
    name, morsel = only(visitor.cookies)
    _, tossed = only(new_visitor().start().cookies)
    pair = [f"{name}={morsel.value}", f"{name}={tossed.value}"]
    header = "; ".join(pair if order == "victim first" else pair[::-1])

    answer = visitor.come_back(query, HTTP_COOKIE=header)

    refused(visitor, answer)
    assert answer.context["code"] == "cookie_repeated"


def test_a_name_within_another_cookies_value_is_no_second_cookie(visitor, github):
    query = github.approve(visitor.start(next="/where/")["Location"])
    name, morsel = only(visitor.cookies)

    answer = visitor.come_back(query, HTTP_COOKIE=f"theme={name}=dark; {name}={morsel.value}")

    assert (answer.status_code, answer["Location"]) == (302, "/where/")


@pytest.mark.threat("C14", "J03")
def test_whatever_next_is_accepted_fits_into_a_cookie_and_comes_back(new_visitor, github):
    for length in range(1, 2001, 333):
        page = "/" + noise(length - 1)
        for wanted in (page, url_to("link", "github", next=page)):
            visitor = new_visitor()
            start = visitor.start(next=wanted)
            ((name, cookie),) = visitor.attempt_cookies().items()
            assert len(name) + len(cookie) < 4096
            assert visitor.come_back(github.approve(start["Location"]))["Location"] == wanted


@pytest.mark.threat("C14")
@pytest.mark.parametrize("long", [noise(3900), "留" * 600], ids=["noise", "Chinese"])
def test_what_would_not_fit_is_not_accepted_although_it_is_a_page_of_ours(visitor, github, long):
    assert visitor.get(START, {"next": f"/oauth2/?page={long}"}).context["next"] == ""

    start = visitor.start(next=f"/oauth2/?page={long}")

    (cookie,) = visitor.attempt_cookies().values()
    assert len(cookie) < 1000
    assert visitor.come_back(github.approve(start["Location"]))["Location"] == "/"


@pytest.mark.threat("A02")
def test_what_is_secret_is_not_deflated_with_what_others_may_have_chosen(new_visitor, settings):
    for next_page in ("/where/", "/" + "a" * 1900):
        visitor = new_visitor()
        visitor.start(next=next_page)
        ((name, value),) = visitor.attempt_cookies().items()
        attempt = name.removeprefix("oauth_login_")
        opened = Sealer([settings.SECRET_KEY], "attempt").open_bytes(value, attempt)
        written, _, rest = opened.partition(b"\0")
        assert len(json.loads(written)["code_verifier"]) >= 43
        assert zlib.decompress(rest).decode() == next_page


def test_a_cookie_too_long_for_browsers_gives_up_next_rather_than_the_sign_in(visitor, github, settings):
    host = f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example"
    settings.ALLOWED_HOSTS = [host]
    github.client = ("c" * 600, "client-secret-of-the-tests")
    options = {"CLIENT_ID": github.client[0], "CLIENT_SECRET": github.client[1]}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": options}}

    start = visitor.post(START, {"next": "/" + noise(1999)}, headers={"host": host})

    (cookie,) = visitor.attempt_cookies().values()
    assert len(cookie) < 3900
    answer = visitor.come_back(github.approve(start["Location"]), headers={"host": host})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_the_name_says_nothing_but_which_attempt(new_visitor):
    names = {only(new_visitor().start().cookies)[0] for _ in range(20)}

    assert len(names) == 20
    assert all(len(name) == len("oauth_login_") + 22 for name in names)  # 128 random bits


@pytest.mark.threat("A13")
@pytest.mark.usefixtures("unlimited")
def test_a_cookie_with_any_character_changed_does_not_open(visitor, github, refused):
    query = github.approve(visitor.start()["Location"])
    name, morsel = only(visitor.cookies)
    value = morsel.value
    for place, char in enumerate(value):
        visitor.cookies[name] = f"{value[:place]}{'B' if char == 'A' else 'A'}{value[place + 1 :]}"
        answer = visitor.come_back(query)
        assert answer.context["code"] == "cookie_invalid"
    refused(visitor, answer)

    visitor.cookies[name] = value
    assert visitor.come_back(query).status_code == 302


@pytest.mark.threat("A02", "A14")
def test_a_cookie_opens_under_its_own_name_only(visitor, new_visitor, github, refused):
    query = github.approve(visitor.start()["Location"])
    name, _ = only(visitor.cookies)
    _, stranger = only(new_visitor().start().cookies)
    visitor.cookies[name] = stranger.value

    answer = visitor.come_back(query)

    refused(visitor, answer)
    assert answer.context["code"] == "cookie_invalid"


@pytest.mark.threat("A20")
def test_a_lost_cookie_ends_in_a_page_with_the_button_and_no_loop(visitor, new_visitor, github, refused):
    query = github.approve(visitor.start(next="/where/")["Location"])
    elsewhere = new_visitor()

    for _ in range(5):
        assert elsewhere.come_back(query).status_code == 400
        answer = elsewhere.arrive(query)
        refused(elsewhere, answer)
        assert answer.context["code"] == "cookie_missing"
        assert "refresh" not in answer.content.decode()
    assert '<form class="oauth-login-form" method="post" action="/oauth2/github/authorize/">' in (
        answer.content.decode()
    )


@pytest.mark.threat("A07")
def test_a_late_visitor_is_told_so_and_keeps_the_page_they_wanted(visitor, github, refused):
    with time_machine.travel(NOW, tick=False) as clock:
        query = github.approve(visitor.start(next="/where/")["Location"])
        clock.shift(23 * 3600)
        late = visitor.come_back(query)
        clock.shift(3600)
        del visitor.cookies[names_in_jar(visitor)[0]]  # as the browser does after a day
        too_late = visitor.arrive(query)

    for answer, next_page in ((late, "/where/"), (too_late, "")):
        refused(visitor, answer)
        assert answer.context["code"] == "attempt_expired"
        assert answer.context["next"] == next_page
    assert b'name="next" value="/where/"' in late.content


@pytest.mark.threat("B03")
@pytest.mark.parametrize("gone", ["code_verifier", "redirect_uri", "issuer"])
def test_an_attempt_that_lost_its_verifier_is_refused_before_anything_is_asked(
    visitor, github, refused, settings, gone
):
    query = github.approve(visitor.start()["Location"])
    name, morsel = only(visitor.cookies)
    sealer = Sealer([settings.SECRET_KEY], "attempt")
    attempt = name.removeprefix("oauth_login_")
    written, mark, next_page = sealer.open_bytes(morsel.value, attempt).partition(b"\0")
    content = json.loads(written)
    del content[gone]
    visitor.cookies[name] = sealer.seal_bytes(json.dumps(content).encode() + mark + next_page, attempt)

    answer = visitor.come_back(query)

    refused(visitor, answer)
    assert answer.context["code"] == "cookie_invalid"


@pytest.mark.parametrize("rest", ["", "\0", "\0/where/"])
def test_what_another_release_remembers_is_refused_calmly(visitor, github, refused, settings, rest):
    query = github.approve(visitor.start()["Location"])
    name, _ = only(visitor.cookies)
    attempt = name.removeprefix("oauth_login_")
    content = json.dumps({"provider": "github", "something": "new"}) + rest
    visitor.cookies[name] = Sealer([settings.SECRET_KEY], "attempt").seal(content, attempt)
    state = Sealer([settings.SECRET_KEY], "state").seal(json.dumps([attempt, NOW, "", "new"]), "state")

    for changes, code in (({}, "cookie_invalid"), ({"state": state}, "state_invalid")):
        answer = visitor.come_back(query | changes)
        refused(visitor, answer)
        assert answer.context["code"] == code


def test_an_attempt_survives_the_rotation_of_the_secret_key(visitor, github, settings):
    query = github.approve(visitor.start(next="/where/")["Location"])
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the-new-key-" * 5

    assert visitor.come_back(query)["Location"] == "/where/"


def test_an_attempt_does_not_survive_the_loss_of_the_secret_key(visitor, github, refused, settings):
    query = github.approve(visitor.start()["Location"])
    settings.SECRET_KEY = "the-new-key-" * 5

    answer = visitor.come_back(query)

    refused(visitor, answer)
    assert answer.context["code"] == "state_invalid"


@pytest.mark.threat("J03")
def test_the_oldest_of_six_attempts_gives_way(visitor, jar_of_six):
    assert len(visitor.attempt_cookies()) == 5

    answers = [visitor.arrive(query) for query in jar_of_six]

    assert answers[0].context["code"] == "cookie_missing"
    assert [answer["Location"] for answer in answers[1:]] == ["/1/", "/2/", "/3/", "/4/", "/5/"]


@pytest.mark.threat("J03")
def test_fifty_starts_leave_five_attempts_and_a_header_that_servers_take(visitor, github):
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(50):
            last = visitor.start(next=f"/{number}/{noise(1900)}")
            clock.shift(1)
            assert len(visitor.attempt_cookies()) <= 5
            assert sum(map(len, visitor.attempt_cookies().values())) <= 6000

        assert Session.objects.count() == 0
        answer = visitor.come_back(github.approve(last["Location"]))

    assert answer["Location"].startswith("/49/")


@pytest.mark.threat("C14", "J03")
def test_a_long_attempt_gives_way_to_another_long_one_but_short_ones_stay(visitor):
    with time_machine.travel(NOW, tick=False) as clock:
        long, short, newest = "/" + noise(1999), "/short/", "/" + noise(1999)
        started = []
        for next_page in (long, short, short, newest):
            visitor.start(next=next_page)
            started.append(next(name for name in names_in_jar(visitor) if name not in started))
            clock.shift(1)

    assert set(visitor.attempt_cookies()) == set(started[1:])
    for name, value in visitor.attempt_cookies().items():
        assert len(name) + len(value) < 4096  # what browsers take


def test_cookies_that_are_of_no_use_are_taken_back_at_the_next_start(visitor):
    visitor.cookies["oauth_login_rubbish"] = "rubbish"
    visitor.cookies["oauth_login_foreign"] = "v1xxxxxxxxAAAA"
    visitor.cookies["theme"] = "dark"

    visitor.start()

    assert len(names_in_jar(visitor)) == 1
    assert visitor.cookies["theme"].value == "dark"


@pytest.mark.threat("A04", "A05")
def test_the_cookie_is_taken_back_when_the_attempt_has_succeeded(visitor, github):
    answer = visitor.come_back(github.approve(visitor.start()["Location"]))

    assert only(answer.cookies)[1]["max-age"] == 0
    assert names_in_jar(visitor) == []


@pytest.mark.parametrize("broken", [{"code": ["x", "y"]}, {"code": "x\0"}, {"iss": ["a", "b"]}, {"code": ""}])
def test_whatever_is_wrong_with_a_callback_a_genuine_attempt_keeps_its_page(visitor, github, broken):
    query = github.approve(visitor.start(next="/where/")["Location"]) | broken

    answer = visitor.come_back(query)

    assert answer.status_code == 400
    assert answer.context["next"] == "/where/"


def test_a_reload_of_a_failure_or_a_denial_keeps_its_page(visitor, github):
    github.token = (503, {}, b"")
    for end in (github.approve, github.deny):
        query = end(visitor.start(next="/where/")["Location"])
        visitor.come_back(query)

        again = visitor.come_back(query)

        assert (again.status_code, again.context["code"]) == (400, "attempt_replayed")
        assert again.context["next"] == "/where/"


def test_an_attempt_at_another_providers_callback_keeps_its_page(visitor, github, settings):
    ours = settings.OAUTH_LOGIN["PROVIDERS"]["github"]
    settings.OAUTH_LOGIN = {"PROVIDERS": {"github": ours, "other": ours | {"PRESET": "github"}}}

    answer = visitor.come_back(github.approve(visitor.start(next="/where/")["Location"]), "other")

    assert (answer.context["code"], answer.context["next"]) == ("provider_mismatch", "/where/")


@pytest.mark.threat("I11")
def test_signing_out_ends_what_was_started(visitor, github, refused):
    queries = [github.approve(visitor.start()["Location"]) for _ in range(3)]
    visitor.cookies["theme"] = "dark"

    visitor.post("/oauth2/logout/")

    assert names_in_jar(visitor) == []
    assert visitor.cookies["theme"].value == "dark"
    for query in queries:
        answer = visitor.arrive(query)
        refused(visitor, answer)
        assert answer.context["code"] == "cookie_missing"
