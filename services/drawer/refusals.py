"""What the drawer refuses beside the rules of the protocol itself; those stand in ``domain``."""

from collections.abc import Sequence

from runtime.errors import Conflict, Forbidden, NotFound, Rejected
from services.drawer.domain.elsewhere import Complaint


class DrawUnknown(NotFound):
    """There is no such draw, or none that the asker takes part in."""

    code = "draw.unknown"


class VisitNotStanding(NotFound):
    """The draw has no such visit, or a round has removed it since."""

    code = "draw.visit_not_standing"


class CampaignNotKnown(NotFound):
    """There is no such confirmed campaign, or none that the asker takes part in."""

    code = "draw.campaign_unknown"


class LeadOnly(Forbidden):
    """Only the lead's draw officer opens a draw."""

    code = "draw.lead_only"


class DrawBeforeItsStage(Conflict):
    """The draw stage (抽取阶段) of the plan has not begun, and nobody says that the draw is meant to be before it."""

    code = "draw.before_stage"


class FirstStageNotDisclosed(Conflict):
    """A staged draw (分段式) is over the targets of a draw that is disclosed."""

    code = "draw.first_stage_not_disclosed"


class DrawOfficerOnly(Forbidden):
    """Only an agency's draw officer (抽取岗) speaks for it in a draw."""

    code = "draw.officer_only"


class WitnessOnly(Forbidden):
    """Only the witness of this draw seals and enters dice."""

    code = "draw.witness_only"


class ListNotForYou(Forbidden):
    """Until the window closes only the lead's planner and draw officer see who was drawn."""

    code = "draw.list_not_for_you"


class SlipNotForYou(Forbidden):
    """A visited firm's slip is for the officers drawn for it, those of its agencies who may know it, and the lead."""

    code = "draw.slip_not_for_you"


class RecordNotForYou(Forbidden):
    """The full edition is for the lead's supervisor and draw officer."""

    code = "draw.record_not_for_you"


class FrameNotFrozen(Conflict):
    """The campaign's frame is not frozen yet, so there is nothing to draw from."""

    code = "draw.frame_not_frozen"


class CampaignIsCancelled(Conflict):
    """The campaign will not be carried out."""

    code = "draw.campaign_cancelled"


class NoAttempt(Conflict):
    """The draw has no attempt yet, so nobody can take part in it."""

    code = "draw.not_opened"


class AttemptRunning(Conflict):
    """An attempt is under way; a draw has one at a time."""

    code = "draw.attempt_running"


class DrawAlreadyRun(Conflict):
    """The draw is sealed or drawn; nothing is ever drawn again."""

    code = "draw.already_run"


class AttemptOver(Conflict):
    """The attempt has ended: its time ran out, or the campaign was cancelled."""

    code = "draw.attempt_over"


class NothingToReveal(Conflict):
    """The agency has not committed to anything in this attempt."""

    code = "draw.nothing_committed"


class CommitWindowOpen(Conflict):
    """The commitments are published to everybody, and countersigned, when their window has closed and not before."""

    code = "draw.commit_window_open"


class CountersignatureMissing(Conflict):
    """Nobody reveals before every agency has countersigned the list of commitments."""

    code = "draw.countersignature_missing"


class KeyKeptElsewhere(Conflict):
    """The body keeps its key itself (custody "own" or "page"): the server cannot sign for it."""

    code = "draw.key_kept_elsewhere"


class KeyKeptHere(Conflict):
    """The body left its key with the server (custody "server"): a signature made elsewhere cannot be its own."""

    code = "draw.key_kept_here"


class PapersNotNeeded(Forbidden):
    """The body left its key with the server, which checks and signs for it: nothing is handed out to be checked."""

    code = "draw.papers_not_needed"


class FrameForCommittingOnly(Forbidden):
    """The frame names every firm that may be drawn; it goes to an agency that has its commitment to make."""

    code = "draw.frame_for_committing_only"


class AlgorithmNotHere(Rejected):
    """A key is of an algorithm whose signatures this installation cannot check."""

    code = "draw.algorithm_not_here"
    constant = ("alg",)


class KeyTaken(Conflict):
    """Another body has this key, or this body had it and gave it up."""

    code = "draw.key_taken"


class SealMomentWrong(Rejected):
    """A seal signed elsewhere carries a moment that is not this one."""

    code = "draw.seal_moment_wrong"


class OwnDiceWrong(Rejected):
    """Dice to be mixed into the own secret are 1 to 1000 digits."""

    code = "draw.own_dice_wrong"


class DiceTypedDifferently(Rejected):
    """The dice were typed twice and the two do not agree."""

    code = "draw.dice_typed_differently"


