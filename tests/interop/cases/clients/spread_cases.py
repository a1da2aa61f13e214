"""Calls follow the weights, and carry the tokens that name the backends."""

import pytest

from kit.lookaside import Backend
from kit.outcomes import MAX_TOKEN, from_balancer, spread, without_variant
from kit.poll import eventually
from kit.ports import has_ipv6_loopback


def listed(balancer, service, count):
    """Waits until the balancer has so many backends for the service."""
    eventually(
        f"{count} backends of {service.name} are known",
        lambda: balancer.inspect.tokens(service.name),
        lambda tokens: len(tokens) == count,
    )


def test_calls_spread_by_weight(published, balancer, backends, connect):
    a, b, c = backends
    published.add(a, weight=300)
    published.add(b, weight=200)
    published.add(c, weight=100)
    client = connect()
    client.until("all three backends answer", from_balancer("a", "b", "c"))

    calls = client.call(600)

    assert not calls.failed()
    got = calls.backends()
    # The list has six slots and is walked in order: what may differ is the start, and
    # one step when a connection becomes ready late.
    assert abs(got["a"] - 300) <= 3, got
    assert abs(got["b"] - 200) <= 3, got
    assert abs(got["c"] - 100) <= 3, got
    assert calls.longest_run() <= 2, "slots come in runs, not interleaved"


def test_every_call_carries_the_token_that_inspect_shows(published, balancer, backends, connect):
    for backend in backends:
        published.add(backend)
    listed(balancer, published, 3)
    client = connect()
    client.until("all three backends answer", from_balancer("a", "b", "c"))

    calls = client.call(60)

    received = {name: calls.tokens(name) for name in "abc"}
    bare = {name: {without_variant(token) for token in received[name]} for name in "abc"}
    shown = balancer.inspect.tokens(published.name)
    assert bare == {name: {shown[name]} for name in "abc"}
    assert len(set(shown.values())) == 3, "two backends share a token"
    every = set().union(*received.values())
    assert all(
        len(token) <= MAX_TOKEN and token.isascii() and token.isprintable() for token in every
    )
    with_variant = [token for token in every if token != without_variant(token)]
    assert len(with_variant) == 1, f"one slot carries the stream's variant: {every}"


def test_two_clients_get_different_first_slots(published, backends, connect):
    published.add(backends[0])
    tokens = []
    for _ in range(2):
        client = connect()
        client.until("the backend answers", from_balancer("a"))
        tokens.append(client.call(1).tokens("a").pop())
    # A client that comes back must see another list than it had: C-core ignores a
    # list that equals its last one, even on a new stream.
    assert tokens[0] != tokens[1]
    assert without_variant(tokens[0]) == without_variant(tokens[1])


def test_pick_first_stays_with_one_backend(published, balancer, backends, connect):
    for backend in backends:
        published.add(backend)
    listed(balancer, published, 3)
    client = connect(child_policy="pick_first")
    client.until("a listed backend answers", lambda calls: all(call.token for call in calls))

    calls = client.call(100)

    assert not calls.failed()
    assert len(calls.backends()) == 1, calls
    (name,) = calls.backends()
    shown = balancer.inspect.tokens(published.name)[name]
    assert {without_variant(token) for token in calls.tokens(name)} == {shown}


def test_the_service_name_of_the_configuration_replaces_the_target(
    published, new_service, backends, connect
):
    a, b, _ = backends
    published.add(a)
    other = new_service()
    other.add(b)
    client = connect(service_name=other.name)
    client.until("the configured service's backend answers", from_balancer("b"))


def test_equal_weights_take_turns(published, backends, connect):
    a, b, _ = backends
    published.add(a)
    published.add(b)
    client = connect()
    client.until("both take turns", spread(a=1, b=1))

    calls = client.call(100)

    assert calls.longest_run() == 1, calls


@pytest.mark.skipif(not has_ipv6_loopback(), reason="this host has no ::1 to listen on")
def test_an_ipv6_backend_is_called(published, processes, program, connect):
    published.add(Backend(processes, program, "six", listen="[::1]:0").start())
    client = connect()
    client.until("the IPv6 backend answers", from_balancer("six"))
