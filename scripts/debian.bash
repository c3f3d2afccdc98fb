# To be sourced: how our scripts install Debian packages, as root or by sudo. Sets nothing but functions.

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

may_be_root() {
  [ "$(id -u)" = 0 ] && return 0
  have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }
}

can_install() { have apt-get && may_be_root; }

apt_updated=no
apt_update() {
  [ "$apt_updated" = yes ] || as_root apt-get update -qq
  apt_updated=yes
}

apt_install() {
  can_install || {
    say "please install these packages (no apt-get, or not allowed to use it): $*"
    exit 1
  }
  say "installing Debian packages: $*"
  apt_update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
