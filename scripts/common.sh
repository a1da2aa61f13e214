# shellcheck shell=bash
# Messages, steps and loud skips: sourced by ./dev and .ci/run.

say() { printf '== %s\n' "$*"; }

die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

duration() { # SECONDS
  if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# What could not run is said at once and again as the last thing the outermost script prints, so that
# nobody takes a skip for a pass. DEV_SKIPPED names the file that inner scripts add to.
open_skips() {
  [ -z "${DEV_SKIPPED:-}" ] || return 0
  DEV_SKIPPED=$(mktemp)
  export DEV_SKIPPED
  trap close_skips EXIT
}

close_skips() {
  if [ -s "$DEV_SKIPPED" ]; then
    printf '\n!!!!!!!! NOT RUN !!!!!!!!\n'
    sed 's/^/!! /' "$DEV_SKIPPED"
  fi
  rm -f "$DEV_SKIPPED"
}

skip() { # WHAT AND WHY
  printf '!! NOT RUN: %s\n' "$*"
  printf '%s\n' "$*" >>"$DEV_SKIPPED"
}

# Steps run one after the other, also after a failure: one run shows all that is wrong.
step_table=''
steps_failed=0

step() { # NAME COMMAND...
  local name=$1 began=$SECONDS skipped_before result=ok
  shift
  skipped_before=$(wc -l <"$DEV_SKIPPED")
  printf '\n'
  say "$name"
  if ! "$@"; then
    result=FAILED
    steps_failed=$((steps_failed + 1))
  elif [ "$(wc -l <"$DEV_SKIPPED")" -gt "$skipped_before" ]; then
    result='not run'
  fi
  step_table+=$(printf '  %-28s %-8s %s' "$name" "$result" "$(duration $((SECONDS - began)))")$'\n'
}

finish_steps() { # NAME: prints the table; the status says whether all passed
  printf '\n%s' "$step_table"
  if [ "$steps_failed" -gt 0 ]; then
    say "$1: FAILED ($steps_failed of the steps above, $(duration "$SECONDS"))"
    return 1
  fi
  say "$1: passed ($(duration "$SECONDS"))"
}

timed() { # NAME COMMAND...: ends in one clear line, whichever way it ends
  local name=$1 began=$SECONDS status=0
  shift
  "$@" || status=$?
  if [ "$status" -eq 0 ]; then
    say "$name: passed ($(duration $((SECONDS - began))))"
  else
    say "$name: FAILED (exit status $status, $(duration $((SECONDS - began))))"
  fi
  return "$status"
}
