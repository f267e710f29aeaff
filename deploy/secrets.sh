#!/bin/sh
# secrets.sh FOLDER [servers]: makes every secret of a distributed installation at random, a file each; what is there already
# stays. With the word "servers" only those of the servers: a data folder made by `onevisit init` has a secrets.toml of its own.
# Made by root they can be read by GROUP (10001, that of the containers) and by nobody else.
set -eu
umask 077
folder=${1:?usage: secrets.sh FOLDER [servers]}
mkdir -p "$folder"
cd "$folder"

random() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
keep() { # FILE CONTENT
    [ -e "$1" ] && return
    printf '%s\n' "$2" >"$1.new"
    mv "$1.new" "$1"
}

[ "${2:-}" = servers ] || keep secrets.toml "master = \"$(random 32)\"

[passwords]
county-admin = \"$(random 9)\""
for service in console planner drawer results notifier; do
    keep "postgres-$service" "$(random 24)"
    keep "kafka-$service" "$(random 24)"
done
keep postgres-backup "$(random 24)"
keep kafka-admin "$(random 24)"
keep postgres-admin "$(random 24)"
keep postgres-admin-url "postgresql://postgres:$(cat postgres-admin)@${POSTGRES:-postgres:5432}/onevisit"
[ "$(id -u)" != 0 ] || { chgrp "${GROUP:-10001}" . ./* && chmod 0750 . && chmod 0440 ./*; }
