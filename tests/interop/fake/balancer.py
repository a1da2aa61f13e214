"""`BalanceLoad` and the part of `Inspect` that the cases look at."""

import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import grpc

from fake import wrong
from fake.lists import server_list, token, variant
from fake.registry import Entry
from kit.outcomes import without_variant
from kit.protos import message

_POLL_SECONDS = 0.05
_HOLD_UNKNOWN_SECONDS = 2
_STREAM_SECONDS = 1  # with the fault `ends-streams`
_REPORT_SECONDS = 1


class State:
    """What is known, and a condition that is told when that changes."""

    def __init__(self, keys):
        self.keys = keys
        self.services = keys.read()
        self.changed = threading.Condition()
        self.streams = Counter()
        self.reported = defaultdict(message("lookaside.v1.LoadReport"))
        self.ending = False
        threading.Thread(target=self._poll, daemon=True).start()

    def _poll(self):
        while True:
            time.sleep(_POLL_SECONDS)
            now = self.keys.read()
            with self.changed:
                if now != self.services:
                    self.services = now
                    self.changed.notify_all()

    def count(self, name, stats):
        with self.changed:
            sums = self.reported[name]
            sums.calls_started += stats.num_calls_started
            sums.calls_finished += stats.num_calls_finished
            sums.calls_known_received += stats.num_calls_finished_known_received
            sums.calls_failed_to_send += stats.num_calls_finished_with_client_failed_to_send
            for drop in stats.calls_finished_with_drop:
                category = without_variant(drop.load_balance_token)
                known = [seen for seen in sums.dropped if seen.category == category]
                seen = known[0] if known else sums.dropped.add(category=category)
                seen.calls += drop.num_calls


def _read_reports(state, name, requests):
    try:
        for request in requests:
            if not wrong("deaf"):
                state.count(name, request.client_stats)
    except grpc.RpcError:
        pass  # every client ends its stream by cancelling it


def balance_load(state, requests, context):
    first = next(requests)
    if first.WhichOneof("load_balance_request_type") != "initial_request":
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the first message is no initial request")
    name = first.initial_request.name.rsplit(":", 1)[0].rstrip(".")
    hold = None if wrong("unknown-hangs") else _HOLD_UNKNOWN_SECONDS
    with state.changed:
        if not state.changed.wait_for(lambda: name in state.services, hold):
            context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {name}")
        state.streams[name] += 1

    ended = threading.Event()

    def end():
        ended.set()
        with state.changed:
            state.streams[name] -= 1
            state.changed.notify_all()

    context.add_callback(end)
    threading.Thread(target=_read_reports, args=(state, name, requests), daemon=True).start()
    response = message("grpc.lb.v1.LoadBalanceResponse")
    initial = response(initial_response={})
    if not wrong("no-interval"):
        initial.initial_response.client_stats_report_interval.FromSeconds(_REPORT_SECONDS)
    yield initial
    yield from _lists(state, name, response, ended)


def _lists(state, name, response, ended):
    mark, last, started = variant(), None, time.monotonic()
    while True:
        with state.changed:
            made = server_list(name, state.services.get(name, Entry()), mark)
        answer = response(server_list=made) if made is not None else response(fallback_response={})
        if answer != last:
            yield answer
            last = answer
        with state.changed:
            state.changed.wait(_POLL_SECONDS)
        if wrong("no-updates"):
            ended.wait()
        if ended.is_set() or state.ending:
            return
        if wrong("ends-streams") and time.monotonic() - started > _STREAM_SECONDS:
            return


def get_service(state, request, context):
    with state.changed:
        entry = state.services.get(request.name)
        if entry is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.name}")
        shown = message("lookaside.v1.Service")(name=request.name)
        for backend, (_, _, weight) in entry.backends.items():
            name = f"other-{backend}" if wrong("tokens") else backend
            shown.backends.add(id=backend, weight=weight, token=token(request.name, name))
        for drop in entry.settings.get("drops", []):
            shown.drops.add(category=drop["category"])
        shown.streams = state.streams[request.name]
        shown.reported.CopyFrom(state.reported[request.name])
        return shown


def _handler(make, call, request, state):
    return make(
        lambda sent, context: call(state, sent, context),
        request_deserializer=message(request).FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )


def serve_balancer(args, keys, ended):
    state = State(keys)
    server = grpc.server(ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "grpc.lb.v1.LoadBalancer",
                {
                    "BalanceLoad": _handler(
                        grpc.stream_stream_rpc_method_handler,
                        balance_load,
                        "grpc.lb.v1.LoadBalanceRequest",
                        state,
                    )
                },
            ),
            grpc.method_handlers_generic_handler(
                "lookaside.v1.Inspect",
                {
                    "GetService": _handler(
                        grpc.unary_unary_rpc_method_handler,
                        get_service,
                        "lookaside.v1.GetServiceRequest",
                        state,
                    )
                },
            ),
        ]
    )
    host, _, port = args.listen.rpartition(":")
    listen = server.add_insecure_port(f"{host}:{port}")
    admin = server.add_insecure_port(args.admin)
    server.start()
    print(f"listening {host}:{listen} admin 127.0.0.1:{admin}", flush=True)
    ended.wait()
    if wrong("stays"):
        threading.Event().wait()
    stopped = server.stop(grace=5)
    with state.changed:
        state.ending = True
        state.changed.notify_all()
    stopped.wait()
