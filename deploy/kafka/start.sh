#!/bin/sh
# start.sh SETTINGS SECRETS: runs the broker; the first time it makes its storage, with a user NAME for every SECRETS/kafka-NAME.
set -eu
settings=${1:?usage: start.sh SETTINGS SECRETS}
secrets=${2:?usage: start.sh SETTINGS SECRETS}
programs=${KAFKA_PROGRAMS:-/opt/kafka/bin}
data=$(sed -n 's/^log.dirs=//p' "$settings")
if [ ! -e "$data/meta.properties" ]; then
    set --
    for file in "$secrets"/kafka-*; do
        set -- "$@" --add-scram "SCRAM-SHA-512=[name=${file##*/kafka-},password=$(cat "$file")]"
    done
    "$programs/kafka-storage.sh" format --cluster-id "$("$programs/kafka-storage.sh" random-uuid)" --config "$settings" "$@"
fi
exec "$programs/kafka-server-start.sh" "$settings"