class InputsChanged(Conflict):
    """What was read before the work is no longer what is stored; do it again."""

    code = "draw.inputs_changed"


class NotDrawnYet(Conflict):
    """The draw has no outcome yet."""

    code = "draw.not_drawn_yet"


class NotDisclosedYet(Conflict):
    """The record is closed until the inspection stage ends."""

    code = "draw.not_disclosed_yet"


class EditionUnknown(Rejected):
    """A record has a public and a full edition."""

    code = "draw.edition_unknown"


class RoundUnknown(NotFound):
    """The draw has no such replacement round."""

    code = "draw.round_unknown"


class RoundRunning(Conflict):
    """A replacement round is under way; a draw has one at a time."""

    code = "draw.round_running"


class RoundOver(Conflict):
    """The round has ended: closed, or spent because it was not sealed in time."""

    code = "draw.round_over"


class RoundOvertaken(Conflict):
    """A checklist of a visit that the round is about came in before the seal: what was inspected is not replaced."""

    code = "draw.round_overtaken"


class RoundAfterWindow(Rejected):
    """A round is drawn before the inspection stage ends, while visits can still be made."""

    code = "draw.round_after_window"


class NothingToChange(Conflict):
    """No approved request waits for a round."""

    code = "draw.nothing_to_change"


class ChangeUnknown(NotFound):
    """There is no such request, or none of the asker's agency."""

    code = "draw.change_unknown"


class AppointmentUnknown(NotFound):
    """There is no such entry about an open place, or none of the asker's agency."""

    code = "draw.appointment_unknown"


class EvidenceNotForYou(Forbidden):
    """The document behind a request is for those who may know the visit's target."""

    code = "draw.evidence_not_for_you"


class NoPhoto(NotFound):
    """Nobody handed in a photograph of the dice."""

    code = "draw.no_photo"


class DrawnElsewhere(Conflict):
    """The draw was made elsewhere and imported: there is no record of it here, and nothing of it is drawn again here."""

    code = "draw.drawn_elsewhere"


class ImportWaiting(Conflict):
    """A draw made elsewhere has been handed in and waits for a second person."""

    code = "draw.import_waiting"


class ImportRefused(Rejected):
    """The list of a draw made elsewhere does not fit; ``complaints`` (``domain.elsewhere.Complaint``) say where."""

    code = "draw.import_refused"

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__(count=len(complaints))
        self.complaints = tuple(complaints)


class ImportUnknown(NotFound):
    """There is no such import, or none of the asker's agency."""

    code = "draw.import_unknown"


class ImportBySamePerson(Forbidden):
    """Whoever hands a draw in does not confirm it."""

    code = "draw.import_by_same_person"


class ImportNotForYou(Forbidden):
    """The lead's approver or head confirms what the lead's draw officer handed in."""

    code = "draw.import_not_for_you"


class ImportDecided(Conflict):
    """The import has been confirmed, refused or withdrawn."""

    code = "draw.import_decided"


class DrawnOnWrong(Rejected):
    """A draw that was made elsewhere was made on a day that has come."""

    code = "draw.import_day_wrong"


class ImportAfterWindow(Rejected):
    """A draw is imported before the inspection stage ends, while visits can still be made."""

    code = "draw.import_after_window"


class PartiesOnly(Forbidden):
    """Faults are reported by those who speak in the draw: its agencies' draw officers, and its witness."""

    code = "draw.parties_only"


class EvidenceMissing(Rejected):
    """A fault of this kind is reported with what proves it."""

    code = "draw.fault_evidence_missing"


class FaultKnown(Conflict):
    """The very same fault has been published."""

    code = "draw.fault_known"


class FaultUnknown(NotFound):
    """The draw has no such fault."""

    code = "draw.fault_unknown"


class NoEvidence(NotFound):
    """The fault has no document, or none that the asker may read yet."""

    code = "draw.fault_no_evidence"


class NotRehearsing(NotFound):
    """The asker has no rehearsal of this campaign's draw."""

    code = "draw.not_rehearsing"


class RehearsalMovedOn(Conflict):
    """The rehearsal has been moved on, begun again or thrown away in another window."""

    code = "draw.rehearsal_moved_on"


class RehearsalOfAnotherRelease(Conflict):
    """The rehearsal was begun under another release of this system."""

    code = "draw.rehearsal_of_another_release"


class NotItsTurn(Conflict):
    """In a rehearsal somebody was let do what is not to be done now."""

    code = "draw.rehearsal_not_its_turn"


class NothingToWaitFor(Conflict):
    """A rehearsal's clock was to be moved, and nothing happens any more by itself."""

    code = "draw.rehearsal_nothing_to_wait_for"
