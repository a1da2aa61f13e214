"""One running stock client, told what to call through its standard input.

Each client program reads commands, a line each, and answers each with one line:

    call N TIMEOUT_MS WAIT     N calls in a row; WAIT is `wait` for wait-for-ready, else `fail`
    load QPS TIMEOUT_MS        starts calls at a steady rate, whatever becomes of them
    stop                       ends the load when its last call has ended

The answer is a JSON array with one object per call in order (empty for `load`):
`{"backend": "a", "token": "..."}` or `{"code": "UNAVAILABLE", "message": "..."}`.
"""

import json

from kit.outcomes import Outcomes
from kit.paths import DESCRIPTORS
from kit.poll import eventually

# What starting a runtime and opening the first connections may add to a command.
_SLACK_SECONDS = 20
_CALL_TIMEOUT = 2.0


def service_config(child_policy, fallback_seconds, service_name):
    """What an application sets to use grpclb."""
    grpclb = {
        "childPolicy": [{child_policy: {}}],
        "initialFallbackTimeout": f"{fallback_seconds:g}s",
    }
    if service_name:
        grpclb["serviceName"] = service_name
    return json.dumps({"loadBalancingConfig": [{"grpclb": grpclb}]})


class Client:
    """A client process and the channel in it."""

    def __init__(
        self,
        kind,
        processes,
        target,
        name="client",
        child_policy="round_robin",
        service_name=None,  # else the target's
        idle=None,  # seconds; else the client's own default
        fallback=None,  # seconds; else the kind's
    ):
        fallback = fallback or kind.fallback_seconds
        self.kind = kind
        # Every call it has made, the load's after it was stopped.
        self.made = Outcomes()
        argv = [
            *kind.argv,
            f"--target={target}",
            f"--descriptors={DESCRIPTORS}",
            f"--service-config={service_config(child_policy, fallback, service_name)}",
            f"--fallback-timeout-ms={int(fallback * 1000)}",
            f"--idle-timeout-ms={int((idle or 0) * 1000)}",
        ]
        self._process = processes.start(name, argv)

    def _command(self, command, within):
        self._process.write(command)
        calls = Outcomes.read(json.loads(self._process.line(within + _SLACK_SECONDS)))
        self.made = Outcomes(self.made + calls)
        return calls

    def call(self, count=1, timeout=_CALL_TIMEOUT, wait_for_ready=False):
        """Makes calls, one after the other."""
        wait = "wait" if wait_for_ready else "fail"
        return self._command(f"call {count} {int(timeout * 1000)} {wait}", count * timeout)

    def until(self, what, holds, within=5.0, count=12, timeout=_CALL_TIMEOUT):
        """Calls in batches until a batch looks as it should; that batch."""
        return eventually(what, lambda: self.call(count, timeout), holds, within)

    def load(self, qps=100, timeout=_CALL_TIMEOUT):
        """Starts calls at a steady rate."""
        self._command(f"load {qps} {int(timeout * 1000)}", 0)

    def stop(self):
        """Ends the load; every call of it."""
        return self._command("stop", _CALL_TIMEOUT)

    def close(self):
        """Closes the channel and ends the process."""
        self._process.close_input()
        code = self._process.wait()
        if code != 0:
            raise AssertionError(f"the {self.kind.name} client ended with {code}")
