# shellcheck shell=bash
# What is needed beyond Rust, and how it gets here. Sourced by ./dev.
#
# A tool is cc, protoc, etcd or etcdctl. An explicit choice (PROTOC, LOOKASIDE_ETCD) is used or refused, never replaced.
# LOOKASIDE_NO_INSTALL=1 keeps this script from installing anything.

need() { # cargo|cc|protoc|etcd|etcdctl...
  local tool missing=''
  for tool in "$@"; do
    if [ "$tool" = cargo ]; then need_cargo; elif ! found "$tool"; then missing+=" $tool"; fi
  done
  # shellcheck disable=SC2086 # a list of words
  [ -z "$missing" ] || supply $missing
}

need_cargo() {
  local home=${CARGO_HOME:-${HOME:-}/.cargo} complaint
  if ! command -v cargo >/dev/null && [ -x "$home/bin/cargo" ]; then PATH=$home/bin:$PATH; fi
  command -v cargo >/dev/null ||
    die "cargo is missing. Install Rust from https://rustup.rs (curl https://sh.rustup.rs -sSf | sh), then try again"
  complaint=$(cargo --version 2>&1) || die "cargo does not run: $complaint"
}

found() { # TOOL
  case $1 in
    cc) command -v cc >/dev/null ;;
    protoc) found_as PROTOC protoc && knows_google_types ;;
    etcd) found_as LOOKASIDE_ETCD etcd ;;
    etcdctl) found_etcdctl ;;
    *) die "internal: no such requirement: $1" ;;
  esac
}

