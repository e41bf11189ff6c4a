"""Which Chromium the browser tests drive, and what happens when there is none.

They are never silently skipped: without a Chromium the summary says that they did not run and how to
install one, and with ``CI=true`` the run fails.
"""

import os
import shutil

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "sudo apt-get install chromium  (elsewhere: any Chrome, with CHROMIUM set to its path)"

not_run = pytest.StashKey[int]()


def find_chromium() -> str | None:
    """Return the program that ``CHROMIUM`` names, or else the first known one on the path."""
    candidates = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else PROGRAMS
    return next((found for name in candidates if (found := shutil.which(name))), None)


@pytest.hookimpl(trylast=True)  # after -m and -k: who asked for other tests misses no browser
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out, aloud, when there is nothing to drive."""
    browser = [item for item in items if item.get_closest_marker("browser")]
    if not browser or find_chromium():
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"{len(browser)} browser tests cannot run: no Chromium found. {INSTALL}")
    config.stash[not_run] = len(browser)
    config.hook.pytest_deselected(items=browser)
    items[:] = [item for item in items if item not in browser]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say what did not run, where everybody looks."""
    if count := config.stash.get(not_run, 0):
        terminalreporter.section("browser tests", yellow=True)
        terminalreporter.line(
            f"browser tests: {count} not run (no Chromium found); install it with: {INSTALL}", yellow=True
        )
