#!/bin/sh
# backup.sh FOLDER [KEEP]: one more backup of ONEVISIT_HOME in FOLDER; of all there the newest KEEP (14) stay.
set -eu
folder=${1:?usage: backup.sh FOLDER [KEEP]}
keep=${2:-14}
cd "$(dirname "$0")/.."
mkdir -p "$folder"
.venv/bin/python -m onevisit backup "$folder/onevisit-$(date -u +%Y%m%dT%H%M%SZ).tar.gz"
# By their names, which are times: the newest first, and what comes after the first KEEP goes.
find "$folder" -maxdepth 1 -type f -name 'onevisit-[0-9]*Z.tar.gz' | sort -r | tail -n +"$((keep + 1))" | while read -r old; do
    rm -- "$old"
done