found_as() { # VARIABLE COMMAND
  local chosen=${!1:-} path
  if [ -z "$chosen" ]; then
    command -v "$2" >/dev/null
    return
  fi
  path=$(type -P "$chosen") || die "$1=$chosen: no such executable file"
  # build scripts and tests run in other folders than this one
  case $path in /*) ;; *) path=$PWD/$path ;; esac
  export "$1=$path"
}

# Beside the etcd that was chosen, of the same version.
found_etcdctl() {
  if [ -z "${LOOKASIDE_ETCD:-}" ]; then
    command -v etcdctl >/dev/null
  else
    [ -x "${LOOKASIDE_ETCD%/*}/etcdutl" ] || [ -x "${LOOKASIDE_ETCD%/*}/etcdctl" ]
  fi
}

# protoc without its own .proto files, which some distributions package apart, cannot build etcd-client.
knows_google_types() {
  local folder status=0
  folder=$(mktemp -d)
  printf 'syntax = "proto3";\nimport "google/protobuf/descriptor.proto";\n' >"$folder/probe.proto"
  "${PROTOC:-protoc}" -I "$folder" --descriptor_set_out=/dev/null "$folder/probe.proto" 2>/dev/null || status=1
  rm -rf "$folder"
  return "$status"
}

# The package managers this script can drive, in the order they are looked for.
package_manager() {
  local name
  for name in apt-get dnf apk pacman brew; do
    if command -v "$name" >/dev/null; then
      printf '%s' "$name"
      return 0
    fi
  done
  return 1
}

package() { # MANAGER TOOL
  case $1:$2 in
    apt-get:cc) echo gcc libc6-dev ;;
    apt-get:protoc) echo protobuf-compiler libprotobuf-dev ;;
    apt-get:etcd) echo etcd-server ;;
    apt-get:etcdctl) echo etcd-client ;;
    apk:etcdctl) echo etcd-ctl ;;
    dnf:cc) echo gcc glibc-devel ;;
    dnf:protoc) echo protobuf-compiler protobuf-devel ;;
    apk:cc) echo gcc musl-dev ;;
    apk:protoc) echo protoc protobuf-dev ;;
    pacman:cc) echo gcc ;;
    pacman:protoc | brew:protoc) echo protobuf ;;
    *:etcd | *:etcdctl) echo etcd ;;
    *) return 1 ;; # brew has no cc: it comes with Xcode
  esac
}

packages() { # MANAGER TOOL...
  local manager=$1 tool
  shift
  for tool in "$@"; do package "$manager" "$tool" || true; done | tr '\n' ' ' | sed 's/ $//'
}

supply() { # TOOL...
  local manager list tool still=''
  manager=$(package_manager) || give_up "no package manager that this script knows was found" "$@"
  list=$(packages "$manager" "$@")
  [ -n "$list" ] || give_up "$manager has no package for it" "$@"
  [ -z "${LOOKASIDE_NO_INSTALL:-}" ] || give_up "LOOKASIDE_NO_INSTALL is set" "$@"
  may_install "$manager" || give_up "only root, or a user with passwordless sudo, may install packages" "$@"
  say "installing with $manager: $list"
  # shellcheck disable=SC2086 # a list of words
  install_with "$manager" $list </dev/null || give_up "$manager failed" "$@"
  hash -r
  for tool in "$@"; do found "$tool" || still+=" $tool"; done
  # shellcheck disable=SC2086 # a list of words
  [ -z "$still" ] || give_up "$manager did not bring it" $still
}

# Sets `as_root` to what goes before a command that root must run.
may_install() { # MANAGER
  as_root=()
  [ "$1" != brew ] && [ "$(id -u)" -ne 0 ] || return 0
  command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
  as_root=(sudo -n)
}

root() { ${as_root[@]+"${as_root[@]}"} "$@"; } # this form because bash 3 calls an empty array unset

install_with() { # MANAGER PACKAGE...
  local manager=$1
  shift
  case $manager in
    apt-get) apt_install "$@" ;;
    dnf) root dnf install -y -q "$@" ;;
    apk) root apk add --quiet "$@" ;;
    pacman) root pacman -S --needed --noconfirm --quiet "$@" ;;
    brew) brew install --quiet "$@" ;;
  esac
}

apt_install() { # PACKAGE...
  # the package lists are fetched only when the ones here do not do
  without_services apt_get install "$@" 2>/dev/null || {
    apt_get update && without_services apt_get install "$@"
  } || return
  # Debian also enables the service for the next boot
  case " $* " in *' etcd-server '*) keep_etcd_off ;; esac
}

apt_get() { # SUBCOMMAND ARGUMENT...
  root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
    -o APT::Install-Recommends=false "$@" >/dev/null
}

# Debian starts a service when its package is installed; policy-rc.d is its way to say no. (status 101: forbidden)
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | root tee "$policy" >/dev/null
    root chmod 755 "$policy"
  fi
  "$@"
)

keep_etcd_off() {
  [ -d /run/systemd/system ] || return 0
  root systemctl disable --quiet etcd.service || true
}

give_up() { # REASON TOOL...
  local tool reason=$1
  shift
  {
    printf 'dev: missing, and not installed because %s:\n' "$reason"
    for tool in "$@"; do how_to_get "$tool"; done
  } >&2
  exit 1
}

how_to_get() { # TOOL
  local manager list
  case $1 in
    cc) printf '  a C compiler that is called cc: Rust links with it\n' ;;
    protoc) printf '  protoc, the Protocol Buffers compiler, with google/protobuf/*.proto: etcd-client is built with it\n' ;;
    etcd) printf '  an etcd server (3.4 or later): the tests run against a real one\n' ;;
    etcdctl) printf '  etcdctl, beside etcd and of its version: some tests restore snapshots with it\n' ;;
  esac
  if manager=$(package_manager) && list=$(package "$manager" "$1"); then
    printf '      %s\n' "$(install_line "$manager") $list"
  fi
  case $1 in
    cc) if [ "$(uname)" = Darwin ]; then printf '      xcode-select --install\n'; fi ;;
    protoc) printf '      or https://github.com/protocolbuffers/protobuf/releases and PROTOC=/path/to/protoc\n' ;;
    etcd) printf '      or https://github.com/etcd-io/etcd/releases and LOOKASIDE_ETCD=/path/to/etcd\n' ;;
  esac
}

install_line() { # MANAGER
  case $1 in
    brew) printf 'brew install' ;;
    apk) printf 'sudo apk add' ;;
    pacman) printf 'sudo pacman -S' ;;
    *) printf 'sudo %s install' "$1" ;;
  esac
}
