# shellcheck shell=bash
# Building the binary for somebody who waits for it. Sourced by ./dev, which sets `here`.
# shellcheck disable=SC2154

build_lookaside() { # [--release]
  cargo build --manifest-path "$here/Cargo.toml" -p lookaside "$@" 2>&1 | progress >&2
}

# Cargo's hundreds of lines as one that moves (or, where there is no terminal, one in every 25); whatever is
# not progress, so every warning and error, passes through.
progress() {
  local line count=0 total=''
  while IFS= read -r line; do
    case $line in
      *' Compiling '*)
        count=$((count + 1))
        [ -n "$total" ] || total=$(crates_in_build)
        show_progress "$count" "compiling $count of about $total: ${line#*Compiling }"
        ;;
      *' Downloaded '*) count=0 && show_progress 1 "downloading: ${line#*Downloaded }" ;;
      *' Downloading '* | *' Updating '* | *' Locking '* | *' Finished '*) ;;
      *) printf '%s%s\n' "$erase" "$line" ;;
    esac
  done
  printf '%s' "$erase"
}

crates_in_build() { # roughly: one that is both used and needed to build counts once
  cargo tree --manifest-path "$here/Cargo.toml" -p lookaside -e normal,build --prefix none 2>/dev/null |
    sed 's/ (\*)$//' | sort -u | wc -l | tr -d ' '
}

if [ -t 2 ]; then erase=$'\r\033[K'; else erase=''; fi

show_progress() { # COUNT TEXT
  if [ -n "$erase" ]; then
    printf '%s   %.70s' "$erase" "${2%% (*}"
  elif [ $(($1 % 25)) -eq 1 ]; then
    printf '   %s\n' "${2%% (*}"
  fi
}
