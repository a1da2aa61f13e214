"""Load reports arrive: before a reconnect, and after it."""

from kit.outcomes import from_balancer
from kit.poll import eventually

_CALLS = 100


def test_load_reports_count_every_call(published, balancer, backends, connect):
    published.add(backends[0])
    client = connect()
    client.until("the backend answers", from_balancer("a"))
    client.call(_CALLS)

    # Go's very first calls may fail before they are anybody's to count.
    made = len(client.made.answered())
    reported = eventually(
        "all calls are reported",
        lambda: balancer.inspect.reported(published.name),
        lambda reported: reported.calls_started >= made,
    )
    assert reported.calls_started == made
    assert reported.calls_finished == made
    assert reported.calls_known_received == made
    assert reported.calls_failed_to_send == 0


def test_load_reports_go_on_after_a_reconnect(service, backends, mortal_balancer, connect, kind):
    balancer = mortal_balancer().start()
    service.publish(balancer)
    service.add(backends[0])
    client = connect()
    client.until("the backend answers", from_balancer("a"))
    client.call(_CALLS)
    before = len(client.made.answered())
    eventually(
        "calls are reported before the reconnect",
        lambda: balancer.inspect.reported(service.name).calls_started,
        lambda started: started == before,
    )

    balancer.kill()
    assert from_balancer("a")(client.call(_CALLS)), "without a balancer the last list is kept"
    balancer.start()
    eventually(
        "the client is back",
        lambda: balancer.inspect.streams(service.name),
        within=kind.reconnect_seconds,
    )

    # With a list equal to its last one, C-core would count into the old stream's
    # statistics and report zeros for ever.
    made_since = len(client.made.answered())
    eventually(
        "calls are reported after the reconnect",
        lambda: (client.call(1), balancer.inspect.reported(service.name).calls_started)[1],
        within=5,
        every=0.1,
    )
    client.call(_CALLS)
    since = len(client.made.answered()) - made_since
    in_between = _CALLS if kind.reports_carry_over else 0
    # Calls before the new list was applied may have gone with the old stream.
    eventually(
        "every call since is reported",
        lambda: balancer.inspect.reported(service.name).calls_started,
        lambda started: _CALLS <= started - in_between <= since,
    )
