"""A real etcd, and its keys through its own JSON gateway."""

import base64
import json
import platform
import tempfile
import urllib.request

from kit.poll import eventually
from kit.ports import ReservedPort

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def _b64(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    """One member on loopback, its data in a temporary directory."""

    def __init__(self, processes, program):
        self._client_port, self._peer_port = ReservedPort(), ReservedPort()
        self._data = tempfile.TemporaryDirectory(prefix="lookaside-interop-etcd-")
        self._url = f"http://{self._client_port.address}"
        peer = f"http://{self._peer_port.address}"
        self._process = processes.start(
            "etcd",
            [
                program,
                f"--data-dir={self._data.name}",
                f"--listen-client-urls={self._url}",
                f"--advertise-client-urls={self._url}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ],
            # etcd 3.4 refuses ARM unless told that we know.
            env={"ETCD_UNSUPPORTED_ARCH": {"aarch64": "arm64"}.get(platform.machine(), "")},
        )
        eventually("etcd is healthy", self._healthy, within=20)

    @property
    def registry(self):
        """The value of `--registry` for it."""
        return f"etcd://{self._client_port.address}"

    def _healthy(self):
        if not self._process.running():
            raise AssertionError("etcd ended at start; its log has the reason")
        try:
            with _open(f"{self._url}/health", timeout=1) as answer:
                return json.load(answer)["health"] == "true"
        except OSError:
            return False

    def _post(self, call, **body):
        request = urllib.request.Request(
            f"{self._url}/v3/{call}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with _open(request, timeout=5) as answer:
            return json.load(answer)

    def put(self, key, value):
        """Writes a key; what is not text is written as JSON."""
        text = value if isinstance(value, str) else json.dumps(value)
        self._post("kv/put", key=_b64(key), value=_b64(text))

    def delete(self, key):
        self._post("kv/deleterange", key=_b64(key))

    def delete_prefix(self, prefix):
        """Removes every key under a prefix in one revision."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self._post("kv/deleterange", key=_b64(prefix), range_end=_b64(end))

    def close(self):
        self._process.end()
        self._data.cleanup()
        self._client_port.release()
        self._peer_port.release()
