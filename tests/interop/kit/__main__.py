"""`run.sh` ends here: finds what the asked clients need, then runs their cases."""

import sys

import pytest

from kit import toolchain
from kit.paths import INTEROP
from kit.protos import compile_descriptors

_FAILED, _MISSING = 1, 77


def _prepare(clients):
    """Those of the clients that can run here, and what the others miss."""
    ready, missing = [], []
    for name in clients:
        try:
            toolchain.CLIENTS[name]()
            ready.append(name)
        except toolchain.Missing as lack:
            missing.append(f"{name}: {lack}")
    return ready, missing


def _say_missing(missing):
    for lack in missing:
        print(f"\n*** interop: MISSING: {lack}\n", file=sys.stderr)


def _cases(what):
    if what == "self-test":
        return ["cases/self_test"]
    if what == "all":
        return ["cases/clients", "cases/grpcurl"]
    return ["cases/grpcurl"] if what == "grpcurl" else ["cases/clients"]


def main(what, *options):
    clients = {"all": list(toolchain.CLIENTS), "self-test": ["c-core"]}.get(what, [what])
    ready, missing = _prepare(clients)
    _say_missing(missing)
    if not ready:
        return _MISSING
    try:
        programs = [f"--etcd={toolchain.etcd()}"]
        if what != "self-test":  # which runs the stand-in
            programs.append(f"--lookaside={toolchain.lookaside()}")
    except toolchain.Missing as lack:
        _say_missing([lack])
        return _MISSING
    compile_descriptors()
    selected = [f"--client={name}" for name in ready]
    cases = [str(INTEROP / path) for path in _cases(what)]
    code = pytest.main([f"--rootdir={INTEROP}", *programs, *selected, *cases, *options])
    if code != pytest.ExitCode.OK:
        return _FAILED
    _say_missing(missing)
    return _MISSING if missing else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except toolchain.Broken as broken:
        print(f"\n*** interop: {broken}\n", file=sys.stderr)
        sys.exit(_FAILED)
