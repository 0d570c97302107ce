# shellcheck shell=bash
# What the scripts share. Sourced with $root set to the checkout, and $venv_name where it is not .venv.
# shellcheck disable=SC2154

readonly venv="$root/${venv_name:=.venv}"
readonly state="$venv/.mirrorfx" # what the scripts remember about the environment
readonly downloads="$state/downloads"
readonly log="$venv/setup.log"
readonly requirements="$root/scripts/requirements"
setting_up='' # not empty once this run has had something to set up

# shellcheck source=scripts/lib/say.sh
. "$root/scripts/lib/say.sh"
# shellcheck source=scripts/lib/system.sh
. "$root/scripts/lib/system.sh"
# shellcheck source=scripts/lib/python.sh
. "$root/scripts/lib/python.sh"

# One setup at a time: the lock is held on this folder, so that nothing is left behind.
lock_setup() {
  command -v flock >/dev/null || return 0
  exec 9<"$root/scripts"
  flock -n 9 && return
  say "Another setup of this checkout is at work; waiting for it."
  flock 9
}

unlock_setup() { exec 9<&-; }

# What a set's stamp has to say for the set to count as installed.
wanted() {
  printf '%s\n' "$root" "$python_version" "$(<"$requirements/base.txt")" "$(<"$requirements/$1.txt")"
  [[ $1 != base ]] || printf '%s\n' "$(<"$root/pyproject.toml")"
  [[ ! -e $requirements/$1-no-deps.txt ]] || printf '%s\n' "$(<"$requirements/$1-no-deps.txt")"
}

is_current() { [[ -e $state/$1.stamp && $(<"$state/$1.stamp") == "$(wanted "$1")" ]]; }

# install_set SET LABEL: the packages of requirements/SET.txt, and with base the checkout itself.
install_set() {
  local status=0
  setting_up=yes
  rm -f "$state/$1.stamp"
  : >"$state/building"
  # pip tidies up after Ctrl-C; only a killed setup leaves the environment in doubt.
  trap 'rm -f "$state/building"; say ""; exit 130' INT
  step "$2" install_pinned "$1" || status=$?
  trap - INT
  rm -rf "$downloads"
  ((status > 128)) || rm -f "$state/building"
  ((status == 0)) || return "$status"
  wanted "$1" >"$state/$1.stamp"
}

install_pinned() {
  pip_install -r "$requirements/$1.txt" -c "$requirements/base.txt" || return
  [[ ! -e $requirements/$1-no-deps.txt ]] || pip_install --no-deps -r "$requirements/$1-no-deps.txt" || return
  [[ $1 != base ]] || pip_install --no-deps --no-build-isolation -e "$root"
}

# Downloads go to the checkout's disk: /tmp may be a small one in memory.
pip_install() {
  mkdir -p "$downloads"
  TMPDIR="$downloads" PIP_USER=0 "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
    --progress-bar off "$@"
}

ensure_set() {
  is_current "$1" || install_set "$1" "$2" || fail "Nothing was started. Set the cause right and start scripts/${0##*/} again."
}

# set_up SET...: the environment with the sets named, base first.
set_up() {
  local name
  [[ -w $root ]] || fail "$root can't be written by $(id -un): clone it to a folder of yours."
  [[ ! -e $venv || -w $venv ]] || fail "$venv belongs to another user: remove it as that user, then start scripts/${0##*/} again."
  [[ -d $venv ]] || say "First run: setting up in $venv_name (Python packages: about 250 MB to download). Later runs start in seconds."
  ensure_venv
  for name in base "$@"; do ensure_set "$name" "$(set_label "$name")"; done
}

set_label() {
  case $1 in
    base) echo 'Python packages for the mirror' ;;
    test) echo 'Python packages for the tests' ;;
    check) echo 'Python packages for the checks' ;;
    presence) echo 'Person detector for attract mode (57 MB to download, 130 MB of disk)' ;;
    torch) echo 'torch and diffusers for the tests (0.3 GB, or 3 GB where pip takes the CUDA build)' ;;
  esac
}

# ensure_window_libraries NAME...: Qt's, for windows, and PortAudio; the mirror runs headless and silent without.
ensure_window_libraries() {
  if has_apt; then
    ensure_packages 'windows and sound' "${window_packages[@]}" "${sound_packages[@]}" "$@"
  elif [[ -n $setting_up ]]; then
    say "This is not Debian or Ubuntu: if no window opens, install Qt 6's xcb libraries (see docs/setup.md)."
  fi
}

# stable-fast has packages for x86-64 only.
wants_gpu_packages() {
  [[ -z ${MIRRORFX_NO_GPU_PACKAGES:-} && $(uname -m) == x86_64 ]] && nvidia-smi -L 2>/dev/null | grep -q '^GPU '
}

# Sizes: pip's own figures for requirements/gpu.txt and the folder it made, 2026-11-22.
ensure_gpu_packages() {
  say "An NVIDIA card is here: the diffusion packages (torch 2.9.1, stable-fast) download about 4.1 GB and take" \
    "7 GB of disk, once. --no-gpu-packages goes on without them."
  if (($(df -Pm "$venv" | awk 'NR == 2 {print $4}') < 16000)); then
    say "Not installed: less than 16 GB are free on the disk of $venv. The mirror runs without them."
    return
  fi
  rm -f "$state/torch.stamp"
  install_set gpu 'Diffusion packages' || say "The mirror runs without them; the next run tries again."
}

# MediaPipe's last wheels with models are for Python 3.12 and before.
ensure_presence() {
  case $python_version in
    3.11 | 3.12) ensure_set presence "$(set_label presence)" ;;
    *) say "The person detector needs Python 3.11 or 3.12, and this is $python_version (MIRRORFX_PYTHON takes another: docs/setup.md)." ;;
  esac
}

ensure_torch() {
  is_current torch && return
  rm -f "$state/gpu.stamp"
  ensure_set torch "$(set_label torch)"
}
