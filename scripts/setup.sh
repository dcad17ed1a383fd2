# Sourced by scripts/run and scripts/test: finds or makes what they run on. Not a command.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${PYSTAP_VENV:-$root/.venv}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Installs the Debian packages named, as root; otherwise (or where there is no apt) fails and says what is lacking.
apt_install() {
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "lacking (install them as root): $*"
    return 1
  fi
  say "apt-get install $*"
  export DEBIAN_FRONTEND=noninteractive
  # The lists of a fresh machine are empty or old: update only when the packages are not found with what is there.
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# A Python that is new enough and can make a virtual environment with pip in it. Prints its name.
usable_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

# Makes the virtual environment and installs pystap in it with the extras given ("" or "[dev]"), once: again only when
# pyproject.toml changed. Where all is there it only looks at a stamp; what "[dev]" installed serves "" too.
ensure_venv() {
  local extras=$1 stamp python
  for stamp in "$venv/.installed$extras" "$venv/.installed[dev]"; do
    [ -e "$stamp" ] && [ -x "$venv/bin/stap" ] && [ ! "$root/pyproject.toml" -nt "$stamp" ] && return 0
  done
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! python=$(usable_python); then
      apt_install python3 python3-venv
      python=$(usable_python) || { say "needs Python 3.11 or newer with venv"; return 1; }
    fi
    say "making the virtual environment $venv"
    "$python" -m venv --clear "$venv"
  fi
  say "installing pystap$extras"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root$extras"
  "$venv/bin/python" -m compileall -q "$root/src" || true # half of a start would go into compiling it anew
  touch "$venv/.installed$extras"
}
