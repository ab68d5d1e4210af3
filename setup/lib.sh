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

# debian_sources: "URI SUITE COMPONENT" of this release's own archive, the main suite first, as apt itself
# sees them (one-line and deb822 sources alike).  Third parties' archives are left out.
debian_sources() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$codename" ] || die "this is not a Debian release: /etc/os-release has no VERSION_CODENAME"
    # shellcheck disable=SC2016 # the dollars are apt's
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' \
        'Created-By: Packages' |
        awk -v codename="$codename" '
            $1 ~ /^cdrom:/ || $3 != "main" { next }
            # Before the first update apt does not know an archive'"'"'s origin and leaves the word as it is.
            $4 != "Debian" && $4 !~ /ORIGIN/ && NF > 3 { next }
            $2 == codename || $2 == "stable" || $2 == "oldstable" { print $1, $2, $3; next }
            index($2, codename "-") == 1 { rest = rest $1 " " $2 " " $3 "\n" }
            END { printf "%s", rest }'
}
