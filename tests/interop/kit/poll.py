"""Waiting: always for something, never longer than said."""

import time


def eventually(what, look, holds=bool, within=5.0, every=0.03):
    """Looks until what is seen `holds`, and returns it.

    Fails with `what` and the last thing seen when that takes over `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if holds(seen):
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not so within {within:g} s; last seen: {seen!r}")
        time.sleep(every)


def throughout(what, look, holds=bool, lasting=2.0, every=0.05):
    """Looks again and again for `lasting` seconds; fails as soon as it does not hold."""
    end = time.monotonic() + lasting
    while time.monotonic() < end:
        seen = look()
        if not holds(seen):
            raise AssertionError(f"{what}: not so; seen: {seen!r}")
        time.sleep(every)
