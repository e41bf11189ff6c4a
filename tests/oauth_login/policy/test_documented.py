"""The examples of ``docs/policy.md`` are whole: each rule can be asked, each settings file is right."""

import re
from pathlib import Path

import pytest

from oauth_login.checks import check_settings
from oauth_login.dotted import flaw
from oauth_login.policy import PolicyRefused, SignInQuestion, __all__
from oauth_login.providers.base import Profile
from oauth_login.visitor_api import VisitorApi
from tests.oauth_login.policy import rule

DOCUMENT = (Path(__file__).parents[3] / "docs" / "policy.md").read_text()
BLOCKS = re.findall(r"```python\n# (\S+)\n(.*?)```", DOCUMENT, re.DOTALL)
RULES = [code for name, code in BLOCKS if name == "yourproject/policy.py"]
SETTINGS = [code for name, code in BLOCKS if name == "settings.py"]


@pytest.mark.parametrize("number", range(len(RULES)))
def test_each_example_of_a_rule_refuses_a_stranger_without_an_address(settings, number):
    company = {"ISSUER": "https://sso.acme.example", "CLIENT_ID": "an id", "CLIENT_SECRET": "a secret"}
    known = {"google": {"CLIENT_ID": "an id", "CLIENT_SECRET": "a secret"}, "acme": company}
    settings.OAUTH_LOGIN = settings.OAUTH_LOGIN | {"PROVIDERS": settings.OAUTH_LOGIN["PROVIDERS"] | known}
    written: dict[str, object] = {}
    exec(RULES[number], written)  # noqa: S102  what the document says is what is tried
    made = written["rule"]
    profile = Profile("https://nobody.example", "7")
    stranger = SignInQuestion("sign_in", profile, "other", None, None, VisitorApi("other", None))

    assert flaw(made) == ""
    assert callable(made)
    refusal = made(stranger)
    assert isinstance(refusal, PolicyRefused) == ("Invited" not in RULES[number])


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_each_example_of_settings_is_right_when_it_is_filled_in(settings, number):
    written: dict[str, dict[str, object]] = {}
    exec(SETTINGS[number].replace("…", "filled-in"), written)  # noqa: S102
    settings.OAUTH_LOGIN = written["OAUTH_LOGIN"]
    if "SIGN_IN_POLICY" in settings.OAUTH_LOGIN:
        settings.OAUTH_LOGIN["SIGN_IN_POLICY"] = rule.PATH

    assert check_settings() == []


def test_every_part_is_documented():
    assert {name for name in __all__ if f"`{name}" not in DOCUMENT} == {"Part"}
