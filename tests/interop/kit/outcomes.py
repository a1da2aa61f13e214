"""What became of calls, in the order they were made."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

# Longer tokens are not sent by C-core.
MAX_TOKEN = 49


@dataclass(frozen=True)
class Outcome:
    """One call: answered by a backend, or failed."""

    backend: str = ""
    token: str = ""
    code: str = ""  # canonical name in upper case; empty when the call succeeded
    message: str = ""

    def __repr__(self):
        return f"{self.backend}|{self.token}" if not self.code else f"{self.code}: {self.message}"


class Outcomes(tuple):
    """Calls in order."""

    @classmethod
    def read(cls, lines):
        return cls(Outcome(**line) for line in lines)

    def backends(self):
        """How many calls each backend answered."""
        return Counter(call.backend for call in self if not call.code)

    def failed(self):
        return Outcomes(call for call in self if call.code)

    def answered(self):
        return Outcomes(call for call in self if not call.code)

    def tokens(self, backend):
        """The distinct tokens that a backend received."""
        return {call.token for call in self if call.backend == backend and not call.code}

    def longest_run(self):
        """The most calls in a row that one backend answered."""
        return max(
            (len(list(run)) for _, run in groupby(self, lambda call: call.backend)), default=0
        )

    def __repr__(self):
        return f"{len(self)} calls {dict(Counter(map(repr, self)))}"


def without_variant(token):
    """The part of a token that names the backend: the first slot's carries a stream's
    variant behind a dot."""
    return token.split(".", 1)[0]


# What a client can be waited for to show: predicates over `Outcomes`.


def served_by(*names):
    """All calls succeed, and exactly these backends answer."""
    return lambda calls: not calls.failed() and set(calls.backends()) == set(names)


def from_balancer(*names):
    """As `served_by`, and every call carries a token: a balancer named the backend."""
    served = served_by(*names)
    return lambda calls: served(calls) and all(call.token for call in calls)


def in_fallback(name):
    """All calls are answered by the fallback backend and carry no token."""
    served = served_by(name)
    return lambda calls: served(calls) and not any(call.token for call in calls)


def spread(**expected):
    """All calls succeed and spread in these proportions, within one call in twenty."""

    def holds(calls):
        if calls.failed() or set(calls.backends()) != set(expected):
            return False
        whole = sum(expected.values())
        return all(
            abs(got - len(calls) * expected[name] / whole) <= max(1, len(calls) / 20)
            for name, got in calls.backends().items()
        )

    return holds
