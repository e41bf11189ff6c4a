"""Every preset tells errors, and answers that cannot be read, from success."""

import pytest

from tests.oauth_login.presets.site import ODD, PLACES, among, every_preset

pytestmark = [pytest.mark.provider, pytest.mark.django_db]
RATE = "provider_rate_limited"


@pytest.mark.threat("D19")
@every_preset
def test_a_refused_code_is_told_whatever_the_status(preset, turned_away, name):
    preset = preset(name)
    preset.answers["token"], code = preset.case.error

    turned_away(preset, preset.sign_in(), code)


@pytest.mark.threat("D19")
@pytest.mark.parametrize(
    ("name", "place", "said", "code"),
    [
        ("qq", "token", b"code=100020&msg=code+is+reused+error", "code_rejected"),
        ("qq", "token", b"error=100019&error_description=x", "code_rejected"),
        ("qq", "token", b'callback( {"error":"100019","error_description":"x"} );', "code_rejected"),
        ("weibo", "userinfo", {"error": "User requests out of rate limit!", "error_code": "10023"}, RATE),
    ],
)
def test_a_providers_number_means_the_same_in_each_of_its_forms(preset, turned_away, name, place, said, code):
    preset = preset(name)
    preset.answers[place] = said

    turned_away(preset, preset.sign_in(), code)


@pytest.mark.threat("D20")
@every_preset
def test_an_error_next_to_a_token_is_an_error(preset, turned_away, name):
    preset = preset(name)
    preset.answers["token"]["error"] = "invalid_grant"

    turned_away(preset, preset.sign_in(), "code_rejected")


@pytest.mark.threat("D19", "D24")
@every_preset
def test_an_error_of_the_profile_is_told_whatever_the_status(preset, turned_away, name):
    preset = preset(name)
    place = "userinfo" if "USERINFO_ENDPOINT" in preset.row else "token"
    preset.answers[place], code = preset.case.profile_error

    turned_away(preset, preset.sign_in(), code, "provider_misconfigured")


BROKEN = {
    "nothing": b"",
    "a page": b"<!doctype html><title>Sorry</title>",
    "cut off": b'{"id": 1',
    "NaN": b'{"id": NaN}',
    "repeated": b'{"id": 1, "id": 2}',
    "Latin": b'{"id": "\xff"}',
    "deep": b"[" * 100_000,
    "half a pair": b'{"id": "\\ud83d"}',
    "a list": [],
    "a number": 7,
    "a string": "text",
    "null": None,
    "half a callback": b'callback( {"id": 1',
    "another callback": b'callback( {"id": 1} ); alert(1);',
}


@pytest.mark.threat("D15", "D16", "D17", "D18")
@pytest.mark.parametrize(
    ("name", "place", "content"),
    [
        pytest.param(*where, content, id=f"{'-'.join(where)}-{what}")
        for where in PLACES
        for what, content in BROKEN.items()
        if where[0] in ODD or what in among(BROKEN, "nothing", "a page", "repeated", "a list", "null")
        if (where, what) != (("gitee", "emails"), "a list")  # an empty list of addresses is one
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(preset, turned_away, name, place, content):
    preset = preset(name)
    preset.answers[place] = content

    turned_away(
        preset, preset.sign_in(), "json_invalid", "json_type_wrong", "token_answer_invalid", "emails_invalid"
    )


@pytest.mark.threat("D24")
@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "profile_refused"), (429, "provider_rate_limited"), (500, "provider_unavailable")],
)
@pytest.mark.parametrize(("name", "place"), [pair for pair in PLACES if pair[1] != "token"])
def test_a_status_that_is_no_success_is_none(preset, turned_away, name, place, status, code):
    preset = preset(name)
    preset.answers[place] = (status, b"Sorry")

    turned_away(preset, preset.sign_in(), code)
