"""What a person is told, apart from what a program may read."""

import sys


def say(text: str) -> None:
    """Tell the person, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
