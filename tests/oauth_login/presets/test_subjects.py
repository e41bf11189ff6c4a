"""Whatever a provider says instead of an id, nobody is signed in by it."""

import pytest

from oauth_login.models import LinkedAccount
from tests.oauth_login.presets.site import every_preset, with_some

pytestmark = [pytest.mark.provider, pytest.mark.django_db]

NO_SUBJECTS = {
    "missing": ...,
    "null": None,
    "true": True,
    "false": False,
    "a list": ["1"],
    "an object": {"id": "1"},
    "a float": 1.0,
    "huge": int("9" * 19),
    "long": "x" * 256,
    "negative": -1,
    "zero": 0,
    "empty": "",
    "None": "None",
    "the word null": "null",
    "undefined": "undefined",
    "padded": " 1",
    "another digit": "\N{FULLWIDTH DIGIT ONE}",
    "two lines": "1\n",
}


@pytest.mark.threat("F01", "F02", "F03")
@with_some(NO_SUBJECTS, "missing", "null", "true", "a list", "a float", "huge", "empty", "None")
def test_somebody_without_an_id_is_nobody(preset, turned_away, name, value):
    preset = preset(name)
    preset.change("sub", value)

    # Some need the id to ask for the profile, and find that they have none to send.
    turned_away(preset, preset.sign_in(), "subject_invalid", "profile_refused")


@pytest.mark.threat("F01", "F02")
@pytest.mark.parametrize(("kind", "value"), [("int", "7"), ("int", "01"), ("str", 7)])
@every_preset
def test_the_type_of_an_id_does_not_change(preset, turned_away, name, kind, value):
    preset = preset(name)
    preset.change("sub", value)
    answer = preset.sign_in()

    if preset.row.get("SUBJECT_TYPE", "") in {kind, *([""] if value == "01" else [])}:
        turned_away(preset, answer, "subject_invalid")
    else:
        assert LinkedAccount.objects.get().subject == str(value)


@pytest.mark.threat("F01")
@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        *(("weibo", "idstr", value) for value in ("1404376561", "", None, ...)),
        *(("weixin", "openid", value) for value in ("o6_another", None, ...)),
    ],
    ids=repr,
)
def test_a_profile_of_another_than_the_token_is_nobodys(preset, turned_away, name, path, value):
    preset = preset(name)
    changed = {**preset.answers["userinfo"], path: value}
    preset.answers["userinfo"] = {key: said for key, said in changed.items() if said is not ...}

    turned_away(preset, preset.sign_in(), "userinfo_of_another")
