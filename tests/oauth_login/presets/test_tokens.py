"""What a preset takes for a token."""

from urllib.parse import urlsplit

import pytest

from tests.oauth_login.presets.site import every_preset, with_some

pytestmark = [pytest.mark.provider, pytest.mark.django_db]


@pytest.mark.threat("D21")
@pytest.mark.parametrize(
    "value", [None, "", 7, ["t"], "a b", "a\r\nb", "ü", "x" * 8193], ids=lambda v: f"{v!a:.12}"
)
@every_preset
def test_a_token_that_is_none_is_never_sent_anywhere(preset, turned_away, name, value):
    preset = preset(name)
    preset.answers["token"][preset.row.get("TOKEN_NAMES", {}).get("access_token", "access_token")] = value

    turned_away(preset, preset.sign_in(), "token_invalid")
    assert {urlsplit(request.path).path for request in preset.server.requests} == {"/token"}


@pytest.mark.threat("D22")
@pytest.mark.parametrize("value", ["mac", None, 1, "DPoP"])
@every_preset
def test_only_a_bearer_token_can_be_used(preset, turned_away, name, value):
    preset = preset(name)
    preset.answers["token"]["token_type"] = value

    turned_away(preset, preset.sign_in(), "token_type_unsupported")


NO_LIFETIMES: list[object] = [-1, 1.5, True, "soon", 10**19, [], None]


@pytest.mark.threat("D23")
@with_some({ascii(value): value for value in NO_LIFETIMES}, "-1", "None")
def test_a_lifetime_that_is_none_does_no_harm(preset, name, value):
    preset = preset(name)
    preset.answers["token"][preset.row.get("TOKEN_NAMES", {}).get("expires_in", "expires_in")] = value

    assert preset.sign_in().status_code == 302
