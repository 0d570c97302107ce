# shellcheck shell=bash
# Debian's and Ubuntu's packages: what is missing, and how it is had. Two names for one package stand as a|b.

# shellcheck disable=SC2034,SC2154 # the scripts use these lists; setup.sh sets setting_up

readonly window_packages=(
  libegl1 libgl1 'libglib2.0-0|libglib2.0-0t64' libfontconfig1 libdbus-1-3 libxkbcommon0
  libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0
  libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0
)
readonly sound_packages=(libportaudio2)
readonly test_packages=(xvfb xauth xdotool)

has_apt() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# missing_packages NAME...: those that are not installed, one a line.
missing_packages() {
  local entry names installed
  read -ra names <<<"${*//|/ }"
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${names[@]}" 2>/dev/null | sed -n 's/^ii *//p') || true
  for entry in "$@"; do
    grep -qxE "${entry//./\\.}" <<<"$installed" || printf '%s\n' "$entry"
  done
}

# real_name A|B: the name that this release of the distribution has a package for.
real_name() {
  local name
  for name in ${1//|/ }; do
    if LC_ALL=C apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then
      printf '%s\n' "$name"
      return
    fi
  done
  return 1
}

# real_names NAME...: one a line; the first name given where apt knows none of the alternatives.
real_names() {
  local entry
  for entry in "$@"; do real_name "$entry" || printf '%s\n' "${entry%%|*}"; done
}

# Sets as_root to what has to stand before a command to run it as root.
become_root() {
  as_root=()
  [[ $(id -u) == 0 ]] && return
  command -v sudo >/dev/null || return 1
  as_root=(sudo -n)
  sudo -n true 2>/dev/null && return
  [[ -n $setting_up && -t 0 && -t 2 ]] || return 1
  say "sudo asks for your password to install system packages: $*"
  sudo -v
}

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# The lists are fetched only where a name is unknown or where what they name is no longer there.
install_packages() {
  local entry names
  for entry in "$@"; do
    if ! real_name "$entry" >/dev/null; then
      apt_get update
      break
    fi
  done
  mapfile -t names < <(real_names "$@")
  apt_get install --no-install-recommends "${names[@]}" && return
  apt_get update && apt_get install --no-install-recommends "${names[@]}"
}

apt_line() {
  local prefix='' names
  mapfile -t names < <(real_names "$@")
  command -v sudo >/dev/null && prefix='sudo '
  printf '%sapt-get install --no-install-recommends %s\n' "$prefix" "${names[*]}"
}

# install_missing PURPOSE NAME...: returns 1 if something is missing still.
install_missing() {
  local purpose=$1 lacking
  shift
  mapfile -t lacking < <(missing_packages "$@")
  ((${#lacking[@]})) || return 0
  become_root "${lacking[*]}" && step "System packages for $purpose (${#lacking[@]})" install_packages "${lacking[@]}"
}

# tell_missing PURPOSE NAME...: the line that installs what is missing.
tell_missing() {
  local purpose=$1 lacking
  shift
  mapfile -t lacking < <(missing_packages "$@")
  say "System packages for $purpose are missing. As root:"
  say "    $(apt_line "${lacking[@]}")"
}

# ensure_packages PURPOSE NAME...: installs what is missing, or prints the line that does and returns 1.
ensure_packages() {
  install_missing "$@" && return
  tell_missing "$@"
  return 1
}
