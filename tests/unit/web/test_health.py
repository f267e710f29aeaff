"""A process is alive while its loop turns, whatever its threads wait for."""

import asyncio
import threading

import anyio.to_thread
import httpx
from fastapi import FastAPI

from runtime.web.health import Readiness, health_routes

ANSWER_SECONDS = 20.0  # of a busy machine


def test_a_process_whose_threads_all_wait_for_a_database_that_is_away_is_alive() -> None:
    asking, answered = threading.Event(), threading.Event()

    def ready() -> Readiness:
        asking.set()
        answered.wait(2 * ANSWER_SECONDS)
        return Readiness({"drawer": False})

    async def ask() -> tuple[int, int]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1
        app = FastAPI(routes=health_routes(ready))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            waiting = asyncio.create_task(client.get("/readyz"))
            try:
                while not asking.is_set():
                    await asyncio.sleep(0.01)
                async with asyncio.timeout(ANSWER_SECONDS):
                    alive = await client.get("/healthz")
            finally:
                answered.set()
            return alive.status_code, (await waiting).status_code

    assert asyncio.run(ask()) == (200, 503)
