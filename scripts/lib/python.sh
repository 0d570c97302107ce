# shellcheck shell=bash
# The interpreter and the virtual environment.
# shellcheck disable=SC2034,SC2154 # setup.sh, which sources this, sets the paths and uses setting_up

readonly print_version='import sys; print("%d.%d" % sys.version_info[:2])'

version_of() { "$1" -I -S -c "$print_version" 2>/dev/null; }

# Sets python and python_version: the machine's own python3 if it will do, else the newest other one.
# 3.14 comes last, because stable-fast has no package for it.
choose_python() {
  local minors candidate
  if [[ -n ${MIRRORFX_PYTHON:-} ]]; then
    use_if_minor "$MIRRORFX_PYTHON" '1[1-4]' || refuse_python "MIRRORFX_PYTHON=$MIRRORFX_PYTHON"
    return
  fi
  for minors in '1[1-3]' '14'; do
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
      use_if_minor "$candidate" "$minors" && return
    done
  done
  refuse_python python3
}

use_if_minor() {
  python_version=$(version_of "$1") || return 1
  [[ $python_version =~ ^3\.($2)$ ]] || return 1
  python=$(command -v "$1")
}

refuse_python() {
  local found
  found=$(version_of "${1#*=}") || found='none that starts'
  say "MirrorFX needs Python 3.11, 3.12, 3.13 or 3.14; $1 here: $found."
  say "The way out:"
  python_advice | sed 's/^/    /' >&2
  say "MIRRORFX_PYTHON=/path/to/python3.12 scripts/${0##*/} makes this script use a certain one."
  exit 1
}

python_advice() {
  local ID='' VERSION_ID=''
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  case "$ID $VERSION_ID" in
    'ubuntu 20.'* | 'ubuntu 22.'*)
      printf '%s\n' 'sudo add-apt-repository ppa:deadsnakes/ppa' \
        'sudo apt-get install python3.12 python3.12-venv' ;;
    'debian 10' | 'debian 11')
      printf '%s\n' 'uv python install 3.12   (or pyenv install 3.12): this Debian has no newer Python of its own' ;;
    'ubuntu '* | 'debian '*)
      printf '%s\n' 'sudo apt-get install python3 python3-venv' ;;
    *) printf '%s\n' "your distribution's python3.11 or newer, or: uv python install 3.12   (or pyenv install 3.12)" ;;
  esac
}

# Sets python_version and returns 0 if the environment can be built on; else sets flaw to what is wrong with it.
venv_is_sound() {
  python_version=''
  flaw=''
  if [[ -e $state/building ]]; then
    flaw='the last setup was killed half-way'
  elif ! python_version=$(version_of "$venv/bin/python") || [[ ! -d $venv/lib/python$python_version/site-packages ]]; then
    flaw='its Python is gone or was replaced'
  elif [[ -n ${MIRRORFX_PYTHON:-} && $(version_of "$MIRRORFX_PYTHON") != "$python_version" ]]; then
    flaw="it is Python $python_version, and MIRRORFX_PYTHON asks for another"
  elif [[ ! -d $venv/lib/python$python_version/site-packages/pip ]]; then
    flaw='it has no pip'
  fi
  [[ -z $flaw ]]
}

ensure_venv() {
  if [[ -d $venv ]] && venv_is_sound; then
    follow_move
    return
  fi
  [[ -d $venv ]] && say "Building $venv_name anew: $flaw."
  choose_python
  setting_up=yes
  rm -rf "$venv"
  mkdir -p "$state" "$downloads"
  : >"$state/building"
  make_venv || fail "No virtual environment could be made with $python. See $log"
  printf '%s\n' "$root" >"$state/root"
  rm -f "$state/building"
}

# A moved checkout keeps its environment, since there may be no network to build another.
follow_move() {
  local old=''
  if [[ -e $state/root ]]; then old=$(<"$state/root"); fi
  [[ $old != "$root" ]] || return 0
  if [[ -n $old ]]; then
    say "The checkout has moved here from $old: $venv_name follows."
    "$venv/bin/python" "$root/scripts/lib/follow_move.py" "$old/$venv_name" "$venv"
  fi
  mkdir -p "$state"
  printf '%s\n' "$root" >"$state/root"
}

has_ensurepip() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

make_venv() {
  local label="Python $python_version environment" package="python$python_version-venv"
  if ! has_ensurepip && has_apt; then install_missing 'the Python environment' "$package" || true; fi
  if has_ensurepip; then
    step "$label" "$python" -m venv "$venv"
  elif has_apt; then
    step "$label (pip unpacked from Debian's package)" make_venv_without_root && return
    tell_missing 'the Python environment' "$package"
    return 1
  else
    say "$python has no ensurepip or no venv: install your distribution's package for them."
    return 1
  fi
}

# apt-get can fetch a package without root; python3-pip-whl holds pip, which starts from its wheel.
make_venv_without_root() {
  local unpacked="$downloads/pip" wheel
  mkdir -p "$unpacked"
  (cd "$unpacked" && apt-get download python3-pip-whl && dpkg-deb -x python3-pip-whl_*.deb .) || return
  wheel=$(printf '%s\n' "$unpacked"/usr/share/python-wheels/pip-*.whl)
  "$python" -m venv --without-pip "$venv" && "$venv/bin/python" "$wheel/pip" install --no-index "$wheel" || return
  rm -rf "$unpacked"
}
