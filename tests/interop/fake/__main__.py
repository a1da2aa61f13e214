"""The command line of `lookaside serve` and `lookaside backend`."""

import argparse
import signal
import sys
import threading

from fake.backend import serve_backend
from fake.balancer import serve_balancer
from fake.registry import EtcdKeys


def main():
    parser = argparse.ArgumentParser(prog="lookaside")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("--listen", required=True)
    serve.add_argument("--admin", required=True)
    serve.add_argument("--registry", required=True)
    backend = commands.add_parser("backend")
    backend.add_argument("--listen", required=True)
    backend.add_argument("--name", required=True)
    backend.add_argument("--service")
    backend.add_argument("--registry")
    args = parser.parse_args()

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    keys = EtcdKeys(args.registry.removeprefix("etcd://")) if args.registry else None
    run = serve_balancer if args.command == "serve" else serve_backend
    run(args, keys, ended)


if __name__ == "__main__":
    sys.exit(main())
