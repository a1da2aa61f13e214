"""Balancers die, restart and leave while clients call on: no call fails."""

from kit.outcomes import from_balancer, spread
from kit.poll import eventually, throughout


def follows(client, service, a):
    """Shows that the client follows the balancer now: a change of weight arrives."""
    service.add(a, weight=300)
    client.until("a new weight arrives", spread(a=3, b=1), count=40)


def by_use(service, balancers):
    """The balancer that has the client, and the one that does not: C-core prefers the
    one whose address happened to be resolved first."""
    by_streams = sorted(balancers, key=lambda balancer: -balancer.inspect.streams(service.name))
    assert [balancer.inspect.streams(service.name) for balancer in by_streams] == [1, 0]
    return by_streams


def test_a_killed_balancer_costs_no_call(service, backends, mortal_balancer, connect, kind):
    a, b, _ = backends
    balancer = mortal_balancer().start()
    service.publish(balancer)
    service.add(a)
    service.add(b)
    client = connect()
    client.until("both backends answer", spread(a=1, b=1), count=40)
    client.load()

    balancer.kill()
    throughout(
        "calls go on without a balancer",
        lambda: client.call(20),
        from_balancer("a", "b"),
        lasting=2,
    )
    balancer.start()
    eventually(
        "the client is back",
        lambda: balancer.inspect.streams(service.name),
        within=kind.reconnect_seconds,
    )
    follows(client, service, a)

    assert not client.stop().failed()


def test_clients_of_a_killed_balancer_move_to_the_next(service, backends, mortal_balancer, connect):
    a, b, _ = backends
    balancers = [mortal_balancer("one").start(), mortal_balancer("other").start()]
    service.publish(*balancers)
    service.add(a)
    service.add(b)
    client = connect()
    client.until("both backends answer", spread(a=1, b=1), count=40)
    current, spare = by_use(service, balancers)
    client.load()

    current.kill()
    eventually(
        "the client is with the spare balancer",
        lambda: spare.inspect.streams(service.name),
        lambda streams: streams == 1,
    )
    follows(client, service, a)

    assert not client.stop().failed()


def test_a_balancer_that_is_asked_to_leave_hands_its_clients_over(
    service, backends, mortal_balancer, connect
):
    a, b, _ = backends
    balancers = [mortal_balancer("one").start(), mortal_balancer("other").start()]
    service.publish(*balancers)
    service.add(a)
    service.add(b)
    client = connect()
    client.until("both backends answer", spread(a=1, b=1), count=40)
    current, spare = by_use(service, balancers)
    client.load()

    current.terminate()
    eventually(
        "the client is with the spare balancer",
        lambda: spare.inspect.streams(service.name),
        lambda streams: streams == 1,
        within=15,
    )
    assert current.wait() == 0
    follows(client, service, a)

    assert not client.stop().failed()
