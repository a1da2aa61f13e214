# shellcheck shell=bash
# What ./dev full, features, fuzz and interop do. Sourced by ./dev.

interop_clients='c-core go java grpcurl'

full() {
  open_skips
  step 'lint' ./dev lint
  step 'test' ./dev test
  step 'features' ./dev features
  step 'simulation, 200 seeds' ./dev sim 200
  step 'fuzzing' ./dev fuzz
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
    for target in $(cargo +nightly fuzz list); do
      cargo +nightly fuzz run "$target" -- -max_total_time="$fuzz_seconds" || return
    done
  fi
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
