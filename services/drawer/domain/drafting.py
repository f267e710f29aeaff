"""Make a manifest from the agreed terms and the counted frame, and judge it as a stranger's would be judged."""

from dataclasses import fields, replace

from services.drawer.domain.frame import Census
from services.drawer.domain.manifest import Manifest, Terms, as_json
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import check, check_frame, check_sense, sizes


def draft(terms: Terms, census: Census) -> Manifest:
    """
    Complete *terms* with the frame's digests and what is drawn of how many.

    Raises:
        ShapeWrong: a term has not the form of the schema.
        Every refusal of ``manifest_rules``: a term breaks section 4, or does not fit the frame.
    """
    agreed = {field.name: getattr(terms, field.name) for field in fields(Terms)}
    # Judged before the sizes are worked out, which could not be done with a rule of no known form.
    manifest = read_manifest(as_json(Manifest(**agreed, frame=census.frame, sizes={})))
    check(manifest)
    manifest = replace(manifest, sizes=sizes(manifest.selections, census.counts))
    check_frame(manifest, census)
    check_sense(manifest, census)
    return manifest
