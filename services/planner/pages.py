"""Pages of the planner: campaigns, registers, rule packs, and what waits for me."""

from fastapi import APIRouter

from runtime.service import Service
from runtime.web.templates import Web
from services.planner import pages_campaigns, pages_registers


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of the pages."""
    router = APIRouter()
    router.include_router(pages_campaigns.routes(service, web))
    router.include_router(pages_registers.routes(service, web))
    return router
