"""Who has no certificate for it is not the provider."""

import pytest

from oauth_login.errors import ProviderResponseError
from tests.oauth_login.http_server import certificate, reply


def test_a_server_whose_certificate_is_vouched_for_is_trusted(servers, new_transport, tmp_path, monkeypatch):
    context, bundle = certificate(tmp_path)
    server = servers(context)
    server.answers["/"] = reply({"n": 1})

    by_setting = new_transport(ca_bundle=bundle)
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    by_environment = new_transport()

    for transport in (by_setting, by_setting, by_environment):
        assert transport.get(f"{server.url}/").json(dict) == {"n": 1}
    assert server.connections == 2


@pytest.mark.threat("D14")
@pytest.mark.parametrize(
    ("flaw", "host", "expired", "vouched"),
    [
        ("nobody vouches for it", "127.0.0.1", False, False),
        ("it is expired", "127.0.0.1", True, True),
        ("it is another host's", "127.0.0.2", False, True),
        ("it is another name's", "provider.example", False, True),
    ],
)
def test_a_server_with_a_wrong_certificate_is_told_nothing(
    servers, new_transport, tmp_path, monkeypatch, flaw, host, expired, vouched
):
    context, bundle = certificate(tmp_path, host, expired=expired)
    server = servers(context)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, bundle)  # only the settings and SSL_CERT_FILE vouch for anybody (D13)

    with pytest.raises(ProviderResponseError, match="tls_failed"):
        new_transport(ca_bundle=bundle if vouched else "").post(f"{server.url}/", form={"code": "secret"})
    assert server.requests == []


@pytest.mark.threat("D14")
@pytest.mark.parametrize(
    ("host", "expired", "vouched"),
    [("127.0.0.1", False, False), ("127.0.0.1", True, True), ("provider.example", False, True)],
    ids=["nobody vouches for it", "it is expired", "it is another name's"],
)
@pytest.mark.parametrize("key", ["TOKEN_ENDPOINT", "API_URL"])
def test_a_sign_in_at_a_provider_with_a_wrong_certificate_is_refused(
    turned_away, servers, settings, tmp_path, key, host, expired, vouched
):
    context, bundle = certificate(tmp_path, host, expired=expired)
    impostor = servers(context)
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"][key] = impostor.url
    if vouched:
        settings.OAUTH_LOGIN["CA_BUNDLE"] = bundle

    assert turned_away(502).context["code"] == "tls_failed"
    assert impostor.requests == []


@pytest.mark.threat("A26", "D14")
def test_a_ca_bundle_that_cannot_be_used_is_the_owners_to_mend(turned_away, settings, tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate at all")
    settings.OAUTH_LOGIN["CA_BUNDLE"] = str(bundle)
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["TOKEN_ENDPOINT"] = "https://127.0.0.1/token"

    assert b"This sign-in is not available" in turned_away(503).content
