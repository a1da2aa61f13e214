"""The protocol by hand: what a person with grpcurl sees of a stream.

grpcurl sends what it is given and half-closes, and then waits for the end of the
stream: it is given what there is, and OK.
"""

import base64
import ipaddress

import pytest

from kit.grpcurl import INVALID_ARGUMENT, NOT_FOUND, OK, grpcurl
from kit.outcomes import without_variant
from kit.poll import eventually

_METHOD = "grpc.lb.v1.LoadBalancer/BalanceLoad"


def balance_load(balancer, name):
    return grpcurl(balancer.address, _METHOD, data={"initialRequest": {"name": name}})


@pytest.fixture
def listed(service, balancer, backends):
    """A service with two backends that the balancer has taken in."""
    for backend in backends[:2]:
        service.add(backend)
    eventually(
        "both backends are known",
        lambda: balancer.inspect.tokens(service.name),
        lambda tokens: len(tokens) == 2,
    )
    return service


def test_a_half_closed_stream_gets_one_list_and_ok(balancer, listed, backends):
    ran = balance_load(balancer, listed.name)

    assert ran.status == OK, ran
    initial, servers = ran.messages
    assert initial == {"initialResponse": {"clientStatsReportInterval": "1s"}}
    entries = servers["serverList"]["servers"]
    addresses = {
        f"{ipaddress.ip_address(base64.b64decode(entry['ipAddress']))}:{entry['port']}"
        for entry in entries
    }
    assert addresses == {backend.address for backend in backends[:2]}
    tokens = {without_variant(entry["loadBalanceToken"]) for entry in entries}
    assert tokens == set(balancer.inspect.tokens(listed.name).values())


@pytest.mark.parametrize("suffix", [":443", ".", ".:443"])
def test_a_name_matches_with_a_port_and_a_trailing_dot(balancer, listed, suffix):
    ran = balance_load(balancer, listed.name + suffix)
    assert ran.status == OK, ran
    assert len(ran.messages[1]["serverList"]["servers"]) == 2


def test_fallback_is_said_in_place_of_a_list(balancer, listed):
    listed.settings(fallback=True)
    ran = eventually(
        "the setting is followed",
        lambda: balance_load(balancer, listed.name),
        lambda ran: len(ran.messages) == 2 and "fallbackResponse" in ran.messages[1],
    )
    assert ran.status == OK, ran


def test_an_unknown_service_is_refused_before_the_initial_response(balancer):
    ran = balance_load(balancer, "nobody.interop.test")
    assert ran.status == NOT_FOUND, ran
    assert ran.messages == []
    assert "nobody.interop.test" in ran.errors, ran


def test_a_first_message_that_is_no_initial_request_is_refused(balancer):
    ran = grpcurl(balancer.address, _METHOD, data={"clientStats": {"numCallsStarted": 1}})
    assert ran.status == INVALID_ARGUMENT, ran
    assert ran.messages == []
    assert "initial" in ran.errors, ran


def test_a_name_of_more_than_255_bytes_is_refused(balancer):
    ran = balance_load(balancer, "x" * 256)
    assert ran.status == INVALID_ARGUMENT, ran
    assert "255" in ran.errors, ran
