"""Unit tests of the drawer's domain: JIDRAW/1 to the byte, and every refusal."""
