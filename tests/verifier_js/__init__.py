"""The verifier in the page, run under node and in a real Chromium, against vectors, samples, forgeries and the Python one."""
