# shellcheck shell=bash
# What must be installed, and how: sourced by ./check and ./quickstart.
#
# Each row is a probe and the Debian package that brings it: a program on the PATH, a module of
# pkg-config (pc:), or a package that has neither (deb:). What is there already is left alone.

# shellcheck disable=SC2034
VAIN_BUILD_PACKAGES='
cc gcc
deb:libc6-dev libc6-dev
cmake cmake
ninja ninja-build
pkg-config pkg-config
mpicc libopenmpi-dev
mpirun openmpi-bin
pc:libsodium libsodium-dev
pc:libcrypto libssl-dev
pc:libssl libssl-dev
pc:yaml-0.1 libyaml-dev
pc:json-c libjson-c-dev
pc:hdf5-serial libhdf5-dev
pc:zlib zlib1g-dev
pc:cunit libcunit1-dev
'
# shellcheck disable=SC2034
VAIN_CHECK_PACKAGES='
python3 python3-minimal
h5dump hdf5-tools
deb:python3-h5py python3-h5py
clang-format-14 clang-format-14
clang-tidy-14 clang-tidy-14
shellcheck shellcheck
'

# shellcheck disable=SC2034
VAIN_FUZZ_PACKAGES='
clang-14 clang-14
deb:libclang-rt-14-dev libclang-rt-14-dev
'

vain_has() {
    case $1 in
    pc:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#pc:}" ;;
    deb:*) command -v dpkg-query >/dev/null &&
        dpkg-query -W -f '${Status}' "${1#deb:}" 2>/dev/null | grep -q ' installed$' ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# vain_missing ROWS: the packages whose probes fail, each once.
vain_missing() {
    local probe package
    while read -r probe package; do
        if [ -n "$probe" ] && ! vain_has "$probe"; then
            echo "$package"
        fi
    done <<<"$1" | sort -u
}

# vain_install ROWS: install what is missing, with sudo when not root. If it cannot be done, says
# what to type and returns 2.
vain_install() {
    local missing root=()
    mapfile -t missing < <(vain_missing "$1")
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing, by Debian's names: ${missing[*]}; install them and start again" >&2
        return 2
    fi
    if [ "$(id -u)" -ne 0 ]; then
        root=(sudo)
        if ! command -v sudo >/dev/null; then
            echo "missing; as root: apt-get install ${missing[*]}" >&2
            return 2
        fi
    fi
    echo "installing ${missing[*]}" >&2
    # A fresh machine has no package lists, and an old one has old ones.
    "${root[@]}" apt-get update -qq >&2 &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 || return 2
}
