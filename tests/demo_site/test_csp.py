"""Every page of the demo site comes with a policy that leaves injected markup nothing to do."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from demo_site.csp import ContentSecurityPolicyMiddleware

PUBLIC = (
    "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "img-src 'self' https://avatars.githubusercontent.com; form-action 'self' https://github.com"
)


def policy_of(response):
    request = RequestFactory().get("/")
    answer = ContentSecurityPolicyMiddleware(lambda request: response).process_response(request, response)
    return answer.headers.get("Content-Security-Policy")


@pytest.mark.django_db
def test_a_page_of_the_guestbook_may_load_its_own_style_and_pictures_and_run_nothing(client):
    assert client.get("/").headers["Content-Security-Policy"] == PUBLIC


@pytest.mark.django_db
def test_so_may_the_page_for_passwords_which_leads_on_after_a_sign_in(client, django_user_model):
    django_user_model.objects.create_user("ada", password="correct horse")

    wrong = client.post("/password/", {"username": "ada", "password": "wrong", "next": "/where/"})
    right = client.post("/password/", {"username": "ada", "password": "correct horse", "next": "/where/"})

    assert wrong.headers["Content-Security-Policy"] == PUBLIC
    assert 'role="alert"' in wrong.content.decode()
    assert 'class="oauth-login-field"' in wrong.content.decode()
    assert (right.status_code, right.headers["Location"]) == (302, "/where/")


@pytest.mark.django_db
def test_the_admin_may_run_its_own_scripts(client):
    policy = client.get("/admin/login/").headers["Content-Security-Policy"]

    assert policy == f"{PUBLIC}; script-src 'self'; connect-src 'self'"


@pytest.mark.django_db
def test_what_was_not_found_has_the_policy_too(client):
    response = client.get("/nothing/is/here/")

    assert response.status_code == 404
    assert response.headers["Content-Security-Policy"] == PUBLIC


def test_forms_may_lead_to_the_configured_providers(settings):
    settings.FORM_ACTION_ORIGINS = ["https://github.acme.example", "https://sso.acme.example"]

    policy = policy_of(HttpResponse())

    assert policy.endswith("form-action 'self' https://github.acme.example https://sso.acme.example")


@pytest.mark.threat("I03")
def test_pictures_come_from_where_the_configured_providers_keep_them(settings):
    settings.IMG_ORIGINS = ["https://ghe.example", "https://*.ghe.example"]

    assert "img-src 'self' https://ghe.example https://*.ghe.example; " in str(policy_of(HttpResponse()))


def test_a_policy_that_a_view_has_set_stays():
    response = HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})

    assert policy_of(response) == "default-src 'self'"


@pytest.mark.parametrize("status", [404, 500])
def test_the_debug_pages_of_django_stay_readable(settings, status):
    settings.DEBUG = True

    assert policy_of(HttpResponse(status=status)) is None


@pytest.mark.parametrize("status", [404, 500])
def test_without_debug_errors_are_no_exception(status):
    assert policy_of(HttpResponse(status=status)) == PUBLIC
