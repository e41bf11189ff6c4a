from django.contrib.auth.decorators import login_required
from django.forms import modelform_factory
from django.shortcuts import redirect, render

from oauth_login.redirects import requested_page
from tests.oauth_login.people.members.models import Member

CityForm = modelform_factory(Member, fields=["city"])


@login_required
def complete(request):
    """Ask for the city, then let the member go on to where they wanted to be."""
    form = CityForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        return redirect(requested_page(request) or "/")
    context = {"form": form, "next": requested_page(request)}
    return render(request, "members/complete.html", context)
