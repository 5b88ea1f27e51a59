"""The web process: REST under /api/v1, the pages at /, health at /healthz and /readyz.

It never imports torch, transformers, peft or trl. The guard of `app.auth` stands in front of
REST, pages, their files and their websockets; only what it relies on is further outside (`app.proxies`).
"""

from __future__ import annotations

import ctypes
import gc
import os
import warnings

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.routing import Mount

from app import auth, gradio_startup, not_found, notify, proxies, received
from app.api import answers, artifacts, catalogue, chat, data, endpoints, envelope, jobs, models, reference, runs, votes
from storage import disk, migrate, scratch
from storage.bases import base_models
from storage.jobs import queue
from storage.settings import settings
from templates.quantities import size

ROUTERS = (
    catalogue.router,
    models.router,
    data.router,
    answers.router,
    endpoints.router,
    jobs.router,
    runs.router,
    artifacts.router,
    chat.router,
    votes.router,
)
M_ARENA_MAX = -8
N_ARENAS = 2
N_PROBES = 2
"""Threads for `/readyz`."""
EVENTS_AT_ONCE = 16
"""How often the same event of the pages may run at a time: Gradio's default is once, for all people together."""
PLACES = 1000
"""Events of the pages that may run at once, those that wait for a turn or stream an answer among them."""
STOP_WITHIN_S = 3
"""How long open event streams may last once the web process stops."""


def create_app(host: str | None = None) -> FastAPI:
    """The ASGI application, for a server bound to `host` (default: the setting)."""
    migrate.upgrade()
    scratch.collect()
    base_models.sync_bundled()
    auth.check_bind(host or settings().host)
    app = FastAPI(
        title="Adaptation Studio",
        summary="The commands of `studio`, over HTTP.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    notify.install(app)
    _health(app)
    for router in ROUTERS:
        app.include_router(router)
    reference.install(app)
    _mount_pages(app)
    app.add_middleware(received.OwnFiles)
    app.add_middleware(envelope.BodyLimit)
    app.add_middleware(auth.Guard)
    app.add_middleware(proxies.TrustedProxies)
    app.add_middleware(envelope.SecurityHeaders)
    return app


def serve(host: str, port: int) -> None:
    """Run the web process until SIGTERM."""
    import uvicorn

    _limit_arenas()
    app = create_app(host)
    gc.freeze()  # imported objects stay, so the collector never needs to scan them
    gc.enable()
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `proxies` does that, by the setting
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )


def _limit_arenas() -> None:
    """Save memory: glibc would give each pool thread its own arena and rarely return it."""
    c_library = ctypes.CDLL(None)
    if hasattr(c_library, "mallopt"):
        c_library.mallopt(M_ARENA_MAX, N_ARENAS)


def _health(app: FastAPI) -> None:
    probes = CapacityLimiter(N_PROBES)  # neither probe waits for the threads of users' requests

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        """Database and disk can store something; the broker is reported but jobs do not depend on it."""
        found = await to_thread.run_sync(_readiness, limiter=probes)
        is_ready = found["database"] == found["disk"] == "ok"
        return JSONResponse(found, status_code=200 if is_ready else 503)


def _readiness() -> dict[str, str]:
    found = {"database": "ok", "broker": "ok", "disk": "ok"}
    try:
        free = disk.free_bytes()
        if free < disk.LOW_BYTES:
            found["disk"] = f"full: {size(free)} free, at least {size(disk.LOW_BYTES)} needed"
        if migrate.current() != migrate.head():
            found["database"] = "needs `studio db upgrade`"
    except Exception as error:  # a probe: any failure means "not ready", and it reveals no details
        found["database"] = notify.told(error).code
    if not broker_answers():
        found["broker"] = "doesn't answer; jobs wait in the database"
    return found


def broker_answers() -> bool:
    """Whether the broker would accept a message."""
    try:
        with queue.celery().connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except Exception:  # each broker driver has its own errors
        return False
    return True


def _mount_pages(app: FastAPI) -> None:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"  # a record of each event, which only its monitoring page shows
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # else pandas sums up all events after each one
    os.environ["GRADIO_DEFAULT_CONCURRENCY_LIMIT"] = str(EVENTS_AT_ONCE)
    os.environ["GRADIO_TEMP_DIR"] = str(settings().inbox)
    gradio_startup.load()
    import gradio as gr

    from app import gradio_sessions, pages

    blocks = pages.build()
    gradio_sessions.install(blocks)
    # Of 40 places, by default, each event that waits or streams an answer takes one. Threads have limits of their own.
    blocks._queue.max_thread_count = PLACES
    # Gradio checks the paths that a browser sends only if it believes that the app was launched.
    blocks.has_launched = True
    warnings.filterwarnings("ignore", message="SSR mode is not supported")  # Gradio says so even when it is off
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        auth_dependency=_name_of_user,
        max_file_size=settings().max_upload_bytes,
        **pages.MOUNT_OPTIONS,
    )
    mounted = app.routes[-1]
    assert isinstance(mounted, Mount)
    assert isinstance(mounted.app, FastAPI)
    not_found.install(mounted.app, [(title, path or "") for title, path in pages.listed()])


def _name_of_user(request: Request) -> str:
    return auth.acting(request).name
