from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.http import require_http_methods, require_safe

from guestbook import drafts
from guestbook.forms import EntryForm
from guestbook.models import BlockedAuthor, Entry
from guestbook.pages import requested_page

SIGN_IN = reverse_lazy("oauth_login:login")


@login_not_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the entries, newest first, and the form."""
    return _front_page(request, EntryForm(initial={"text": drafts.recall(request)}))


@login_not_required  # Signed-out visitors are answered here, so that what they typed is kept.
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest) -> HttpResponse:
    """Add an entry."""
    user = request.user
    if request.method != "POST":
        # Somebody reloaded the address of a refused post.
        return redirect(_write_url())
    form = EntryForm(request.POST)
    if not user.is_authenticated:
        drafts.keep(request, form["text"].value() or "")
        return _front_page(request, form, status=403)
    if BlockedAuthor.includes(user):
        return _blocked_page(request, form)
    if not form.is_valid():
        return _front_page(request, form, status=422)
    drafts.forget(request)
    text = form.cleaned_data["text"]
    entry = Entry.objects.visible().filter(author=user).first()
    if entry is None or entry.text != text:  # Else a double click or a reload has sent it again.
        entry = Entry.objects.create(author=user, text=text)
    return redirect(f"{reverse('guestbook:index')}#entry-{entry.pk}")


@login_not_required  # As above.
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one's own entry."""
    user = request.user
    if not user.is_authenticated:
        return _edit_signed_out(request, pk)
    entry = get_object_or_404(Entry.objects.visible(), pk=pk, author=user)
    if request.method == "POST":
        form = EntryForm(request.POST)
    else:
        form = EntryForm(initial={"text": drafts.recall(request, pk) or entry.text})
    if BlockedAuthor.includes(user):
        return _blocked_page(request, form)
    if not form.is_valid():
        context = {"form": form, "entry": entry}
        return render(request, "guestbook/edit.html", context, status=422 if form.is_bound else 200)
    drafts.forget(request, pk)
    if form.cleaned_data["text"] != entry.text:
        entry.text = form.cleaned_data["text"]
        entry.edited_at = timezone.now()
        entry.save(update_fields=["text", "edited_at"])
    return redirect(entry)


@login_required(login_url=SIGN_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete one's own entry; the blocked may, and the hidden can be."""
    entry = get_object_or_404(Entry, pk=pk, author=request.user)
    if request.method != "POST":
        return render(request, "guestbook/delete.html", {"entry": entry})
    entry.delete()
    messages.success(request, _("Your note is deleted."))
    return redirect("guestbook:index")


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without a valid CSRF token, keeping what was typed; for ``CSRF_FAILURE_VIEW``.

    Signing in or out in one tab makes the forms of the others stale. Nothing is written: the text stands in
    a fresh form, for its author to send or not.
    """
    match = request.resolver_match
    if match is None or match.view_name not in {"guestbook:write", "guestbook:edit"}:
        return csrf_failure(request, reason=reason)
    messages.warning(request, _("This page was out of date. Please check your text and send it again."))
    form = EntryForm(request.POST)
    if match.view_name == "guestbook:edit" and request.user.is_authenticated:
        drafts.keep(request, form["text"].value() or "", entry=match.kwargs["pk"])
        return redirect("guestbook:edit", pk=match.kwargs["pk"])
    return _front_page(request, form, status=403)


def _write_url() -> str:
    return f"{reverse('guestbook:index')}#write"


def _front_page(request: HttpRequest, form: EntryForm, status: int = 200) -> HttpResponse:
    user = request.user
    context = {
        "page": requested_page(request),
        "form": form,
        "blocked": user.is_authenticated and BlockedAuthor.includes(user),
        "sign_in_next": _write_url(),
    }
    return render(request, "guestbook/index.html", context, status=status)


def _edit_signed_out(request: HttpRequest, pk: int) -> HttpResponse:
    # Whether there is such an entry, and whose it is, is told after signing in.
    if request.method != "POST":
        return redirect_to_login(request.get_full_path(), login_url=str(SIGN_IN))
    form = EntryForm(request.POST)
    drafts.keep(request, form["text"].value() or "", entry=pk)
    context = {"form": form, "sign_in_next": request.path}
    return render(request, "guestbook/edit.html", context, status=403)


def _blocked_page(request: HttpRequest, form: EntryForm) -> HttpResponse:
    return render(request, "guestbook/blocked.html", {"form": form}, status=403)
