#!/usr/bin/env bash
# Makes .venv with exactly what requirements.lock lists. Needs Python 3.11 with its venv module, nothing else.
set -euo pipefail

fail() { # one line
    echo "make: $*" >&2
    exit 1
}

is_311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }

# One line per package, rewritten in place on a terminal; elsewhere every tenth.
show() {
    local total count=0 name line
    total=$(grep -c == requirements.lock)
    while read -r line; do
        case $line in
        *"(from -r requirements.lock "*)
            name=${line#"Requirement already satisfied: "}
            name=${name#Collecting }
            name=${name#Processing }
            name=${name%% *}
            name=${name##*/}
            count=$((count + 1))
            if [[ -t 2 ]]; then
                printf '\r\033[Kinstalling %d of %d: %s' "$count" "$total" "$name" >&2
            elif ((count % 10 == 1)); then
                echo "installing $count of $total: $name" >&2
            fi
            ;;
        "Installing collected packages:"*)
            if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
            echo "unpacking the packages (about a minute)" >&2
            ;;
        esac
    done
}

if ! { [[ -x .venv/bin/python ]] && is_311 .venv/bin/python; }; then
    python=
    for name in python3.11 python3 python; do
        if command -v "$name" >/dev/null && is_311 "$name"; then
            python=$name
            break
        fi
    done
    [[ $python ]] || fail "Python 3.11 is needed and was not found (tried python3.11, python3 and python)"
    echo "making .venv with $("$python" -V)" >&2
    "$python" -m venv --clear .venv >/dev/null 2>&1 ||
        fail "$python cannot make a virtual environment; its venv module may be a package of its own (python3.11-venv)"
fi

log=.venv/install.log
pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input)
"${pip[@]}" install -r requirements.lock 2>&1 | tee "$log" | show ||
    fail "the packages of requirements.lock could not be installed: $(grep ERROR "$log" | tail -n1) (all of it in $log)"
"${pip[@]}" install --no-deps --no-build-isolation -e . >>"$log" 2>&1 ||
    fail "the project itself could not be installed; see $log"
touch .venv/installed
echo "installed" >&2
