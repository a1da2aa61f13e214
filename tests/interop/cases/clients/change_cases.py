"""Changes in etcd reach connected clients, and cost no call."""

from kit.outcomes import from_balancer, spread
from kit.poll import eventually, throughout


def test_a_weight_change_reaches_a_connected_client(published, backends, connect):
    a, b, _ = backends
    published.add(a, weight=100)
    published.add(b, weight=100)
    client = connect()
    client.until("even spread", spread(a=1, b=1), count=40)
    client.load()

    published.add(a, weight=300)
    client.until("spread by the new weights", spread(a=3, b=1), count=40)
    published.add(a, weight=0)
    client.until("a drained backend gets no call", from_balancer("b"), count=40)

    assert not client.stop().failed()


def test_backends_join_and_leave_without_a_failed_call(
    published, balancer, backends, mortal_backend, connect
):
    published.add(backends[0])
    client = connect()
    client.until("the first backend answers", from_balancer("a"))
    client.load()

    joining = mortal_backend("joining", published.registration()).start()
    client.until("the new backend gets calls", from_balancer("a", "joining"))
    # Long enough for the load, by itself, to reach both in turn before one of them leaves.
    throughout(
        "the client's stream stays open",
        lambda: balancer.inspect.streams(published.name),
        lambda streams: streams == 1,
        lasting=1.0,
    )
    assert joining.drain() == 0
    client.until("the old one alone gets calls again", from_balancer("a"))

    calls = client.stop()
    assert not calls.failed()
    assert calls.backends()["joining"] > 0
    assert set(balancer.inspect.tokens(published.name)) == {"a"}, "it is still registered"


def test_an_idle_client_keeps_its_stream_and_follows_changes(
    published, balancer, backends, connect
):
    a, b, _ = backends
    published.add(a)
    client = connect()
    client.until("the first backend answers", from_balancer("a"))
    token = client.call(1).tokens("a")

    # Longer than several report intervals: a client with nothing to report is silent,
    # and that is no reason to end its stream.
    throughout(
        "the idle client's stream stays open",
        lambda: balancer.inspect.streams(published.name),
        lambda streams: streams == 1,
        lasting=3.5,
    )
    # A new stream would have brought another variant.
    assert client.call(1).tokens("a") == token
    published.remove(a)
    published.add(b)

    client.until("the other backend answers", from_balancer("b"))


def test_a_channel_that_went_idle_comes_back_with_the_next_call(
    published, balancer, backends, connect
):
    published.add(backends[0])
    client = connect(idle=1)
    client.until("the backend answers", from_balancer("a"))

    eventually(
        "an idle channel closes its stream",
        lambda: balancer.inspect.streams(published.name),
        lambda streams: streams == 0,
    )

    calls = client.call(3, timeout=5, wait_for_ready=True)
    assert from_balancer("a")(calls), calls
