#!/bin/sh
# bundle.sh FOLDER: everything to install this release on a machine without network, as FOLDER/onevisit-<release>.tar.gz:
# the program, its dependencies as wheels (for the Python and machine of whoever runs this), an SBOM of the wheels and of the
# npm packages that browsers are sent, checksums, install.sh. Fonts are the browser's: none are in it.
set -eu
to=$(realpath "${1:?usage: bundle.sh FOLDER}")
cd "$(dirname "$0")/.."
release=$(git describe --always --dirty 2>/dev/null)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/onevisit-$release
mkdir -p "$bundle/app" "$to"
git archive HEAD -- . ':!tests' ':!.ci' | tar -x -C "$bundle/app"
.venv/bin/python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --dest "$bundle/wheelhouse" -r requirements.lock -r requirements-dist.lock
grep -h == requirements.lock requirements-dist.lock | sed 's/ \\$//' | sort -u >"$work/all.txt"
.venv/bin/cyclonedx-py requirements "$work/all.txt" --output-reproducible --output-file "$bundle/sbom.cdx.json"
.venv/bin/python -W ignore::RuntimeWarning -m runtime.web.vendoring --bill "$bundle/sbom.cdx.json"
echo "$release" >"$bundle/RELEASE"
cp deploy/install.sh "$bundle/install.sh"
(cd "$bundle" && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" "$bundle/SHA256SUMS"
tar -C "$work" --owner=0 --group=0 --numeric-owner --sort=name -czf "$to/.onevisit-$release.new" "onevisit-$release"
mv "$to/.onevisit-$release.new" "$to/onevisit-$release.tar.gz"
echo "$to/onevisit-$release.tar.gz"
