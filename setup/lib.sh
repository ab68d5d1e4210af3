# lib.sh: what the set-up scripts share.  Sourced by sh; sets the names below and runs nothing.
#   DEPS   the private folder (NIGH_DEPS, else $XDG_CACHE_HOME/nigh/deps)
#   FORKY  what came from the newer Debian suite, inside it

: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME
DEPS=${NIGH_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/nigh/deps}
FORKY=$DEPS/forky
PATH=$PATH:/usr/sbin:/sbin # nginx, ip and debootstrap live there, not on a user's PATH

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    say "$*"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# One at a time: two `make` in two checkouts share this folder.
lock_deps() {
    mkdir -p "$DEPS" || die "cannot make $DEPS; set NIGH_DEPS to a folder you can write"
    exec 9>"$DEPS/.lock"
    flock -n 9 || {
        say "another set-up is running, waiting for it"
        flock 9
    }
}

# as_root CMD...: as it is for root, else through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Environment that makes pkg-config see what we unpacked.
pkg_env() {
    export PKG_CONFIG_PATH="$DEPS/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
}
