"""Fallback to the addresses in DNS: when it starts, and that it always ends."""

from kit.outcomes import from_balancer, in_fallback
from kit.poll import eventually


def test_an_absent_balancer_means_fallback_until_it_appears(
    service, backends, mortal_balancer, connect, kind
):
    balancer = mortal_balancer()
    service.publish(balancer)
    service.add(backends[0])
    client = connect()

    # A client without early fallback waits for its timer.
    within = 3 if kind.early_fallback else kind.fallback_seconds + 3
    client.until("fallback answers", in_fallback("fallback"), within=within, count=3)
    balancer.start()
    client.until(
        "the listed backend answers", from_balancer("a"), within=kind.reconnect_seconds, count=3
    )


def test_the_fallback_setting_is_followed_both_ways(published, backends, connect):
    published.add(backends[0])
    client = connect()
    client.until("the backend answers", from_balancer("a"))

    # Twice: the list after the first return equals the one before it.
    for _ in range(2):
        published.settings(fallback=True)
        client.until("fallback answers", in_fallback("fallback"))
        published.settings(fallback=False)
        client.until("the listed backend answers again", from_balancer("a"))


def test_a_client_that_starts_in_fallback_leaves_it(published, backends, connect):
    published.settings(fallback=True)
    published.add(backends[0])
    client = connect()
    client.until("fallback answers", in_fallback("fallback"))

    published.settings()
    client.until("the listed backend answers", from_balancer("a"))


def test_the_last_backend_leaving_means_fallback(published, backends, connect):
    published.add(backends[0])
    client = connect()
    client.until("the backend answers", from_balancer("a"))

    published.remove(backends[0])
    client.until("fallback answers", in_fallback("fallback"))
    published.add(backends[0])
    client.until("the listed backend answers again", from_balancer("a"))


def test_an_unknown_service_means_fallback_until_it_appears(published, backends, connect):
    client = connect(fallback=30)
    # The stream is held 2 s in case the service appears, and then refused: that is
    # why the client falls back, long before its timer.
    client.until("fallback answers", in_fallback("fallback"), within=8, count=3)

    published.add(backends[0])
    client.until("the listed backend answers", from_balancer("a"), within=10, count=3)


def test_fallback_ends_when_the_balancer_returns_with_the_same_backends(
    service, mortal_balancer, mortal_backend, connect, kind
):
    balancer = mortal_balancer().start()
    backend = mortal_backend("listed").start()
    service.publish(balancer)
    service.add(backend)
    client = connect()
    client.until("the backend answers", from_balancer("listed"))

    # Without a balancer and without a backend that is ready, clients fall back.
    balancer.kill()
    backend.kill()
    client.until("fallback answers", in_fallback("fallback"), within=10)

    # The same backend at the same address: a list like the last one, which C-core
    # would ignore and stay in fallback for good.
    backend.start()
    balancer.start()
    client.until(
        "the listed backend answers again",
        from_balancer("listed"),
        within=kind.reconnect_seconds,
        count=3,
    )
    eventually("the client has a stream", lambda: balancer.inspect.streams(service.name))
