# shellcheck shell=bash
# What ./dev lint does. Sourced by ./dev.

deny_version=0.20.2 # installed where there is none; any 0.20 or later is accepted

lint() {
  open_skips
  step 'formatting' cargo fmt --all --check
  step 'files' scripts/files.sh
  step 'lock file' cargo_lock_is_current
  step 'licences, bans, sources' deny check -A unused-wrapper -D unmatched-skip -D unnecessary-skip bans licenses sources
  step 'clippy' cargo clippy --workspace --all-targets --all-features -- -D warnings
  # which is no default target, so that `cargo test` leaves it out
  step 'clippy, long tests' cargo clippy -p lookaside-registry-etcd --test etcd_long -- -D warnings
  step 'formatting, clippy, loom' lint_loom
  step 'documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps
  finish_steps lint
}

# outside of the workspace
lint_loom() {
  cargo fmt --manifest-path loom/Cargo.toml --check &&
    cp Cargo.lock loom/Cargo.lock &&
    cargo clippy --manifest-path loom/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/loom" -- -D warnings
}

cargo_lock_is_current() { cargo metadata --locked --format-version 1 >/dev/null; }

deny() { # ARGUMENT...
  local tool
  tool=$(deny_tool) || return
  "$tool" "$@"
}

# Prints the path of a cargo-deny that will do.
deny_tool() {
  local tool tools=${CARGO_TARGET_DIR:-$PWD/target}/tools
  for tool in "$tools/bin/cargo-deny" cargo-deny; do
    if new_enough "$tool"; then
      printf '%s' "$tool"
      return 0
    fi
  done
  say "installing cargo-deny $deny_version under $tools" >&2
  # speed of compiling matters here, its own does not
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG=0 \
    cargo install --quiet --locked --root "$tools" --version "$deny_version" cargo-deny >&2 || return
  printf '%s' "$tools/bin/cargo-deny"
}

new_enough() { # COMMAND
  local version
  command -v "$1" >/dev/null || return 1
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ \ ([0-9]+)\.([0-9]+)\. ]] || return 1
  [ "${BASH_REMATCH[1]}" -gt 0 ] || [ "${BASH_REMATCH[2]}" -ge 20 ]
}

advisories() {
  open_skips
  deny_tool >/dev/null || return
  if ! deny fetch db; then
    skip 'advisories: the advisory database could not be fetched'
    return 0
  fi
  deny check advisories
}
