"""What the owner of a site is shown of an error: every frame, with its variables."""

import re

from django.views.debug import ExceptionReporter


def assert_nothing_is_shown(raised):
    """Assert that what an error report says of our code has no token in it.

    :param raised: type, error and traceback.
    """
    frames = ExceptionReporter(None, *raised).get_traceback_frames()
    ours = [frame for frame in frames if "/oauth_login/" in frame["filename"]]
    shown = str([frame["vars"] for frame in ours if "/tests/" not in frame["filename"]])
    assert not re.findall(r"gh[our]_\w+", shown)
    assert ours
