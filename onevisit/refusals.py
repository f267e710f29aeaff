"""What the command line refuses by itself; ``exit_code`` is 2 where the question was wrong, 3 where nothing can be said."""

from runtime.errors import Conflict, NotFound, OneVisitError, Unreadable


class UsageWrong(OneVisitError):
    """An option or argument is missing, unknown or out of bounds."""

    code = "usage.wrong"
    exit_code = 2


class NoSuchTopic(NotFound):
    """There is no topic of this name."""

    code = "events.no_such_topic"
    exit_code = 2


class NoSuchParked(NotFound):
    """No service has parked a message under this id."""

    code = "dead.no_such"


class NoPostgres(OneVisitError):
    """PostgreSQL is to be prepared, and the settings do not say where it is."""

    code = "postgres.not_configured"
    exit_code = 2


class Distributed(OneVisitError):
    """The installation is one of several processes, and was to be started as one."""

    code = "serving.distributed"
    exit_code = 2


class NotDistributed(OneVisitError):
    """A part of an installation was to be started that runs whole, in one process."""

    code = "serving.not_distributed"
    exit_code = 2


class NoSuchService(NotFound):
    """There is no service of this name."""

    code = "replay.no_such_service"
    exit_code = 2


class FileUnreadable(Unreadable):
    """A record or frame file cannot be read."""

    code = "draw.file_unreadable"


class FileTooLarge(Unreadable):
    """A record, frame or key file would take more memory than a check allows itself (MiB)."""

    code = "draw.file_too_large"


class KeysUnreadable(Unreadable):
    """The file of keys from outside the record is no JSON object {agency or "witness": key in hex}."""

    code = "draw.keys_unreadable"


class HeadUnreadable(Unreadable):
    """The newest published result digest is not 64 lower-case hex characters."""

    code = "draw.head_unreadable"


class CaseFileMissing(Unreadable):
    """A file of a case to be computed is not there, or cannot be read."""

    code = "draw.case_file_missing"


class CaseThereAlready(Conflict):
    """A case was to be written where there is something already."""

    code = "draw.case_there_already"
    exit_code = 2


class FrameNotGiven(OneVisitError):
    """A record without its frame: nothing can be computed again (JIDRAW/1 section 14: not checked)."""

    code = "draw.frame_not_given"
    exit_code = 3


class NoRecordOfIt(OneVisitError):
    """A statement on a draw made elsewhere was given for a record: there is none, and nothing of it can be verified."""

    code = "draw.no_record_of_it"
    exit_code = 3


def exit_code_of(error: OneVisitError) -> int:
    """Return what a command ends with that was refused so: 2 for what cannot be understood, 1 unless it says otherwise."""
    return int(getattr(error, "exit_code", 2 if isinstance(error, Unreadable) else 1))
