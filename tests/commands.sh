# shellcheck shell=sh
# The developers' commands: test, soak, lint, bench, lock. Sourced by ../dialtap, which has made .venv and stands in the checkout's root:
# $asked, $root, $python, say and the arguments are its own.

unset PYTHONDONTWRITEBYTECODE # tests and checks start hundreds of short processes that import the same modules

# --- programs that the tests need

missing_packages() { # of tests/packages.txt: Debian's names, one a line
    while read -r package program; do
        case $package in '' | '#'*) continue ;; esac
        if command -v dpkg-query >/dev/null; then
            dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -q '^installed$' || echo "$package"
        elif [ "$program" != - ]; then
            command -v "$program" >/dev/null || echo "$package"
        fi
    done <"$root/tests/packages.txt"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$@" </dev/null >&2
}

install_packages() ( # a subshell: its trap ends with it
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then # no service may start: the tests run their own
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    echo "wireshark-common wireshark-common/install-setuid boolean false" | debconf-set-selections >&2 || :
    apt-get -qq -o DPkg::Lock::Timeout=600 update >&2 || say "apt-get update failed; trying with the lists that are there"
    apt_install "$@" || for package in "$@"; do apt_install "$package" || :; done
)

ensure_packages() {
    missing=$(missing_packages | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        say "installing for the tests: $missing"
        # shellcheck disable=SC2086 # a list of words
        install_packages $missing
        missing=$(missing_packages | tr '\n' ' ')
    fi
    [ -z "$missing" ] || say "missing, so the tests that need them are skipped: $missing"
}

# --- the commands

run_tests() {
    if [ $# -gt 0 ]; then
        exec "$python" -m pytest "$@"
    fi
    exec "$python" -m tests.everything
}

step() { # step WHAT COMMAND...: runs on after a failure, remembers it
    say "$1"
    shift
    "$@" || failed=1
}

run_lint() {
    failed=0
    export DJANGO_SETTINGS_MODULE=tests.settings # not this checkout's own configuration and database
    step "ruff check" "$python" -m ruff check
    step "ruff format" "$python" -m ruff format --check
    step "mypy" "$python" -m mypy dialogs dashboard manage.py
    step "manage.py check" "$python" manage.py check --fail-level WARNING
    step "manage.py makemigrations" "$python" manage.py makemigrations --check --dry-run
    step "sh -n" sh -n dialtap
    if command -v shellcheck >/dev/null; then step "shellcheck" shellcheck -x dialtap .ci/run; fi
    exit "$failed"
}

run_bench() {
    if [ $# -eq 0 ]; then
        say "which one? $(cd tests/bench 2>/dev/null && for file in *.py; do printf '%s ' "${file%.py}"; done)"
        exit 2
    fi
    name=$(printf '%s' "$1" | tr - _)
    shift
    exec "$python" -m "tests.bench.$name" "$@"
}

compile_lock() { # compile_lock NAME UV-ARGUMENTS...: requirements hold no URL, so that any index serves them
    name=$1
    shift
    "$python" -m uv pip compile --quiet --universal --generate-hashes --python "$python" --python-version 3.12 --no-python-downloads \
        --no-emit-index-url --no-annotate --no-header "$@" "$name.in" -o "$name.txt" >/dev/null
}

run_lock() {
    compile_lock requirements "$@"
    compile_lock requirements-dev --constraint requirements.txt "$@"
    say "written: requirements.txt, requirements-dev.txt"
}

case $asked in
    test)
        ensure_packages
        run_tests "$@"
        ;;
    soak)
        ensure_packages
        export DIALTAP_FIGURES=1
        exec "$python" -m pytest -m "soak or figures" "$@"
        ;;
    lint) run_lint ;;
    bench) run_bench "$@" ;;
    lock) run_lock "$@" ;;
esac
