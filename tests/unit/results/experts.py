"""The county of `world`, in which two agencies have experts and the plan asks one of them for some."""

from datetime import date
from typing import Any

from schemas.documents import AnnexExpert, PlanExperts
from schemas.vocabulary import Role
from services.results.commands.experts import appoint_expert
from tests.kit import Kit, person
from tests.unit.results.world import World, a_world, annex, plan, section_id

TARGETS = {target.name[4]: target.target for target in annex().targets}  # by firm
ASKED = (PlanExperts(field="vehicle_safety", per_visit=1), PlanExperts(field="桥梁检测", per_visit=2))


def expert(number: str, agency: str, field: str, until: date, *recused: str, name: str) -> AnnexExpert:
    """Make up an expert, recused from firms by letter."""
    return AnnexExpert(
        expert=number,
        agency=agency,
        name=name,
        field=field,
        employer="某某大学",
        source="university",
        valid_until=until,
        recused=tuple(TARGETS[firm] for firm in recused),
    )


EXPERTS = (
    expert("ZJ-E01", "AJ", "fire_safety", date(2019, 12, 31), name="安监专家甲"),
    expert("ZJ-E01", "GA", "vehicle_safety", date(2019, 12, 31), name="公安专家甲"),
    expert("ZJ-E02", "GA", "桥梁检测", date(2018, 12, 12), name="公安专家乙"),
    expert("ZJ-E03", "GA", "vehicle_safety", date(2019, 12, 31), "A", name="公安专家丙"),
)


def with_experts(kit: Kit) -> World:
    """Build the county up to the draw."""
    world = a_world(kit, heard=False)
    world.day("2018-12-07")
    told: dict[str, Any] = dict(world.facts())
    agencies = tuple(
        part.model_copy(update={"experts": ASKED if part.agency == "GA" else ()}) for part in plan().agencies
    )
    asking, naming = plan().model_copy(update={"agencies": agencies}), annex().model_copy(update={"experts": EXPERTS})
    written = kit.blob(asking.encode(), "planner", "drawer", "results")
    told["campaign"] = told["campaign"].model_copy(update={"plan": written})
    told["frame"] = told["frame"].model_copy(update={"annex": kit.blob(naming.encode(), "results")})
    world.hear(*told.values())
    world.day("2018-12-10")
    return world


def appoint(world: World, number: str, firm: str = "A", agency: str = "GA", role: Role = Role.TEAM_LEAD) -> str:
    """Appoint an expert as the agency's team lead; returns the appointment."""
    section = section_id(firm, agency)
    reply = world.service.do(person(agency, role), appoint_expert, section_id=section, expert=number)
    return str(reply.value["appointment"])
