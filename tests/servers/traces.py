"""What a server leaves, or does not."""

import time
from pathlib import Path

PATIENCE = 30  # seconds


def is_gone(record):
    """Return whether neither process nor files of a server are there, or soon will not be."""
    deadline = time.monotonic() + PATIENCE
    while Path("/proc", str(record["pid"])).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not Path("/proc", str(record["pid"])).exists() and not Path(record["directory"]).exists()
