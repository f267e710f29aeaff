"""QR codes on pages and papers: an inline picture without style or script, and always what it says beside it."""

from dataclasses import dataclass

import segno
from markupsafe import Markup


@dataclass(frozen=True)
class Code:
    """A QR code of *text* (an address, or a digest as hex) and the picture of it, SVG to be put into a page."""

    text: str
    picture: Markup


def code(text: str) -> Code:
    """Draw a QR code that still reads when 15 % of it are worn off, with the white border scanners need."""
    made = segno.make(text, error="m", micro=False)
    svg = made.svg_inline(omitsize=True, border=4, light="#fff", svgclass=None, lineclass=None)
    return Code(text, Markup(svg))  # noqa: S704  (segno writes modules, no text of anybody's)
