"""One transport and one TLS context serve all threads of a process, and none of another process."""

import ssl
import subprocess
import sys
import time

import pytest

from oauth_login import transport as transport_module
from oauth_login.connections import PooledAdapter
from oauth_login.transport import shared
from tests.oauth_login.back_channel.enterprise import sign_in
from tests.oauth_login.conftest import Visitor
from tests.oauth_login.http_server import Tunnel, certificate, reply
from tests.oauth_login.test_concurrency import at_once

#: What a worker does that has used the back channel, and is then forked at a bad moment.
FORK = """
import os, signal, sys, threading
from oauth_login import transport

url, busy, bundle = sys.argv[1:]
mine = transport.shared(bundle)
mine.get(f"{url}/")

for _ in range(10):  # hold all slots of a host
    threading.Thread(target=mine.get, args=[f"{busy}/hangs"], daemon=True).start()
watch = transport.Transport(ca_bundle=bundle)
while watch.get(f"{url}/hanging").json(dict)["number"] < 10:
    pass

adapter = mine._session.get_adapter(url)
pools = adapter.poolmanager.pools
locks = [mine._slots._given_back, adapter._making_it, pools.lock]
locks += [pools[key].pool.mutex for key in pools.keys()]
held, over = threading.Event(), threading.Event()

def hold():  # every lock there is
    for lock in locks:
        lock.acquire()
    held.set()
    over.wait()
    for lock in locks:
        lock.release()

holder = threading.Thread(target=hold)
holder.start()
held.wait()

reading, writing = os.pipe()
child = os.fork()
if child == 0:
    signal.alarm(30)  # the end, if it hangs
    answers = [transport.shared(bundle).get(f"{place}/").json(dict)["of"] for place in (url, busy)]
    os.write(writing, " and ".join(answers).encode())
    os._exit(0)
over.set()
holder.join()
os.close(writing)
assert os.read(reading, 100) == b"the one and the other"
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert mine.get(f"{url}/").json(dict)["of"] == "the one"  # over the connection that it had before
"""


@pytest.fixture
def contexts(monkeypatch):
    """The TLS contexts that were made so far; each takes its time."""
    made = []
    create = ssl.create_default_context

    def create_slowly(**options):
        made.append(options)
        time.sleep(0.05)
        return create(**options)

    monkeypatch.setattr(ssl, "create_default_context", create_slowly)
    return made


def test_equal_settings_share_a_transport_and_others_do_not(monkeypatch):
    monkeypatch.setattr(transport_module, "_shared", {})

    assert shared() is shared("", {})
    assert shared("", {"https": "http://a"}) is shared("", {"https": "http://a"})
    assert shared() is not shared("", {"https": "http://a"})
    assert shared() is not shared("ca.pem")


def test_threads_that_begin_at_once_share_a_transport_and_a_tls_context(
    servers, contexts, monkeypatch, tmp_path
):
    kept: dict[object, transport_module.Transport] = {}
    monkeypatch.setattr(transport_module, "_shared", kept)
    context, bundle = certificate(tmp_path)
    server = servers(context)
    server.answers["/"] = reply({})

    def ask():
        transport = shared(bundle)
        transport.get(f"{server.url}/")
        return transport

    used = at_once(*[ask] * 8)
    opened = server.connections

    assert len(set(used)) == len(kept) == len(contexts) == 1
    assert opened <= 8
    at_once(*[ask] * 8)
    at_once(*[ask] * 8)
    assert server.connections <= 8
    used[0]._session.close()


def test_a_proxy_and_the_provider_behind_it_share_the_tls_context(servers, contexts, new_transport, tmp_path):
    context, bundle = certificate(tmp_path)
    provider = servers(context)
    provider.answers["/"] = reply({"through": "both"})
    with Tunnel(context, provider) as proxy:
        transport = new_transport(ca_bundle=bundle, proxies={"https": proxy.url})

        assert transport.get(f"{provider.url}/").json(dict) == {"through": "both"}
    assert len(contexts) == 1


def test_the_tls_context_is_never_changed_once_it_may_be_shared(tmp_path):
    their_context, bundle = certificate(tmp_path)
    their_context.set_alpn_protocols(["h2", "http/1.1"])
    our_context = PooledAdapter(bundle).tls_context()
    our_context.set_alpn_protocols(["h2"])  # as urllib3 does, for each connection

    to_them, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = our_context.wrap_bio(to_us, to_them, server_hostname="127.0.0.1")
    theirs = their_context.wrap_bio(to_them, to_us, server_side=True)
    hands = [ours, theirs]
    for hand in hands * 3:
        try:
            hand.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert ours.selected_alpn_protocol() == theirs.selected_alpn_protocol() == "http/1.1"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("threads", [1, 4])
def test_sign_ins_over_kept_connections_open_no_others(
    enterprise, servers, server, settings, tmp_path, threads
):
    context, bundle = certificate(tmp_path)
    provider = servers(context)
    provider.answers = server.answers
    settings.OAUTH_LOGIN["CA_BUNDLE"] = bundle
    settings.OAUTH_LOGIN["PROVIDERS"]["ghe"]["BASE_URL"] = provider.url

    def five_sign_ins():
        return [sign_in(Visitor()).status_code for _ in range(5)]

    assert at_once(*[five_sign_ins] * threads) == [[302] * 5] * threads
    opened = provider.connections
    assert opened <= threads

    at_once(*[five_sign_ins] * opened)
    assert provider.connections == opened
    assert len(provider.requests) == 3 * 5 * (threads + opened)


@pytest.mark.threat("D29")
def test_a_worker_that_is_forked_at_the_worst_moment_has_slots_locks_and_connections_of_its_own(
    servers, tmp_path
):
    context, bundle = certificate(tmp_path)
    server, busy = servers(context), servers(context)
    busy.answers = {"/hangs": busy.stall, "/": reply({"of": "the other"})}
    server.answers = {
        "/": reply({"of": "the one"}),
        "/hanging": lambda _: reply({"number": len(busy.requests)}),
    }

    subprocess.run([sys.executable, "-c", FORK, server.url, busy.url, bundle], check=True, timeout=120)

    # The parent's, the one that watched, the child's; and the ten that hang, and the child's.
    assert (server.connections, busy.connections) == (3, 11)
