"""Loopback ports, chosen by the kernel."""

import socket


class ReservedPort:
    """A port that stays ours while nothing listens on it.

    The socket is bound and never listens, so connecting is refused; the kernel gives
    the port to nobody else, not even as the source of a connection; and a process
    that sets SO_REUSEADDR, as servers do, can listen on it and be restarted on it.
    """

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.number}"

    def release(self):
        self._socket.close()


def has_ipv6_loopback():
    """Whether this host can listen on ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False
