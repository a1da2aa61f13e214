"""The DNS server that tells clients where a service and its balancers are.

A stock client asks for the A records of the service's host (its fallback backends)
and for the SRV records `_grpclb._tcp.<host>` (the balancers).
"""

import threading

from dnslib import QTYPE, RCODE, RR, SRV, A
from dnslib.server import BaseResolver, DNSServer

_TTL = 1  # seconds


class _NoLog:
    """dnslib prints every question otherwise."""

    def __getattr__(self, _name):
        return lambda *_: None


class Dns(BaseResolver):
    """Serves the names it was told, on a loopback port."""

    def __init__(self):
        self._lock = threading.Lock()
        self._names = {}
        self._server = DNSServer(self, address="127.0.0.1", port=0, logger=_NoLog())
        self._server.start_thread()
        self.port = self._server.server.server_address[1]

    def publish(self, host, balancers):
        """Publishes a host on loopback, with its balancers in order of preference.

        `balancers` are port numbers. Each gets a name of its own and a lower priority
        than the one before: Go goes by priority, Java by the order of the answer, and
        C-core by the order in which the names' addresses arrive.
        """
        names = {host: [RR(host, QTYPE.A, rdata=A("127.0.0.1"), ttl=_TTL)]}
        srv = f"_grpclb._tcp.{host}"
        names[srv] = []
        for place, port in enumerate(balancers):
            target = f"balancer-{place}.{host}"
            names[target] = [RR(target, QTYPE.A, rdata=A("127.0.0.1"), ttl=_TTL)]
            names[srv].append(RR(srv, QTYPE.SRV, rdata=SRV(place, 0, port, target), ttl=_TTL))
        with self._lock:
            self._names.update(names)

    def resolve(self, request, handler):
        reply = request.reply()
        host = str(request.q.qname).rstrip(".").lower()
        with self._lock:
            records = self._names.get(host)
        if records is None:
            reply.header.rcode = RCODE.NXDOMAIN
        else:
            for record in records:
                if request.q.qtype in (record.rtype, QTYPE.ANY):
                    reply.add_answer(record)
        return reply

    def close(self):
        self._server.stop()
        self._server.server.server_close()
