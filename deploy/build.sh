#!/bin/sh
# Installs linerisk into a new folder: deploy/build.sh FOLDER. The Dockerfile runs this, and so does an install by hand.
# FOLDER is the final one: a virtual environment cannot be moved. PYTHON names another Python 3.11.
set -eu
folder=${1:?usage: deploy/build.sh FOLDER}
source=$(cd "$(dirname "$0")/.." && pwd)
if [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
    echo "$folder is not empty: name a new folder, so that nothing of an older version stays" >&2
    exit 2
fi
mkdir -p "$folder"
cd "$source"
cp -R src policies pyproject.toml README.md LICENSE requirements.lock "$folder"
cd "$folder"
"${PYTHON:-python3.11}" -m venv .venv
.venv/bin/pip install --quiet --no-cache-dir --no-deps --require-hashes -r requirements.lock
.venv/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation -e .
# The service may not write here, so Python could not store what it compiles at the first import.
.venv/bin/python -m compileall -q src
