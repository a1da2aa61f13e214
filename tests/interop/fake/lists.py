"""Weights and drops to slots."""

import hashlib
import ipaddress
import math
import random
import string

from fake import wrong
from kit.protos import message

_DROP_ERROR = 0.001
_MOST_REPEATS = 64


def token(service, backend):
    """The token of a backend."""
    return "0" + hashlib.sha256(f"{service}/{backend}".encode()).hexdigest()[:16]


def variant():
    """What makes the first slot of each stream its own."""
    return "".join(random.choices(string.ascii_lowercase, k=3))


def _spaced(counts):
    """Names repeated by their counts, evenly spaced."""
    places = [
        ((turn + 0.5) / count, name) for name, count in counts.items() for turn in range(count)
    ]
    return [name for _, name in sorted(places)]


def _backend_slots(backends):
    weights = {name: weight for name, (_, _, weight) in backends.items() if weight}
    if wrong("weights"):
        weights = dict.fromkeys(weights, 1)
    divisor = math.gcd(*weights.values())
    counts = {name: weight // divisor for name, weight in weights.items()}
    if wrong("runs"):
        return [name for name, count in counts.items() for _ in range(count)]
    return _spaced(counts)


def _with_drops(slots, drops):
    share = sum(drop["per_million"] for drop in drops) / 1e6
    if wrong("drops"):
        share -= 0.02
    category = drops[0]["category"]
    if share >= 1:
        return [(category, True)]
    for repeats in range(1, _MOST_REPEATS):
        kept = len(slots) * repeats
        dropped = round(kept * share / (1 - share))
        if abs(dropped / (kept + dropped) - share) <= _DROP_ERROR:
            break
    whole = [(name, False) for name in slots * repeats]
    for turn in reversed(range(dropped)):
        whole.insert(round((turn + 0.5) * kept / dropped), (category, True))
    return whole


def server_list(service, entry, mark):
    """The list for one stream, or None for fallback."""
    if entry.settings.get("fallback") and not wrong("no-fallback"):
        return None
    slots = _backend_slots(entry.backends)
    if not slots:
        return message("grpc.lb.v1.ServerList")() if wrong("empty-list") else None
    drops = entry.settings.get("drops", [])
    marked = _with_drops(slots, drops) if drops else [(name, False) for name in slots]
    made = message("grpc.lb.v1.ServerList")()
    for place, (name, drop) in enumerate(marked):
        server = made.servers.add(
            drop=drop, load_balance_token=name if drop else token(service, name)
        )
        if not drop:
            host, port, _ = entry.backends[name]
            server.ip_address = ipaddress.ip_address(host).packed
            server.port = port
        if place == 0 and not wrong("same-list"):
            server.load_balance_token += f".{mark}"
    return made
