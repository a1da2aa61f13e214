"""grpcurl without any .proto file: reflection, health, inspection."""

import pytest

from kit.grpcurl import NOT_FOUND, OK, Watching, grpcurl
from kit.poll import eventually

_SERVICES = {
    "grpc.lb.v1.LoadBalancer",
    "grpc.health.v1.Health",
    "lookaside.v1.Inspect",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}


@pytest.fixture(params=["client port", "admin port"])
def address(request, balancer):
    """Both ports answer what is asked here."""
    return balancer.address if request.param == "client port" else balancer.admin


def test_list_names_the_services(address):
    ran = grpcurl(address, "list")
    assert ran.status == OK, ran
    assert _SERVICES <= set(ran.output.split()), ran


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_both_versions_of_reflection_answer(address, version):
    method = f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    ran = grpcurl(address, method, data={"list_services": ""})
    assert ran.status == OK, ran
    (answer,) = ran.messages
    named = {service["name"] for service in answer["listServicesResponse"]["service"]}
    assert _SERVICES <= named, ran


def test_describe_shows_the_protocol(address):
    ran = grpcurl(address, "describe", "grpc.lb.v1.LoadBalancer.BalanceLoad")
    assert ran.status == OK, ran
    words = " ".join(ran.output.split())
    assert "( stream .grpc.lb.v1.LoadBalanceRequest )" in words
    assert "( stream .grpc.lb.v1.LoadBalanceResponse )" in words
    ran = grpcurl(address, "describe", ".grpc.lb.v1.Server")
    assert "string load_balance_token = 3;" in ran.output, ran


def test_everything_listed_can_be_described(address):
    ran = grpcurl(address, "describe")
    assert ran.status == OK, ran
    assert all(f"{name} is a service:" in ran.output for name in _SERVICES), ran


def test_the_health_check_says_serving(address):
    ran = grpcurl(address, "grpc.health.v1.Health/Check")
    assert ran.status == OK, ran
    assert ran.messages == [{"status": "SERVING"}]


def test_inspection_is_readable(address, balancer, service, backends):
    a, b, _ = backends
    service.add(a, weight=300)
    service.add(b, weight=100)
    service.drop("overload", per_million=500_000)

    def inspect():
        return grpcurl(address, "lookaside.v1.Inspect/GetService", data={"name": service.name})

    def complete(ran):
        shown = ran.messages[0] if ran.status == OK else {}
        return len(shown.get("backends", [])) == 2 and shown.get("drops")

    (shown,) = eventually("the service is shown", inspect, complete).messages

    assert shown["name"] == service.name
    assert shown["plan"] == "slots"
    by_id = {backend["id"]: backend for backend in shown["backends"]}
    assert by_id["a"]["address"] == a.address
    assert by_id["a"]["weight"] == 300
    assert by_id["a"]["sharePercent"] == 75
    assert by_id["a"]["state"] == "serving"
    assert by_id["a"]["key"] == f"services/{service.name}/a"
    assert by_id["b"]["sharePercent"] == 25
    assert by_id["a"]["token"] != by_id["b"]["token"]
    (drop,) = shown["drops"]
    assert (drop["category"], drop["percent"], drop["actualPercent"]) == ("overload", 50, 50)


def test_inspection_names_what_it_could_not_read(balancer, service, etcd, backends):
    service.add(backends[0])
    junk = f"services/{service.name}/junk"
    etcd.put(junk, "no JSON at all")

    def problems():
        shown = balancer.inspect.service(service.name)
        return shown and [problem.key for problem in shown.problems]

    eventually("the problem is shown", problems, lambda keys: keys == [junk])
    ran = grpcurl(balancer.address, "lookaside.v1.Inspect/GetService", data={"name": service.name})
    (shown,) = ran.messages
    assert shown["problems"][0]["reason"], ran
    assert [backend["id"] for backend in shown["backends"]] == ["a"], "a neighbour is harmed"


def test_inspecting_an_unknown_service_names_it(address):
    ran = grpcurl(address, "lookaside.v1.Inspect/GetService", data={"name": "nobody"})
    assert ran.status == NOT_FOUND, ran
    assert "nobody" in ran.errors, ran


def test_the_balancer_says_what_it_is(address, etcd):
    ran = grpcurl(address, "lookaside.v1.Inspect/GetStatus")
    (status,) = ran.messages
    assert status["ready"] is True
    assert status["version"]
    assert status["registry"]["url"] == etcd.registry
    assert status["registry"]["state"] == "SYNCED"


def test_watching_shows_every_change(processes, address, service, backends):
    a, b, _ = backends
    service.add(a)
    watching = Watching(
        processes, address, "lookaside.v1.Inspect/WatchService", {"name": service.name}
    )

    def backend_ids(shown):
        return [backend["id"] for backend in shown.get("backends", [])]

    watching.until("the service is shown", lambda shown: backend_ids(shown) == ["a"])
    service.add(b)
    watching.until("the change is shown", lambda shown: backend_ids(shown) == ["a", "b"])
