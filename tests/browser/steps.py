"""What a visitor does, and what of it can be seen on the way."""

from urllib.parse import urlsplit


def leave(page, next_page="", *, at=""):
    """Press the button, on the page that has nothing else, and arrive at the provider's."""
    page.goto(f"{at}/oauth2/github/authorize/" + (f"?next={next_page}" if next_page else ""))
    press(page)


def press(page):
    """Press the button on whatever page this is."""
    page.get_by_role("button", name="Sign in with GitHub").first.click()


def approve(page, persona="octocat"):
    """Say yes on the provider's page, as one of its personas."""
    page.get_by_role("button", name=persona).click()


def deny(page):
    """Say no there."""
    page.get_by_role("button", name="Deny").click()


class Trail:
    """Every page that a tab asks for from now on, redirects included."""

    def __init__(self, page):
        self.urls: list[str] = []
        page.on("request", self._note)

    def _note(self, request):
        if request.is_navigation_request():
            self.urls.append(request.url)

    @property
    def callbacks(self):
        """The callbacks among them."""
        return [url for url in self.urls if urlsplit(url).path.endswith("/callback/")]

    @property
    def origins(self):
        """The origins it leads over, each as often as it is come to."""
        origins = ["{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in self.urls]
        return [origin for origin, before in zip(origins, [None, *origins], strict=False) if origin != before]
