"""A stand-in for the `lookaside` binary that can be told to be wrong.

It has the same command line (`serve` and `backend`, etcd only) and does the least
that the cases ask for, so that the self-test can show two things: that the suite
passes with a balancer other than ours, and that each fault of a balancer makes the
case that is about it fail. `FAKE_FAULT` names one of `FAULTS`.
"""

import os

# What can be wrong: each is a mistake that some stock client does not forgive.
FAULTS = {
    "weights": "every backend has one slot, whatever its weight",
    "runs": "a backend's slots stand in a row",
    "tokens": "calls carry other tokens than Inspect shows",
    "same-list": "the first list of a stream has no variant",
    "drops": "drops are two percentage points short",
    "empty-list": "a service without backends gives an empty list",
    "no-updates": "only the first list of a stream is sent",
    "deaf": "load reports are not read",
    "no-interval": "the initial response asks for no load reports",
    "no-fallback": "the setting `fallback` is ignored",
    "unknown-hangs": "a stream for an unknown service is held for ever",
    "ends-streams": "a stream is ended after a second",
    "stays": "SIGTERM does not make a balancer leave",
    "stays-registered": "SIGTERM does not make a backend deregister",
}

FAULT = os.environ.get("FAKE_FAULT", "")
if FAULT and FAULT not in FAULTS:
    raise SystemExit(f"FAKE_FAULT={FAULT} is none of {', '.join(FAULTS)}")


def wrong(fault):
    """Whether this fault is planted."""
    assert fault in FAULTS
    return fault == FAULT
