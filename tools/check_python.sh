#!/bin/sh
# Says in one line what is missing on this machine before an install fails in a hundred.
python=$1

fail() {
    echo "robot_wm: $*" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 || fail "$python is not installed; run: sudo apt install python3 python3-venv python3-pip"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "$("$python" --version) is too old, 3.10 or newer is needed; name another one: make PYTHON=python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make virtual environments; run: sudo apt install python3-venv"

if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    # PyBullet has no ready-made wheel for these versions and is compiled.
    command -v c++ >/dev/null 2>&1 ||
        fail "$("$python" --version) needs a compiler for PyBullet; run: sudo apt install build-essential python3-dev, or: make PYTHON=python3.11"
    "$python" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
        fail "$("$python" --version) needs its headers for PyBullet; run: sudo apt install python3-dev, or: make PYTHON=python3.11"
fi
