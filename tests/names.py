"""Which host names there are in the tests: those of this machine, and those that a test stands in for.

Only the look-up is replaced: connections, TLS and the verification of host names are the real thing.
"""

import socket
from contextlib import contextmanager

import pytest

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


@contextmanager
def only_this_machine():
    """Fail the test that looks any other host up, by name or address: none reaches the network unnoticed.

    No error of the network: those are caught, and may be just what the test expects.
    """
    look_up = socket.getaddrinfo

    def look_up_here(host, *args, **kwargs):
        if host not in THIS_MACHINE:
            pytest.fail(f"{host} was looked up, and no test may reach the network")
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up_here)
        yield


@contextmanager
def found_here(places):
    """Find hosts on this machine: *places* maps host and port to the port where somebody plays them."""
    look_up = socket.getaddrinfo

    def look_up_there(host, port, *args, **kwargs):
        if (host, port) in places:
            host, port = "127.0.0.1", places[host, port]
        return look_up(host, port, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up_there)
        yield
