"""The world that the cases run in, and what it leaves behind when one fails."""

import shutil
from pathlib import Path

import pytest

from kit.client import Client
from kit.clients import KINDS
from kit.dns import Dns
from kit.etcd import Etcd
from kit.lookaside import Backend, Balancer
from kit.paths import LOGS
from kit.ports import ReservedPort
from kit.processes import Processes, interrupt_on_sigterm
from kit.service import Service

# How much of a log is shown when a case fails; the whole is kept on disk.
_TAIL_LINES = 15

_failed = pytest.StashKey[bool]()


def pytest_addoption(parser):
    parser.addoption("--client", action="append", default=[], help="a stock client to run")
    parser.addoption("--etcd", help="the etcd server")
    parser.addoption("--lookaside", help="the binary under test")
    parser.addoption("--logs", type=Path, default=LOGS, help="where logs of failed cases stay")


def pytest_configure():
    interrupt_on_sigterm()


def pytest_generate_tests(metafunc):
    if "kind" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("for_clients")
        names = [
            name
            for name in metafunc.config.getoption("--client")
            if name in KINDS and (marker is None or name in marker.args)
        ]
        metafunc.parametrize("kind", [KINDS[name] for name in names], ids=names)


def pytest_collection_modifyitems(items):
    # A case that is for other clients has no parameter here; it is left out and not
    # counted as skipped, which would read as something that should have run.
    items[:] = [item for item in items if "NOTSET" not in item.name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_failed] = True
        item.session.stash[_failed] = True
        processes = getattr(item, "funcargs", {}).get("processes")
        if processes:
            for log in sorted(processes.logs.glob("*.log")):
                lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                report.sections.append((f"end of {log}", "\n".join(lines)))
    return report


def _scope(request, name, stash):
    """Processes that end with a scope; their logs are kept only if it failed."""
    directory = request.config.getoption("--logs") / name
    shutil.rmtree(directory, ignore_errors=True)
    processes = Processes(directory)
    yield processes
    processes.end_all()
    if not stash.get(_failed, False):
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_processes(request):
    """Processes that all cases share."""
    yield from _scope(request, "shared", request.session.stash)


@pytest.fixture
def processes(request):
    """Processes of one case."""
    yield from _scope(request, request.node.name, request.node.stash)


@pytest.fixture(scope="session")
def program(request):
    """The binary under test."""
    return request.config.getoption("--lookaside")


@pytest.fixture(scope="session")
def etcd(request, shared_processes):
    member = Etcd(shared_processes, request.config.getoption("--etcd"))
    yield member
    member.close()


@pytest.fixture(scope="session")
def dns():
    server = Dns()
    yield server
    server.close()


@pytest.fixture(scope="session")
def backends(shared_processes, program):
    """Backends that no case harms: `a`, `b` and `c`."""
    return [Backend(shared_processes, program, name).start() for name in "abc"]


@pytest.fixture(scope="session")
def fallback(shared_processes, program):
    """The backend that DNS names, for clients without a balancer."""
    return Backend(shared_processes, program, "fallback").start()


@pytest.fixture(scope="session")
def balancer(shared_processes, program, etcd):
    """A balancer that no case harms."""
    return Balancer(shared_processes, program, etcd.registry).start()


@pytest.fixture
def new_service(etcd, dns, fallback):
    """Makes services of this case's own; not in DNS yet."""
    services = []

    def make():
        services.append(Service(etcd, dns, int(fallback.address.rsplit(":", 1)[1])))
        return services[-1]

    yield make
    for service in services:
        service.forget()


@pytest.fixture
def service(new_service):
    """The one service that most cases need."""
    return new_service()


@pytest.fixture
def published(service, balancer):
    """The case's service, published with the shared balancer."""
    service.publish(balancer)
    return service


@pytest.fixture
def mortal_balancer(processes, program, etcd):
    """Makes balancers that a case may kill and start again at the same address."""
    ports = []

    def make(name="mortal-balancer"):
        ports.append(ReservedPort())
        balancer = Balancer(processes, program, etcd.registry, ports[-1].address, name)
        # Its port is known before it runs: clients may look for it in vain.
        balancer.address = ports[-1].address
        return balancer

    yield make
    for port in ports:
        port.release()


@pytest.fixture
def mortal_backend(processes, program):
    """Makes backends that a case may kill and start again at the same address."""
    ports = []

    def make(name, register=()):
        ports.append(ReservedPort())
        return Backend(processes, program, name, ports[-1].address, register)

    yield make
    for port in ports:
        port.release()


@pytest.fixture
def connect(kind, processes, service):
    """Starts clients of the kind this case runs with."""
    clients = []

    def start(**options):
        clients.append(Client(kind, processes, service.target, f"client-{len(clients)}", **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
