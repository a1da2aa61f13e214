# shellcheck shell=bash
# What ./dev full, features, loom, fuzz and interop do. Sourced by ./dev.

interop_clients='c-core go java grpcurl'

etcd_versions='3.5 3.6' # those in tests/etcd-versions

full() {
  open_skips
  step 'lint' ./dev lint
  step 'test' ./dev test
  step 'features' ./dev features
  step 'traces' cargo test --quiet -p lookaside --features otlp --test otlp
  step 'simulation, 200 seeds' ./dev sim 200
  step 'loom' ./dev loom
  step 'client without protoc' without_protoc
  step 'fuzzing' ./dev fuzz
  step 'a million names' env LOOKASIDE_HOSTILE_NAMES=1000000 \
    cargo test --quiet -p lookaside-tests --test hostile names_on_streams_that_are_given_up
  step 'etcd, three members' ./dev cluster
  local version
  for version in $etcd_versions; do
    step "etcd $version" ./dev cluster "$version"
  done
  local client
  for client in $interop_clients; do
    step "interop $client" ./dev interop "$client"
  done
  step 'advisories' ./dev advisories
  finish_steps full
}

# Each package with no feature, with each one alone, and with all.
features() {
  local manifest feature failed=0
  for manifest in crates/*/Cargo.toml; do
    check_features "$manifest" || failed=1
    for feature in $(features_of "$manifest"); do
      check_features "$manifest" --features "$feature" || failed=1
    done
    check_features "$manifest" --all-features || failed=1
  done
  return "$failed"
}

check_features() { # MANIFEST ARGUMENT...
  local manifest=$1
  shift
  printf '%s %s\n' "$(basename "$(dirname "$manifest")")" "${*:-(no feature)}"
  # not RUSTFLAGS: they would build all dependencies once more
  cargo clippy --quiet --manifest-path "$manifest" --no-default-features "$@" -- -D warnings
}

features_of() { # MANIFEST
  awk '/^\[/ { inside = $0 == "[features]" } inside && /^[a-z].*=/ && $1 != "default" { sub(/ *=.*/, ""); print }' "$1"
}

# The orderings of our own lock-free code: loom/Cargo.toml says how.
loom() {
  cp Cargo.lock loom/Cargo.lock # what is modelled is what is built
  timed 'loom' cargo run --quiet --manifest-path loom/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/loom"
}

# Whoever embeds the client needs no protoc: here there is none. A folder of its own, so that nothing was built before.
without_protoc() {
  local folder=${CARGO_TARGET_DIR:-target}/without-protoc
  rm -rf "$folder"
  PROTOC=/nonexistent cargo check --quiet -p lookaside-client --target-dir "$folder"
}

# What takes too long for every run, with the etcd that is installed; with another version, everything.
cluster() { # [VERSION]
  local version=${1:-} folder status=0
  open_skips
  if [ -z "$version" ]; then
    timed 'cluster' cargo test -p lookaside-registry-etcd --test etcd_long
    return
  fi
  case " $etcd_versions " in *" $version "*) ;; *) die "cluster: there is no version \"$version\"; there are: $etcd_versions" ;; esac
  folder=$(tests/etcd-versions/build.sh "$version") || status=$?
  case $status in
    0) LOOKASIDE_ETCD=$folder/etcd timed "cluster, etcd $version" cargo test -p lookaside-registry-etcd --test etcd --test etcd_long ;;
    77) skip "etcd $version: something it is built with is missing on this machine (named above)" ;;
    *) return "$status" ;;
  esac
}

fuzz_seconds=60 # a target

fuzz() {
  open_skips
  local target
  if [ ! -f fuzz/Cargo.toml ]; then
    skip 'fuzzing: there are no fuzz targets (fuzz/)'
  elif ! cargo fuzz --version >/dev/null 2>&1; then
    skip 'fuzzing: cargo-fuzz is not installed (cargo install cargo-fuzz)'
  elif ! cargo +nightly --version >/dev/null 2>&1; then
    skip 'fuzzing: no nightly toolchain (rustup toolchain install nightly)'
  else
    cp Cargo.lock fuzz/Cargo.lock # what is fuzzed is what is built
    for target in $(cargo +nightly fuzz list); do
      fuzz_target "$target" || return
    done
  fi
}

# Our code forbids unsafe: what there is to find are panics, hangs and memory, and these without a sanitizer at twice
# the speed. What it learns stays out of the repository's corpus.
fuzz_target() { # TARGET
  local learned=fuzz/target/corpus/$1
  mkdir -p "$learned"
  cargo +nightly fuzz run --sanitizer none "$1" "$learned" "fuzz/corpus/$1" -- \
    -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048
}

interop() { # [CLIENT|all]
  local clients=${1:-c-core} client status failed=0
  case " $interop_clients all " in *" $clients "*) ;; *) die "interop: no client is called \"$clients\"; there are: $interop_clients all" ;; esac
  [ "$clients" != all ] || clients=$interop_clients
  open_skips
  build_lookaside || return
  for client in $clients; do
    say "interop $client"
    status=0
    tests/interop/run.sh "$client" || status=$?
    case $status in
      0) say "interop $client: passed" ;;
      77) interop_missing "$client" || failed=1 ;;
      *)
        say "interop $client: FAILED (exit status $status)"
        failed=1
        ;;
    esac
  done
  return "$failed"
}

# A missing tool is a loud skip; but CI must not lose the C-core client on a machine that could have run it.
interop_missing() { # CLIENT
  if [ "$1" = c-core ] && [ -n "${CI:-}" ] && python3 -c 'import ensurepip, venv' 2>/dev/null; then
    say "interop c-core: FAILED (this machine has Python and venv, so it has to run)"
    return 1
  fi
  skip "interop $1: something it needs is missing on this machine (named above)"
}
