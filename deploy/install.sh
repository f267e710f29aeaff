#!/bin/sh
# install.sh, in an unpacked bundle: installs this release, or upgrades to it. No network is used.
# The first time it is told the county: install.sh 640221 平罗县. Needs root and Python 3.11 or newer with venv.
# A third word, "distributed", installs and starts nothing: what comes next is in docs/howto/distribute.md.
# ROOT=/elsewhere installs below another folder and starts nothing.
set -eu
cd "$(dirname "$0")"
root=${ROOT:-}
release=$(cat RELEASE)
place=$root/opt/onevisit/releases/$release
home=/var/lib/onevisit/home

say() { printf '%s\n' "$*"; }
stop() { say "$1" >&2; exit 1; }

[ "$(id -u)" = 0 ] || [ -n "$root" ] || stop "请用 root 运行 / run it as root"
[ -e "$root$home/settings.toml" ] || [ $# = 2 ] || [ "$#${3:-}" = 3distributed ] ||
    stop "首次安装请写明县区 / name the county the first time: ./install.sh 640221 平罗县"
sha256sum --quiet --check SHA256SUMS || stop "安装包不完整或被改动 / the bundle is cut off or was changed"
python=$(command -v "${PYTHON:-python3}") || stop "需要 Python 3.11 或更新版本 / Python 3.11 or newer is needed"
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    stop "需要带 venv 的 Python 3.11 或更新版本（Debian：apt install python3-venv） / Python 3.11 or newer with venv is needed"

# Whether the installation is, or is to be, several processes: its settings name a Kafka then.
distributed() { [ "${3:-}" = distributed ] || grep -qs '^bootstrap' "$root$home/settings.toml"; }

# The new release stands beside the old one until all of it is there.
rm -rf "$place.new"
mkdir -p "$place.new"
cp -R app/. "$place.new"
"$python" -m venv "$place.new/.venv"
"$place.new/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links wheelhouse \
    --require-hashes -r app/requirements.lock
if distributed "$@"; then
    "$place.new/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links wheelhouse \
        --require-hashes -r app/requirements-dist.lock
fi
rm -rf "$place"
mv "$place.new" "$place"
# A virtual environment knows its place by its path.
"$python" -m venv --upgrade "$place/.venv"
"$place/.venv/bin/python" -m compileall -q "$place/schemas" "$place/runtime" "$place/services" "$place/onevisit"
(cd "$place" && .venv/bin/python -m services.drawer.kernel)

mkdir -p "$root/etc/systemd/system" "$root/etc/onevisit/tls" "$root/var/backups/onevisit"
cp "$place"/deploy/systemd/* "$root/etc/systemd/system/"
if [ -d "$root/etc/nginx/conf.d" ] && [ ! -e "$root/etc/nginx/conf.d/onevisit.conf" ]; then
    cp "$place/deploy/nginx/onevisit.conf" "$root/etc/nginx/conf.d/onevisit.conf" # only the first time: it is edited
fi

mkdir -p "$root/usr/local/bin"
ln -sfn /opt/onevisit/current/bin/onevisit "$root/usr/local/bin/onevisit"

as_onevisit() { if [ -n "$root" ]; then "$@"; else runuser -u onevisit -- "$@"; fi; }

found() {
    [ -e "$root$home/settings.toml" ] && return
    as_onevisit "$place/.venv/bin/python" -m onevisit init "$1" "$2" --home "$root$home"
}

switch() {
    ln -sfn "releases/$release" "$root/opt/onevisit/current.new"
    mv -T "$root/opt/onevisit/current.new" "$root/opt/onevisit/current"
}

if [ -n "$root" ]; then
    (cd "$place" && found "$@")
    switch
    say "已安装到 $place / installed"
    exit 0
fi
id onevisit >/dev/null 2>&1 || useradd --system --home-dir /var/lib/onevisit --shell /usr/sbin/nologin onevisit
chown onevisit: /var/backups/onevisit
chmod 700 /var/backups/onevisit
systemctl daemon-reload
if grep -qs '^bootstrap' "$home/settings.toml"; then
    if systemctl is-enabled --quiet onevisit-backup.timer; then systemctl start onevisit-backup.service; fi
    as_onevisit sh -c "cd '$place' && ONEVISIT_HOME='$home' .venv/bin/python -m onevisit migrate" # under the release that runs
    switch
    systemctl try-restart onevisit-web.service onevisit-timers.service 'onevisit-worker@*.service'
    exit 0
fi
if [ -e "$home/contents.json" ]; then
    systemctl start onevisit-backup.service # by the release that runs: the way back
    systemctl stop onevisit.service
fi
mkdir -p /var/lib/onevisit
chown onevisit: /var/lib/onevisit
chmod 700 /var/lib/onevisit
(cd "$place" && found "$@")
switch
if distributed "$@"; then
    say "已安装，尚未启动 / installed, not started: /opt/onevisit/current/docs/howto/distribute.md"
    exit 0
fi
systemctl enable --quiet --now onevisit.service onevisit-backup.timer # every start migrates
say "已启动 / started: systemctl status onevisit"
say "管理员账号 county-admin，首个密码在 / first password of county-admin is in $home/secrets.toml"
