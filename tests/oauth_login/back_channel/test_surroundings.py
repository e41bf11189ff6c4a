"""What a process brings along: its environment lends nothing, and nothing leaks into it."""

import logging

import pytest

from oauth_login.answers import Answer
from oauth_login.errors import ProviderUnavailable
from tests.oauth_login.back_channel.enterprise import PLACES, sign_in
from tests.oauth_login.http_server import HANG_UP, certificate, reply


@pytest.fixture
def generous_environment(monkeypatch, canary, tmp_path):
    """An environment with credentials for the server and a proxy for everybody."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.threat("D13")
@pytest.mark.usefixtures("generous_environment")
def test_the_environment_lends_no_credentials_and_no_proxy(server, transport):
    server.answers["/"] = reply({})

    transport.get(f"{server.url}/", headers={"Authorization": "Bearer gho_1"})
    transport.post(f"{server.url}/", form={})

    with_token, without = server.requests
    assert with_token.headers["authorization"] == "Bearer gho_1"
    assert "authorization" not in without.headers


@pytest.mark.threat("D13")
@pytest.mark.usefixtures("generous_environment")
def test_a_sign_in_borrows_nothing_from_the_environment(enterprise, server, visitor):
    assert enterprise().status_code == 302

    assert [request.headers.get("authorization") for request in server.requests] == [
        None,
        "Bearer gho_secret",
        "Bearer gho_secret",
    ]
    assert visitor.user is not None


@pytest.mark.threat("D13")
def test_the_proxy_of_the_settings_is_used_and_sees_no_request(servers, new_transport, tmp_path):
    context, bundle = certificate(tmp_path)
    proxy = servers(context)  # an https proxy: that its certificate is trusted is part of the test

    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        new_transport(ca_bundle=bundle, proxies={"https": proxy.url}).post(
            "https://provider.example/token", form={"code": "secret"}
        )
    assert {(request.method, request.path) for request in proxy.requests} == {
        ("CONNECT", "provider.example:443")
    }
    assert "secret" not in str(proxy.requests)
    asked = len(proxy.requests)
    with pytest.raises(ProviderUnavailable, match="connection_failed"):
        new_transport(proxies={"https": proxy.url}).get("https://provider.example/")
    assert len(proxy.requests) == asked


@pytest.mark.threat("D26")
def test_a_cookie_of_one_visitor_is_not_sent_for_another(enterprise, server, new_visitor):
    server.answers = {path: reply(answer, Set_Cookie="who=first") for path, answer in PLACES.items()}

    for visitor in (new_visitor(), new_visitor()):
        assert sign_in(visitor).status_code == 302

    assert len(server.requests) == 6
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.threat("B15")
def test_no_secret_is_ever_part_of_a_url(enterprise, server):
    assert enterprise().status_code == 302

    asked = [(request.method, request.path) for request in server.requests]
    assert asked == [
        ("POST", "/login/oauth/access_token"),
        ("GET", "/api/v3/user"),
        ("GET", "/api/v3/user/emails?per_page=100"),
    ]
    assert {request.headers.get("authorization") for request in server.requests[1:]} == {"Bearer gho_secret"}
    assert [request.body for request in server.requests[1:]] == ["", ""]


@pytest.mark.threat("H07", "H09")
def test_logs_and_errors_name_the_place_and_no_secret(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers = {"/good": reply({"access_token": "gho_secret"}), "/bad": [HANG_UP]}

    transport.post(f"{server.url}/good", form={"code": "secret"}, headers={"Authorization": "Basic secret"})
    with pytest.raises(ProviderUnavailable) as refusal:
        transport.get(f"{server.url}/bad?code=secret", headers={"Authorization": "Bearer secret"})

    own = [record.getMessage() for record in caplog.records if record.name == "oauth_login.transport"]
    assert own[0].startswith("POST 127.0.0.1/good: HTTP 200, 30 bytes, ")
    assert own[1:] == ["GET 127.0.0.1/bad: connection_failed (ConnectionError)"] * 2
    assert "secret" not in " ".join([*own, str(refusal.value), repr(refusal.value)])
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
    assert "secret" not in repr(Answer(200, {"a": "secret"}, b"secret"))
