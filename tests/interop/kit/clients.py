"""The stock clients: how each is started, and where they differ by design.

The differences are the clients' own, from their sources and from runs; a case reads
them here instead of naming a client.
"""

import sys
from dataclasses import dataclass

from kit.paths import BIN, INTEROP, WORK


@dataclass(frozen=True)
class Kind:
    """One implementation of the protocol."""

    name: str
    argv: tuple
    # How a call fails that a drop slot took.
    drop_message: str
    # grpclb `childPolicy` fallback timer, as far as the client lets it be set: Go's is
    # fixed.
    fallback_seconds: float
    # Whether unreachable balancers mean fallback at once, before that timer.
    early_fallback: bool
    # Whether a list of nothing but drops drops calls; Go finds no connection to use
    # and fails them before it comes to dropping.
    honours_all_drops: bool
    # Whether calls that were made while no balancer was in contact turn up in the
    # first report to the next one.
    reports_carry_over: bool
    # How long after its return a balancer is found again, at worst: the reconnect
    # back-off of the balancer channel (Go: up to 1.6 times the outage).
    reconnect_seconds: float


C_CORE = Kind(
    name="c-core",
    argv=(sys.executable, INTEROP / "c_core" / "client.py"),
    drop_message="drop directed by grpclb balancer",
    fallback_seconds=2,
    early_fallback=True,
    honours_all_drops=True,
    reports_carry_over=False,
    reconnect_seconds=10,
)

GO = Kind(
    name="go",
    argv=(BIN / "go-client",),
    drop_message="request dropped by grpclb",
    fallback_seconds=10,
    early_fallback=False,
    honours_all_drops=False,
    reports_carry_over=True,
    reconnect_seconds=30,
)

JAVA = Kind(
    name="java",
    argv=("java", "-cp", f"{WORK / 'java' / 'classes'}:{WORK / 'java' / 'lib'}/*", "interop.Main"),
    drop_message="Dropped as requested by balancer",
    fallback_seconds=2,
    early_fallback=False,
    honours_all_drops=True,
    reports_carry_over=False,
    reconnect_seconds=10,
)

KINDS = {kind.name: kind for kind in (C_CORE, GO, JAVA)}
