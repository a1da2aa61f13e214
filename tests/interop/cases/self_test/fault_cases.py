"""The suite can fail: each fault of a balancer makes the case that is about it fail.

The cases run against the stand-in of `fake/`, once as it is, and once for each fault.
"""

import re
import sys

import pytest

from kit.paths import INTEROP

_LONGEST_SECONDS = 300

_RESULT = re.compile(r"::(test_\w+)\S* (PASSED|FAILED|ERROR|SKIPPED)")

# Fault → the cases that must fail with it.
_CASES = {
    "weights": ["test_calls_spread_by_weight"],
    "runs": ["test_calls_spread_by_weight"],
    "tokens": ["test_every_call_carries_the_token_that_inspect_shows"],
    "same-list": [
        "test_two_clients_get_different_first_slots",
        "test_fallback_ends_when_the_balancer_returns_with_the_same_backends",
        "test_load_reports_go_on_after_a_reconnect",
    ],
    "drops": ["test_a_quarter_of_the_calls_is_dropped_exactly"],
    "empty-list": ["test_the_last_backend_leaving_means_fallback"],
    "no-updates": ["test_a_weight_change_reaches_a_connected_client"],
    "deaf": ["test_load_reports_count_every_call"],
    "no-interval": ["test_load_reports_count_every_call"],
    "no-fallback": ["test_the_fallback_setting_is_followed_both_ways"],
    "unknown-hangs": ["test_an_unknown_service_means_fallback_until_it_appears"],
    "ends-streams": ["test_an_idle_client_keeps_its_stream_and_follows_changes"],
    "stays": ["test_a_balancer_that_is_asked_to_leave_hands_its_clients_over"],
    "stays-registered": ["test_backends_join_and_leave_without_a_failed_call"],
}


@pytest.fixture
def suite(request, processes):
    """Runs cases against the stand-in; the results by name of the case."""

    def run(selected, **environment):
        argv = [
            sys.executable,
            *("-m", "pytest", f"--rootdir={INTEROP}", "-vv", "--tb=no"),
            f"--etcd={request.config.getoption('--etcd')}",
            f"--lookaside={INTEROP / 'fake' / 'lookaside'}",
            f"--logs={processes.logs}",
            "--client=c-core",
            *("-k", " or ".join(selected)),
            INTEROP / "cases" / "clients",
        ]
        process = processes.start("suite", argv, environment)
        process.wait(_LONGEST_SECONDS)
        return dict(_RESULT.findall("\n".join(process.rest_of_output())))

    return run


def test_without_a_fault_every_case_passes(suite):
    results = suite(["test_"])
    assert results and set(results.values()) == {"PASSED"}, results


@pytest.mark.parametrize("fault", _CASES)
def test_a_fault_is_found_by(fault, suite):
    results = suite(_CASES[fault], FAKE_FAULT=fault)
    assert results == dict.fromkeys(_CASES[fault], "FAILED")
