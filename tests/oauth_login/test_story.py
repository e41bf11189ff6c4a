"""The story, told once: somebody reads, signs in, leaves a note, and comes back another day."""

from django.contrib.auth import get_user_model

from guestbook.models import Entry


def test_a_visitor_signs_in_with_github_and_leaves_a_note(visitor, github):
    assert b"Sign in with GitHub" in visitor.get("/").content

    leaving = visitor.start(next="/#write")
    assert leaving.status_code == 302
    arriving = visitor.come_back(github.approve(leaving["Location"]))
    assert arriving.status_code == 302
    assert arriving["Location"] == "/#write"
    assert visitor.user.get_username() == "octocat"

    visitor.post("/write/", {"text": "朕已阅"})
    assert Entry.objects.get().author == visitor.user
    assert "朕已阅" in visitor.get("/").content.decode()

    visitor.post("/oauth2/logout/")
    assert visitor.user is None
    visitor.sign_in(github)
    assert get_user_model().objects.count() == 1
