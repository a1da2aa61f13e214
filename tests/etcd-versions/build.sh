#!/usr/bin/env bash
# Builds etcd, etcdctl and etcdutl of one version with Go, from the Go module proxy.
#
#   tests/etcd-versions/build.sh 3.5|3.6
#
# Prints the folder they are in. Exit code 77: Go is missing, or the modules cannot be had.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${1:-}
if [ -z "$version" ] || [ ! -f "$here/$version/go.mod" ]; then
    echo "usage: $0 3.5|3.6" >&2
    exit 1
fi
out=${CARGO_TARGET_DIR:-$here/../../target}/etcd/$version
mkdir -p "$out"
out=$(cd "$out" && pwd)

missing() {
    printf 'etcd %s: MISSING: %s\n' "$version" "$*" >&2
    exit 77
}

# Built before, from these modules.
if [ -f "$out/stamp" ] && cmp -s "$here/$version/go.sum" "$out/stamp"; then
    printf '%s\n' "$out"
    exit 0
fi
command -v go >/dev/null || missing 'Go (https://go.dev/dl)'
cd "$here/$version"
go mod download >&2 || missing 'the modules in go.mod (go says above why)'
for program in server:etcd etcdctl:etcdctl etcdutl:etcdutl; do
    go build -trimpath -ldflags '-s -w' -o "$out/${program#*:}" "go.etcd.io/etcd/${program%:*}/v3" >&2
done
cp go.sum "$out/stamp"
printf '%s\n' "$out"
