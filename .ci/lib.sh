# Shared by the scripts in this folder; sourced, not run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
export PYTHONDONTWRITEBYTECODE=1
# Where cargo builds; the tools we install for ourselves stand in it.
target="${CARGO_TARGET_DIR:-target}"
tools="$target/tools"
venv=".venv"
python="$venv/bin/python"
venv_api=".venv-api"
schemathesis="$venv_api/bin/schemathesis"

# rustup's folder is not on the PATH of every shell.
if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
fi

say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
