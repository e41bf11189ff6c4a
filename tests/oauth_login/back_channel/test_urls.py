"""Where the site may connect to."""

import pytest

from oauth_login.errors import ProviderMisconfigured
from oauth_login.transport import is_secure


@pytest.mark.threat("M01", "M02", "M03")
@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://github.com/login", True),
        ("https://github.com:8443", True),
        ("HTTPS://GitHub.com", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000/x", True),
        ("http://[::1]:8000", True),
        ("http://10.0.0.5", False),
        ("http://example.com", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://user:password@127.0.0.1", False),
        ("https://user@github.com", False),
        ("https://:password@github.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1\\.evil.example", False),
        ("https://github.com\\.evil.example", False),
        ("https://github.com\t.evil.example", False),
        ("https://git hub.com", False),
        (" https://github.com", False),
        ("https://github.com\n", False),
        ("http://0x7f.1", False),
        ("http://2130706433", False),
        ("http://127.1", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://localhost.evil.example", False),
        ("myapp://callback", False),
        ("file:///etc/passwd", False),
        ("gopher://127.0.0.1", False),
        ("ftp://127.0.0.1", False),
        ("javascript://127.0.0.1/%0aalert(1)", False),
        ("//github.com", False),
        ("github.com", False),
        ("https://", False),
        ("https:///path", False),
        ("https://[", False),
        ("https://github.com:99999", False),
        ("https://github.com:port", False),
        ("", False),
    ],
)
def test_only_https_and_this_very_machine_are_secure(url, secure):
    assert is_secure(url) is secure


def test_an_insecure_url_is_not_called(transport):
    for call in (transport.get, lambda url: transport.post(url, form={"client_secret": "s"})):
        with pytest.raises(ProviderMisconfigured, match="endpoint_insecure"):
            call("http://provider.example/token")
