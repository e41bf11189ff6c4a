"""A decorator that names a provider which is not in the settings is found before anybody sees the view."""

from functools import partial

import pytest
from django.core.checks import run_checks
from django.core.checks.registry import Tags
from django.urls import URLPattern, URLResolver, include, path
from django.utils.decorators import method_decorator
from django.views.generic import View

from oauth_login.decorators import linked_account_required, recent_sign_in_required, scope_required


def page(request):
    """Asks for nothing."""


@recent_sign_in_required()
@linked_account_required("github")
@scope_required("githup", "repo")
def slip(request):
    """Means GitHub."""


@scope_required("githup", "repo")
async def later(request):
    """Means GitHub, and is awaited."""


@method_decorator([linked_account_required("gitlap"), scope_required("githup", "repo")], name="dispatch")
class Listed(View):
    """Decorated by a list."""


@method_decorator(linked_account_required("gitlap"), name="dispatch")
@method_decorator(scope_required("githup", "repo"), name="dispatch")
class Stacked(View):
    """Decorated one by one."""


@method_decorator(linked_account_required("github"), name="dispatch")
class Right(View):
    """Names what is there."""


class Callable:
    """A view that is neither a function nor has attributes of its own."""

    __slots__ = ()

    def __call__(self, request):
        """Ask for nothing."""


urlpatterns: list[URLPattern | URLResolver] = []


@pytest.fixture
def found(settings):
    """A way to check a site with these views: the ids, messages and hints."""
    settings.ROOT_URLCONF = __name__

    def check(*views):
        urlpatterns[:] = [path(f"{number}/", view, name=str(number)) for number, view in enumerate(views)]
        return [(one.id, one.msg, one.hint) for one in run_checks(tags=[Tags.urls])]

    yield check
    urlpatterns.clear()


def told(view, decorator, alias, hint):
    """Return what is to be found of a slip."""
    return (
        "oauth_login.W014",
        f"{__name__}.{view} has @{decorator}({alias!r}), but OAUTH_LOGIN['PROVIDERS'] has no {alias!r}: "
        "nobody gets in.",
        hint,
    )


MEANT = "Did you mean 'github'?"


@pytest.mark.parametrize("view", [slip, later], ids=["function", "asynchronous"])
def test_a_slip_is_found_and_what_was_meant(found, view):
    name = view.__name__

    assert found(view) == [told(name, "scope_required", "githup", MEANT)]


@pytest.mark.parametrize("view", [Listed, Stacked])
def test_so_are_those_of_a_class(found, settings, view):
    other = settings.OAUTH_LOGIN["PROVIDERS"]["github"] | {"PRESET": "github"}
    settings.OAUTH_LOGIN = {"PROVIDERS": {"elsewhere": other}}

    assert sorted(found(view.as_view())) == [
        told(view.__name__, "linked_account_required", "gitlap", "Known: elsewhere."),
        told(view.__name__, "scope_required", "githup", "Known: elsewhere."),
    ]


def test_it_is_told_once_however_often_the_view_is_there_and_however_deep(found):
    deep = include([path("deep/", include([path("deeper/", slip)]))])

    once = [told("slip", "scope_required", "githup", MEANT)]
    assert found(slip, slip, deep) == once
    assert found(deep) == once


def test_without_any_provider_there_is_none_to_mean(found, settings):
    settings.OAUTH_LOGIN = {"PROVIDERS": {}}

    assert found(later) == [told("later", "scope_required", "githup", "Known: none.")]


def test_of_what_names_nothing_or_what_is_there_nothing_is_told(found):
    assert found(page, partial(page), Callable(), Right.as_view(), recent_sign_in_required()(page)) == []


def test_a_site_without_urls_is_not_looked_at(found, settings):
    settings.ROOT_URLCONF = None

    assert found(slip) == []
