"""A provider that is nothing but settings, its server, and a site that has it."""

from urllib.parse import parse_qsl, urlsplit

from oauth_login.causes import CAUSES
from tests.oauth_login.http_server import reply

TOKEN = {"access_token": "the-token", "token_type": "Bearer"}
#: As the README says it, line by line.
FORGE = {
    "CLIENT_ID": "the-client",
    "CLIENT_SECRET": "the-secret",
    "AUTHORIZATION_ENDPOINT": "https://forge.example/authorize",
    "TOKEN_ENDPOINT": "https://forge.example/token",
    "USERINFO_ENDPOINT": "https://forge.example/user",
    "CLAIMS": {"sub": "id", "preferred_username": "login"},
}


class Site:
    """A site with one provider called forge, and that provider's server."""

    def __init__(self, server, visitor, settings):
        self.server, self.visitor, self.settings = server, visitor, settings
        self.say(token=TOKEN, user={"id": 7, "login": "mona"})
        self.define()

    def define(self, **changes):
        """Define the provider anew; what is ``...`` is left out."""
        options = {
            key: value.replace("https://forge.example", self.server.url) if isinstance(value, str) else value
            for key, value in {**FORGE, **changes}.items()
            if value is not ...
        }
        self.settings.OAUTH_LOGIN = {"PROVIDERS": {"forge": options}}

    def say(self, **answers):
        self.server.answers.update(
            {f"/{place}": answer if callable(answer) else reply(answer) for place, answer in answers.items()}
        )

    def sign_in(self, **callback):
        self.asked = dict(parse_qsl(urlsplit(self.visitor.start("forge")["Location"]).query))
        return self.visitor.come_back({"code": "c", **callback, "state": self.asked["state"]}, "forge")

    def requests(self, path):
        return [request for request in self.server.requests if urlsplit(request.path).path == path]


def code_of(answer):
    assert answer.status_code == CAUSES[answer.context["code"]].status
    return answer.context["code"]
