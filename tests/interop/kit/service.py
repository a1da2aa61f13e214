"""One service: its keys in etcd, its name in DNS."""

import itertools

_numbers = itertools.count(1)


class Service:
    """A service with a name of its own, so that cases share a balancer and an etcd."""

    def __init__(self, etcd, dns, fallback_port):
        self.name = f"s{next(_numbers)}.interop.test"
        self._etcd, self._dns, self._fallback_port = etcd, dns, fallback_port

    @property
    def target(self):
        """What a client dials: DNS has one port for all of a host's addresses, and it
        is that of the fallback backends."""
        return f"dns://127.0.0.1:{self._dns.port}/{self.name}:{self._fallback_port}"

    def publish(self, *balancers):
        """Publishes the name with these balancers, the preferred one first."""
        self._dns.publish(self.name, [balancer.port for balancer in balancers])

    def add(self, backend, weight=100, address=None):
        """Registers a backend for good, under its name as id; or changes its weight."""
        self._etcd.put(
            f"services/{self.name}/{backend.name}",
            {"Addr": address or backend.address, "Metadata": {"weight": weight}},
        )

    def remove(self, backend):
        self._etcd.delete(f"services/{self.name}/{backend.name}")

    def settings(self, **settings):
        """Replaces the service's settings; without any, removes them."""
        key = f"lookaside/config/{self.name}"
        if settings:
            self._etcd.put(key, settings)
        else:
            self._etcd.delete(key)

    def drop(self, category, per_million):
        self.settings(drops=[{"category": category, "per_million": per_million}])

    def registration(self):
        """The flags by which `lookaside backend` registers itself for this service."""
        return (f"--service={self.name}", f"--registry={self._etcd.registry}")

    def forget(self):
        """Removes every key of the service."""
        self._etcd.delete_prefix(f"services/{self.name}/")
        self.settings()
