# Sourced by the scripts beside it: makes .venv and installs into it what pyproject.toml asks for, at
# the versions of constraints.txt. A stamp in .venv holds what was installed, so that the next run
# has nothing to do.
#
#   ensure_environment run     the package alone
#   ensure_environment test    the package and what its tests need

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"

ensure_environment() {
    local kind=$1 stamp="$venv/.installed-$1" wanted
    wanted=$(fingerprint)
    if [[ -f "$stamp" && "$(<"$stamp")" == "$wanted" ]]; then
        return
    fi
    make_venv
    install "$kind"
    # Whoever has what the tests need has what a run needs.
    if [[ "$kind" == test ]]; then
        echo "$wanted" > "$venv/.installed-run"
    fi
    echo "$wanted" > "$stamp"
}

# The programs in .venv hold its path, so a repository that was moved installs again.
fingerprint() {
    { echo "$root"; cat "$root/pyproject.toml" "$root/constraints.txt"; } | cksum
}

make_venv() {
    if "$venv/bin/python" -m pip --version > /dev/null 2>&1; then
        check_python "$venv/bin/python"
        return
    fi
    check_python python3
    python3 -m venv --clear "$venv" > /dev/null 2>&1 ||
        give_up "python3 cannot make a virtual environment: install its venv module (on Debian and Ubuntu the package python3-venv)"
}

check_python() {
    command -v "$1" > /dev/null || give_up "there is no python3 on the PATH: install Python 3.11 or newer"
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        give_up "$1 is $("$1" --version 2>&1): Limner needs Python 3.11 or newer"
}

install() {
    local target=$root
    echo "limner: installing into $venv (once; some minutes)" >&2
    if [[ "$1" == test ]]; then
        target="$root[test]"
    fi
    # hatchling first and by its pin: pip would fetch the newest to build the package with.
    pip_install hatchling && pip_install --no-build-isolation --editable "$target" ||
        give_up "the installation failed: pip's message is above"
    # An oracle whose dependencies name torchvision, which it does not need for what is tested.
    if [[ "$1" == test ]]; then
        pip_install --no-deps open_clip_torch || give_up "open_clip_torch: pip's message is above"
    fi
}

pip_install() {
    "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --root-user-action=ignore --constraint "$root/constraints.txt" "$@"
}

give_up() {
    echo "limner: $1" >&2
    exit 1
}
