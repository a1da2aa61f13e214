"""The C-core client: `grpcio` from PyPI, told what to call as `kit/client.py` says."""

import argparse
import json
import sys
import threading
import time
from pathlib import Path

import grpc
from google.protobuf import message_factory

from kit.protos import load_pool


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--descriptors", type=Path, required=True)
    parser.add_argument("--service-config", required=True)
    parser.add_argument("--fallback-timeout-ms", type=int, required=True)
    parser.add_argument("--idle-timeout-ms", type=int, default=0)
    return parser.parse_args()


def open_channel(args):
    options = [
        # SRV records are asked for only when told so.
        ("grpc.dns_enable_srv_queries", 1),
        ("grpc.service_config", args.service_config),
        # C-core takes the timeout from here and ignores it in the configuration.
        ("grpc.grpclb_fallback_timeout_ms", args.fallback_timeout_ms),
    ]
    if args.idle_timeout_ms:
        options.append(("grpc.client_idle_timeout_ms", args.idle_timeout_ms))
    return grpc.insecure_channel(args.target, options=options)


def outcome(call):
    """What became of a call that has ended, or is waited for here."""
    try:
        answer = call.result()
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details()}
    return {"backend": answer.backend, "token": answer.lb_token}


class Load:
    """Calls at a steady rate, whatever becomes of them."""

    def __init__(self, echo, request, qps, timeout):
        self._calls = []
        self._end = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(echo, request, qps, timeout), daemon=True
        )
        self._thread.start()

    def _run(self, echo, request, qps, timeout):
        due = time.monotonic()
        while not self._end.wait(max(0.0, due - time.monotonic())):
            self._calls.append(echo.future(request, timeout=timeout))
            due += 1 / qps

    def stop(self):
        self._end.set()
        self._thread.join()
        return [outcome(call) for call in self._calls]


def main():
    args = parse()
    pool = load_pool(args.descriptors)
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"lookaside.demo.v1.{name}"))
        for name in ("EchoRequest", "EchoResponse")
    )
    hello = request(message="interop")
    load = None
    with open_channel(args) as channel:
        echo = channel.unary_unary(
            "/lookaside.demo.v1.Echo/Echo",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        for line in sys.stdin:
            match line.split():
                case ["call", count, timeout, wait]:
                    calls = [
                        outcome(
                            echo.future(
                                hello, timeout=int(timeout) / 1000, wait_for_ready=wait == "wait"
                            )
                        )
                        for _ in range(int(count))
                    ]
                case ["load", qps, timeout]:
                    load = Load(echo, hello, float(qps), int(timeout) / 1000)
                    calls = []
                case ["stop"]:
                    calls = load.stop()
                case _:
                    sys.exit(f"unknown command {line!r}")
            print(json.dumps(calls), flush=True)


if __name__ == "__main__":
    main()
