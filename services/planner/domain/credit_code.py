"""
The unified social credit code (统一社会信用代码) and what may be an identifier at all.

Written out here because ``domain`` may not import a library; compared with python-stdnum by a test.
"""

import re

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
IDENTIFIER = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
SHAPE = re.compile(rf"[159AY][1-9][0-9]{{6}}[{ALPHABET}]{{10}}")


def is_identifier(text: str) -> bool:
    """Tell whether *text* may stand as an id in a draw (JIDRAW/1 section 1): ASCII, no control characters, 1 to 64 long."""
    return IDENTIFIER.fullmatch(text) is not None


def check_character(first_seventeen: str) -> str:
    """Work out the eighteenth character (GB 32100-2015, ISO 7064 MOD 31-3)."""
    total = sum(ALPHABET.index(sign) * weight for sign, weight in zip(first_seventeen, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def is_credit_code(text: str) -> bool:
    """Tell whether *text* is a credit code of 18 characters with the right check character."""
    return SHAPE.fullmatch(text) is not None and text[-1] == check_character(text[:-1])
