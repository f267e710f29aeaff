"""
An invented frame and invented rosters for a plan, to rehearse a draw before anything is frozen.

Pure, and the same for the same plan. Entities and officers are called EXAMPLE, so that no list of them is taken for real.
"""

from schemas.documents import CampaignPlan, PlanAgency, RosterOfficer, Rosters

PER_CATEGORY = 20
MORE_OFFICERS = 4  # than a visit needs, so that recusals and loads have something to choose from
CAP = 999


def example_frame(plan: CampaignPlan) -> bytes:
    """Invent twenty entities of every category that some item of *plan* applies to."""
    rows, number = [], 0
    for one in plan.classes:
        for category in sorted(one.categories):
            lines = sorted({item.item for item in plan.items if category in item.categories})
            for _ in range(PER_CATEGORY if lines else 0):
                number += 1
                rows.append(f"EXAMPLE-{number:05d}\t{one.code}/{category}\t{','.join(lines)}\n")
    return "".join(rows).encode()


def example_rosters(plan: CampaignPlan) -> Rosters:
    """Invent officers for every agency of *plan*: some more than a visit needs, fit for everything."""
    return Rosters(
        campaign=plan.campaign, agencies={one.agency: _officers(plan, one) for one in plan.agencies}, excluded={}
    )


def _officers(plan: CampaignPlan, agency: PlanAgency) -> tuple[RosterOfficer, ...]:
    wanted = {label for slot in agency.slot_labels for label in slot}
    wanted |= {label for item in plan.items if item.agency == agency.agency for label in item.labels}
    labels = tuple(sorted(wanted))
    return tuple(
        RosterOfficer(officer=f"EXAMPLE-{number:02d}", labels=labels, cap=CAP, base_load=0, recused=())
        for number in range(1, agency.officers_per_target + MORE_OFFICERS + 1)
    )
