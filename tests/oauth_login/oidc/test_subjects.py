"""An ID Token names somebody, or it is refused: the rule of every other provider holds for it, too."""

import pytest

from oauth_login.models import LinkedAccount


@pytest.mark.threat("F01", "E11")
@pytest.mark.parametrize("value", ["null", "None", " ", "x ", "N/A", "[object Object]", "0", "-1"])
def test_a_signature_makes_nobody_of_openid_connect_somebody(openid, configure, visitor, rows, value):
    configure(SCOPE="openid profile")
    openid.claims = {"sub": value}

    answer = visitor.sign_in(openid, "acme")

    assert (answer.status_code, answer.context["code"]) == (502, "subject_invalid")
    assert (visitor.user, rows(), LinkedAccount.objects.count()) == (None, (0, 0, 0), 0)
    assert openid.hits("/userinfo") == 0  # nobody else's profile is asked for either
