"""What a browser does with cookies, for tests that have a server to talk to instead of a test client."""


class Jar(dict[str, str]):
    """The cookies of one site, name to value."""

    def take(self, set_cookie):
        """Keep, replace or drop a cookie, as the value of one ``Set-Cookie`` header says."""
        pair, *attributes = set_cookie.split("; ")
        name, _, value = pair.partition("=")
        self[name] = value
        if "Max-Age=0" in attributes:
            del self[name]

    def header(self):
        """Return the value of the ``Cookie`` header."""
        return "; ".join(f"{name}={value}" for name, value in self.items())

    def attempts(self):
        """Return the names of the cookies of sign-ins in progress."""
        return [name for name in self if "oauth_login_" in name]
