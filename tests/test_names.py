"""No test reaches the network, and none that tries goes unnoticed."""

import socket

import pytest


@pytest.mark.parametrize("host", ["elsewhere.example", "192.0.2.1", "2001:db8::1"])
def test_looking_another_host_up_fails_the_test(host):
    with pytest.raises(pytest.fail.Exception, match=f"{host} was looked up"):
        socket.create_connection((host, 443))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_found(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((host, server.getsockname()[1])).close()
