"""A site whose pages ask for something before they show themselves, or find out in the middle."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from oauth_login.decorators import linked_account_required, recent_sign_in_required, scope_required
from oauth_login.errors import ReauthorizationRequired, ScopeRequired

LACKS = ScopeRequired(frozenset({"repo"}), provider="github")
ERRORS = {
    "scope": LACKS,
    "nobody-knows-which": ScopeRequired(provider="github"),
    "nobody-knows-where": ReauthorizationRequired(),
    "elsewhere": ReauthorizationRequired(provider="elsewhere"),
    "other": ZeroDivisionError("the site's own"),
}


def shown(request):
    """Show whose account the page was given."""
    return HttpResponse(f"account {request.linked_account.subject}")


async def shown_later(request, *_):
    """Do the same, some time."""
    return shown(request)


def confirmed(request):
    """Show that the visitor got in."""
    return HttpResponse("confirmed")


def found_out(request, why):
    """Meet an error deep inside."""
    raise ERRORS[why]


async def found_out_later(request, why):
    """Meet an error deep inside, some time."""
    raise ERRORS[why]


def renewed(request):
    """Use the visitor's token."""
    return HttpResponse(request.user.linked_accounts.get().access_token())


def calls(request):
    """Call the provider's API with a scope."""
    return HttpResponse(request.user.linked_accounts.get().session("repo"))


def half_done(request):
    """Write something, and find out then."""
    get_user_model().objects.create(username="half done")
    raise LACKS


class PlainView(View):
    """A page by methods."""

    def get(self, request):
        """Show."""
        return shown(request)

    def post(self, request):
        """Find out."""
        raise LACKS


class LaterView(View):
    """An asynchronous page by methods."""

    async def get(self, request):
        """Show."""
        return shown(request)

    async def post(self, request):
        """Find out."""
        raise LACKS


@method_decorator(scope_required("github", "repo"), name="dispatch")
class Repositories(PlainView):
    """The page, decorated as Django's documentation has it."""


@method_decorator(scope_required("github", "repo"), name="dispatch")
class RepositoriesLater(LaterView):
    """The asynchronous one."""


urlpatterns = [
    path("repositories/", scope_required("github", "repo")(shown)),
    path("repositories/later/", scope_required("github", "repo")(shown_later)),
    path("repositories/class/", Repositories.as_view()),
    path("repositories/class/later/", RepositoriesLater.as_view()),
    path("repositories/wrapped/", scope_required("github", "repo")(PlainView.as_view())),
    path("repositories/wrapped/later/", scope_required("github", "repo")(LaterView.as_view())),
    path("several/", scope_required("github", "repo gist", "read:user")(shown)),
    path("half-done/", linked_account_required("github")(half_done)),
    path(
        "half-done/for-good/", transaction.non_atomic_requests(linked_account_required("github")(half_done))
    ),
    path("linked/", linked_account_required("github")(shown)),
    path("unknown/", linked_account_required("githup")(shown)),
    path("confirmed/", recent_sign_in_required()(confirmed)),
    path("confirmed/hour/", recent_sign_in_required(max_age=3600)(confirmed)),
    path("confirmed/anew/", recent_sign_in_required(asked_anew=True)(confirmed)),
    path("deep/<why>/", found_out),
    path("deep/<why>/later/", found_out_later),
    path("decorated/<why>/", linked_account_required("github")(found_out)),
    path("decorated/<why>/later/", linked_account_required("github")(found_out_later)),
    path("renewed/", renewed),
    path("calls/", calls),
    path("", include("demo_site.urls")),
]
