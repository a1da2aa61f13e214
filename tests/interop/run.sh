#!/usr/bin/env bash
# Runs stock gRPC clients against the lookaside binary and a real etcd.
#
#   tests/interop/run.sh c-core|go|java|grpcurl|all|self-test [pytest options]
#
# Exit code: 0 passed, 1 failed, 77 a toolchain or package is missing (named on
# stderr). README.md beside this file says what runs and what it needs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
work=$repo/target/interop
venv=$work/venv

missing() {
    printf '\n*** interop: MISSING: %s\n\n' "$*" >&2
    exit 77
}

case ${1:-} in
    c-core | go | java | grpcurl | all | self-test) ;;
    *)
        echo "usage: $0 c-core|go|java|grpcurl|all|self-test [pytest options]" >&2
        exit 1
        ;;
esac

python=${PYTHON:-python3}
command -v "$python" >/dev/null || missing "$python; on Debian: apt-get install python3 python3-venv"
mkdir -p "$work"

# The virtual environment is good when its stamp names this Python and these pins;
# the stamp is written last, so an interrupted installation is done again.
stamp=$("$python" -VV; cat "$here/requirements.txt")
exec 9>"$work/venv.lock"
command -v flock >/dev/null && flock 9 # two runs may start at once
if [ "$stamp" != "$(cat "$venv/stamp" 2>/dev/null || true)" ]; then
    echo "interop: installing the packages of requirements.txt into $venv"
    rm -rf "$venv"
    "$python" -m venv "$venv" || missing "the venv module of $python; on Debian: apt-get install python3-venv"
    # Wheels only: building grpcio from source takes half an hour.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --only-binary :all: --requirement "$here/requirements.txt" ||
        missing "a package of tests/interop/requirements.txt (pip says above which, and why)"
    printf '%s\n' "$stamp" >"$venv/stamp"
fi
exec 9>&-

export PYTHONPYCACHEPREFIX=$work/pycache PYTHONPATH=$here
cd "$here"
exec "$venv/bin/python" -m kit "$@"
