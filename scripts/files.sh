#!/usr/bin/env bash
# Checks of the repository's files themselves: their length, paths of somebody's machine, shell syntax.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

longest=500 # lines of Rust: a longer file has two ideas in it

# Files of the repository: known to git, or new and not ignored; not those only just deleted.
files() { # PATTERN...
  git ls-files -co --exclude-standard -- "$@" | sort -u | while IFS= read -r file; do
    if [ -f "$file" ]; then printf '%s\n' "$file"; fi
  done
}

too_long() {
  local file lines
  files 'crates/*.rs' 'tests/*.rs' | while IFS= read -r file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt "$longest" ]; then printf '%s: %d lines, at most %d\n' "$file" "$lines" "$longest"; fi
  done
}

machine_paths() {
  # a path is only one where it starts: not within another one or a URL
  files | tr '\n' '\0' | xargs -0 grep -InE '(^|[^[:alnum:]_./-])/(work|root)/' || true
}

shell_scripts() {
  files | while IFS= read -r file; do
    case $file in
      *.sh) printf '%s\n' "$file" ;;
      *.*) ;;
      *) if head -n 1 "$file" | grep -qaE '^#!.*\b(ba)?sh$'; then printf '%s\n' "$file"; fi ;;
    esac
  done
  printf '%s\n' .ci/run
}

shell_errors() {
  local script
  shell_scripts | sort -u | while IFS= read -r script; do
    bash -n "$script" 2>&1 || true
    if command -v shellcheck >/dev/null; then shellcheck --format=gcc -x "$script" || true; fi
  done
}

failed=0
report() { # TITLE FAULTS
  [ -n "$2" ] || return 0
  printf '%s:\n%s\n' "$1" "$2"
  failed=1
}

command -v git >/dev/null || { printf 'the checks of files need git\n' >&2; exit 1; }
report 'Rust files that are too long' "$(too_long)"
report 'paths of one machine' "$(machine_paths)"
report 'shell scripts with faults' "$(shell_errors)"
command -v shellcheck >/dev/null || printf 'shellcheck is not installed: shell scripts were only parsed (bash -n)\n'
exit "$failed"
