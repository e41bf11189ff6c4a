"""What makes an answer an error, where settings say so, and what that error means."""

import pytest

from tests.oauth_login.definitions.forge import TOKEN, code_of

pytestmark = pytest.mark.provider
FORM_TOKEN = b"access_token=the-token&token_type=bearer"


@pytest.mark.threat("H07")
@pytest.mark.parametrize("place", ["token", "user"])
def test_secrets_that_a_server_repeats_do_not_reach_the_log(site, caplog, place):
    words = "the-secret and the-token and the-code are wrong"
    site.define(ERRORS={"fault": None})
    site.say(**{place: {"fault": 7, "message": words}})
    site.sign_in(code="the-code")

    assert "are wrong" in caplog.text
    assert "the-secret" not in caplog.text
    assert ("the-code" if place == "token" else "the-token") not in caplog.text


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"fault": 1}, "code_rejected"),
        ({"fault": 2}, "provider_misconfigured"),
        ({"fault": 3}, "provider_unavailable"),
        ({"fault": 4}, "provider_rate_limited"),
        ({"fault": "five"}, "profile_refused"),
        ({"fault": 6}, "token_answer_invalid"),
        ({"fault": True}, "token_answer_invalid"),
        ({"fault": [1]}, "token_answer_invalid"),
        ({"fault": 10**19}, "token_answer_invalid"),
        ({"fault": "invalid_grant"}, "code_rejected"),
        ({"fault": "server_error"}, "provider_unavailable"),
        ({"fault": "whatever"}, "provider_misconfigured"),
        ({"fault": 0, "error": "invalid_grant"}, "code_rejected"),
    ],
    ids=str,
)
def test_an_error_means_what_the_settings_say(site, said, code):
    site.define(
        ERRORS={"fault": 0},
        ERROR_CODES={
            1: "code_rejected",
            2: "provider_misconfigured",
            3: "provider_unavailable",
            4: "provider_rate_limited",
            "five": "profile_refused",
        },
    )
    site.say(token={**said, "message": "Because."})

    assert code_of(site.sign_in()) == code


def test_somebody_who_said_no_may_be_told_by_the_token_endpoint(site):
    site.define(ERROR_CODES={"no": "access_denied"})
    site.say(token={"error": "no"})

    answer = site.sign_in()
    assert (answer.status_code, site.visitor.user) == (302, None)
    assert answer["Location"].startswith("/oauth2/login/")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"code=100020&msg=code+is+reused", "code_rejected"),
        (b"error=100019&error_description=x", "code_rejected"),
        (b"error=slow&error_description=x", "provider_rate_limited"),
        (b'{"error": "100019"}', "code_rejected"),
        (b'{"error": 100019, "code": 0}', "code_rejected"),
        (b'{"error": "7"}', "provider_misconfigured"),
        (b'{"error": 7}', "provider_misconfigured"),
    ],
    ids=repr,
)
def test_a_number_is_the_same_error_as_text(site, said, code):
    known = {100019: "code_rejected", 100020: "code_rejected", "slow": "provider_rate_limited"}
    site.define(
        TOKEN_ANSWER="any",
        ERRORS={"error": None, "code": None},
        ERROR_CODES={**known, "7": "provider_misconfigured"},
    )
    site.say(token=said)

    assert code_of(site.sign_in()) == code


@pytest.mark.parametrize("said", [b"%s&ret=0&ok=yes" % FORM_TOKEN, b"%s&ok=yes" % FORM_TOKEN])
def test_a_form_says_in_text_that_all_is_well(site, said):
    site.define(TOKEN_ANSWER="form", ERRORS={"ret": 0, "ok": "yes"})
    site.say(token=said, user={"id": 7, "ret": 0, "ok": "yes"})

    assert site.sign_in().status_code == 302


@pytest.mark.parametrize(
    ("well", "ok", "status"),
    [(True, True, 302), (True, 1, 502), (True, "True", 502), (True, False, 502), ("True", True, 502)],
    ids=repr,
)
def test_a_flag_that_says_that_all_is_well_is_that_flag(site, well, ok, status):
    site.define(ERRORS={"ok": well})
    site.say(user={"id": 7, "ok": ok})

    assert site.sign_in().status_code == status


def test_no_error_is_what_says_that_all_is_well(site):
    site.define(ERRORS={"fault": 0, "status.code": "ok"})
    site.say(
        token={**TOKEN, "fault": 0},
        user={"id": 7, "fault": 0, "status": {"code": "ok"}},
    )

    assert site.sign_in().status_code == 302


@pytest.mark.threat("F01")
@pytest.mark.parametrize("value", [0.0, False, "00", "", [0]], ids=repr)
def test_what_only_equals_it_in_python_is_an_error(site, value):
    site.define(ERRORS={"fault": 0})
    site.say(user={"id": 7, "fault": value})

    assert code_of(site.sign_in()) == "profile_refused"


@pytest.mark.parametrize("error", [None, "", False])
def test_an_error_that_says_nothing_is_none(site, error):
    site.say(token={**TOKEN, "error": error}, user={"id": 7, "login": "mona", "error": error})

    assert site.sign_in().status_code == 302


@pytest.mark.threat("D19")
@pytest.mark.parametrize("error", [0, "0", True, [], {}], ids=repr)
def test_any_other_error_is_one(site, error):
    site.say(user={"id": 7, "login": "mona", "error": error})

    assert code_of(site.sign_in()) == "profile_refused"
