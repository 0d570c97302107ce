# shellcheck shell=bash
# Calm output: a line a step on standard error, the noise of the tools in $log.
# shellcheck disable=SC2154 # setup.sh, which sources this, sets log and downloads

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# step LABEL COMMAND...: runs the command with its noise in the log; returns its exit status.
step() {
  local label=$1 began=$SECONDS watcher='' status=0 logged
  shift
  touch "$log"
  logged=$(wc -l <"$log")
  printf '\n[%s] %s\n' "$label" "$*" >>"$log"
  if [[ -t 2 ]]; then
    show_progress "$label" &
    watcher=$!
  else
    say "$label ..."
  fi
  "$@" >>"$log" 2>&1 </dev/null 9<&- || status=$?
  if [[ -n $watcher ]]; then
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    printf '\r\033[K' >&2
  fi
  if ((status == 0)); then
    say "$label: done, $((SECONDS - began)) s"
  else
    say "$label: failed after $((SECONDS - began)) s. The last lines of $log:"
    tail -n "+$((logged + 1))" "$log" | tail -n 12 | cut -c1-240 | sed 's/^/    /' >&2
  fi
  return "$status"
}

# A single line, rewritten every second: seconds, megabytes now in the download folder, the tool's last line.
show_progress() {
  local began=$SECONDS megabytes last
  trap '' INT
  while kill -0 $$ 2>/dev/null; do
    megabytes=$(du -sm "$downloads" 2>/dev/null | cut -f1) || true
    last=$(tail -n 1 "$log" | tr -d '\r' | sed 's/^ *//') || true
    ((${megabytes:-0} > 1)) && last="$megabytes MB  $last"
    printf '\r\033[K%s ... %d s  %.60s' "$1" $((SECONDS - began)) "$last" >&2
    sleep 1
  done
}
