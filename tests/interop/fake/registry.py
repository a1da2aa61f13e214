"""Reads etcd by asking again and again."""

import base64
import json
import urllib.request
from dataclasses import dataclass, field

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def _b64(text):
    return base64.b64encode(text.encode()).decode()


@dataclass
class Entry:
    """What etcd has for one service."""

    backends: dict = field(default_factory=dict)  # id → (host, port, weight)
    settings: dict = field(default_factory=dict)


class EtcdKeys:
    """The keys of one etcd."""

    def __init__(self, address):
        self._url = f"http://{address}/v3/kv"

    def _post(self, call, **body):
        request = urllib.request.Request(f"{self._url}/{call}", json.dumps(body).encode())
        with _open(request, timeout=5) as answer:
            return json.load(answer)

    def put(self, key, value):
        self._post("put", key=_b64(key), value=_b64(json.dumps(value)))

    def delete(self, key):
        self._post("deleterange", key=_b64(key))

    def _range(self, prefix):
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        for pair in self._post("range", key=_b64(prefix), range_end=_b64(end)).get("kvs", []):
            key = base64.b64decode(pair["key"]).decode().removeprefix(prefix)
            yield key, json.loads(base64.b64decode(pair["value"]))

    def read(self):
        """Every service, by name."""
        services = {}
        for key, value in self._range("services/"):
            name, _, backend = key.rpartition("/")
            host, _, port = value["Addr"].rpartition(":")
            metadata = value.get("Metadata", {})
            if metadata.get("state", "serving") == "serving":
                services.setdefault(name, Entry()).backends[backend] = (
                    host.strip("[]"),
                    int(port),
                    metadata.get("weight", 100),
                )
        for name, value in self._range("lookaside/config/"):
            services.setdefault(name, Entry()).settings = value
        return services
