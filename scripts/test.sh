# shellcheck shell=bash
# What ./dev test, sim and bench do. Sourced by ./dev, which sets `here`.
# shellcheck disable=SC2154

sim_seeds=20 # a few seconds' worth; `./dev full` runs 200

run_tests() { # [fast|CARGO TEST ARGUMENT...]
  export LOOKASIDE_SIM_SEEDS=${LOOKASIDE_SIM_SEEDS:-$sim_seeds}
  raise_open_files
  # the tests would build the binary too, but without a word
  case ${1:-} in '' | fast) build_lookaside && use_binary debug ;; esac
  case ${1:-} in
    '') timed 'test' cargo test --workspace --no-fail-fast ;;
    fast) timed 'test fast (without etcd)' fast_tests ;;
    *) timed "test $*" cargo test "$@" ;;
  esac
}

# All but the integration tests that start an etcd. One package selection for all, so that nothing is built twice.
fast_tests() {
  local targets=(--lib --bins) name
  for name in $(integration_tests); do
    case $name in etcd | etcd_*) ;; *) targets+=(--test "$name") ;; esac
  done
  cargo test --workspace --no-fail-fast "${targets[@]}" && cargo test --workspace --doc
}

integration_tests() { # names of test binaries
  targets_in crates/*/tests tests/tests | sed 's/ .*//'
}

# `NAME PACKAGE` for each file or folder that cargo takes for a target of its own.
targets_in() { # FOLDER...
  local folder path
  for folder in "$@"; do
    for path in "$folder"/*.rs "$folder"/*/main.rs; do
      [ -f "$path" ] || continue
      path=${path%/main.rs}
      printf '%s %s\n' "$(basename "$path" .rs)" "$(package_name "$folder/..")"
    done
  done
}

package_name() { # FOLDER
  sed -n 's/^name = "\(.*\)"$/\1/p' "$1/Cargo.toml" | head -n 1
}

simulate() { # [SEEDS]
  local seeds=${1:-$sim_seeds}
  [[ $seeds =~ ^[1-9][0-9]*$ ]] || die "sim: \"$seeds\" is not a number of seeds (1 or more)"
  export LOOKASIDE_SIM_SEEDS=$seeds
  timed "simulation, $seeds seeds" cargo test --workspace --test simulation
}

bench() { # [NAME [ARGUMENT...]]
  local known name=${1:-} package
  known=$(targets_in crates/*/benches tests/benches)
  [ -n "$known" ] || die 'bench: there are no benchmarks'
  raise_open_files
  if [ -z "$name" ]; then
    while read -r name package <&3; do run_bench "$name" "$package"; done 3<<<"$known"
    return
  fi
  shift
  package=$(awk -v name="$name" '$1 == name { print $2 }' <<<"$known")
  [ -n "$package" ] || die "bench: no benchmark is called \"$name\"; there are: $(awk '{ printf "%s ", $1 }' <<<"$known")"
  run_bench "$name" "$package" "$@"
}

run_bench() { # NAME PACKAGE [ARGUMENT...]
  local name=$1 package=$2
  shift 2
  printf '\n### %s\n\n' "$name" # what the benchmarks print is Markdown: ./dev bench >figures.md
  [ "$package" != lookaside-tests ] || { build_lookaside --release && use_binary release; }
  cargo bench --quiet -p "$package" --bench "$name" -- "$@"
}

use_binary() { # debug|release: just built, so that no test builds it again
  export LOOKASIDE_BIN=${LOOKASIDE_BIN:-${CARGO_TARGET_DIR:-$here/target}/$1/lookaside}
}

# Thousands of streams need thousands of files. As far as this user may; a million is plenty.
raise_open_files() {
  local most
  most=$(ulimit -Hn)
  if [ "$most" = unlimited ] || [ "$most" -gt 1048576 ]; then most=1048576; fi
  ulimit -Sn "$most" 2>/dev/null || true
}
