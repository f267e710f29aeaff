"""What the planner refuses before any of its rules is asked: files that cannot be read."""

from runtime.errors import Rejected


class RulepackUnreadable(Rejected):
    """The file is not TOML in UTF-8."""

    code = "rulepack.unreadable"


class RulepackInvalid(Rejected):
    """The file is TOML, but not a rule pack or calendar; ``problems`` names each with its key and line."""

    code = "rulepack.invalid"


class FileMissing(Rejected):
    """No file came with the request."""

    code = "import.file_missing"
