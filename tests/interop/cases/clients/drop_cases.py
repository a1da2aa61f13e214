"""Drops are exact, fail as the client says they do, and are reported."""

from kit.outcomes import from_balancer
from kit.poll import eventually


def test_a_quarter_of_the_calls_is_dropped_exactly(published, balancer, backends, connect, kind):
    for backend in backends:
        published.add(backend)
    published.drop("overload", per_million=250_000)
    eventually(
        "the whole list is made before there is a client",
        lambda: balancer.inspect.service(published.name),
        lambda shown: shown and len(shown.backends) == 3 and len(shown.drops) == 1,
    )
    client = connect()
    client.until("some calls are answered and some dropped", lambda c: c.answered() and c.failed())

    calls = client.call(1000)

    dropped = calls.failed()
    assert abs(len(dropped) - 250) <= 1, calls
    assert {call.code for call in dropped} == {"UNAVAILABLE"}
    assert all(kind.drop_message in call.message for call in dropped), dropped
    # Neither do the others suffer from the drops: they still share evenly.
    assert all(abs(count - 250) <= 3 for count in calls.backends().values()), calls

    all_drops = sum(kind.drop_message in call.message for call in client.made)
    eventually(
        "every drop is reported under its category",
        lambda: {d.category: d.calls for d in balancer.inspect.reported(published.name).dropped},
        lambda reported: reported == {"overload": all_drops},
    )


def test_everything_can_be_dropped_and_then_nothing(published, backends, connect, kind):
    published.add(backends[0])
    client = connect()
    client.until("the backend answers", from_balancer("a"))

    published.drop("stop", per_million=1_000_000)
    refused = client.until("no call goes out", lambda calls: not calls.answered())
    assert {call.code for call in refused} == {"UNAVAILABLE"}
    if kind.honours_all_drops:
        assert all(kind.drop_message in call.message for call in refused), refused

    published.settings()
    client.until("the backend answers again", from_balancer("a"))
