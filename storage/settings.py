"""Paths and settings: environment variables `STUDIO_…`, read once, late."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from templates.errors import BadInput, Problem

SHORTEST_KEY = 16
PUBLIC_ENDPOINTS = "public"


class Settings(BaseSettings):
    """Every setting of the studio. The defaults need no server: SQLite and an embedded broker."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Path("~/.adaptation-studio")
    """Everything the studio keeps, unless a setting below says otherwise."""
    database_url: SecretStr = SecretStr("")
    """SQLAlchemy URL; empty: `studio.db` in the data folder. PostgreSQL: `postgresql+psycopg://…`."""
    broker_url: SecretStr = SecretStr("")
    """Celery broker URL; empty: `broker.db` in the data folder. At scale: `redis://…` or `amqp://…`."""
    files_dir: Path | None = None
    """File store shared by web, workers and chat servers; default `files` in the data folder."""
    host: str = "127.0.0.1"
    port: int = 7860
    chat_host: str = "127.0.0.1"
    chat_port: int = 7861
    chat_url: str = ""
    """Base URL of the chat server, ending before `/v1`; empty: built from host and port above."""
    allowed_hosts: str = ""
    """Further host names for a studio on a loopback address, comma-separated: a reverse proxy's, for example."""
    trusted_proxies: str = ""
    """Addresses or networks of reverse proxies, comma-separated. Only their `X-Forwarded-…` headers count."""
    allowed_endpoints: str = ""
    """Addresses of services that people may ask for answers, comma-separated: base addresses, which include what lies
    below them, or `public` for any https address outside private networks. Empty: any if there are no accounts, none
    if there are."""
    max_upload_bytes: int = 200 * 1024 * 1024
    lease_s: float = 60.0
    """How long a worker keeps a claimed job without a heartbeat."""
    heartbeat_s: float = 10.0
    self_fence_s: float = 45.0
    """A worker that can't renew a lease for this long kills its child."""
    sweep_s: float = 15.0
    """Time between two checks for expired leases and for jobs whose doorbell was lost."""
    poll_s: float = 1.0
    """Time between an idle worker's checks for queued jobs that no doorbell announced."""
    cancel_grace_s: float = 20.0
    """Time between asking a child to stop and killing it."""
    stall_s: float = 1800.0
    """A child that is silent for this long counts as hung and is killed."""
    max_attempts: int = 3
    worker_slots: int | None = None
    """Jobs that a worker runs at once; by default one per GPU, or one on a CPU."""
    cpu_dtype: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16`: training and scoring compute the products of wide models in it, on a processor that has it."""
    worker_warm: bool = True
    """Keep a spare child that has already imported torch."""
    secret_key: SecretStr = SecretStr("")
    """Encrypts users' tokens for other services; web and workers on several machines need the same one. Empty: a
    random key in the data folder."""
    eval_rows: int = 200
    """Held-out rows for which a verdict generates answers; the loss always covers all."""
    forgetting_items: int = Field(6, ge=0)
    """Items per general ability that base and result answer after training; 0: nothing is measured of forgetting."""
    own_prompts: int = Field(64, ge=0)
    """Prompts that a base model writes itself, to see which answers a training changed; 0: none."""

    @model_validator(mode="after")
    def _leases_make_sense(self) -> Settings:
        if not self.heartbeat_s < self.self_fence_s < self.lease_s:
            raise ValueError("STUDIO_HEARTBEAT_S < STUDIO_SELF_FENCE_S < STUDIO_LEASE_S must hold")
        return self

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, given: SecretStr) -> SecretStr:
        if given.get_secret_value() and len(given.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"use at least {SHORTEST_KEY} random characters")
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, given: str) -> str:
        for proxy in _listed(given):
            if not ipaddress.ip_network(proxy).prefixlen:
                raise ValueError(f"with {proxy}, every client could claim any address")
        return given

    @field_validator("allowed_endpoints")
    @classmethod
    def _web_addresses(cls, given: str) -> str:
        for entry in _listed(given):
            if entry != PUBLIC_ENDPOINTS and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", entry):
                raise ValueError(
                    f"“{entry}” is neither “{PUBLIC_ENDPOINTS}” nor an address like https://api.example.com/v1"
                )
        return given

    @property
    def endpoints(self) -> list[str]:
        """The allowed addresses of services."""
        return _listed(self.allowed_endpoints)

    @property
    def proxies(self) -> list[str]:
        """The trusted proxies' addresses and networks."""
        return _listed(self.trusted_proxies)

    @property
    def root(self) -> Path:
        """The data folder, absolute."""
        return self.data_dir.expanduser().resolve()

    @property
    def files(self) -> Path:
        """The file store's folder, absolute."""
        return (self.files_dir.expanduser().resolve()) if self.files_dir else self.root / "files"

    @property
    def inbox(self) -> Path:
        """The folder for uploads from browsers until they are read."""
        return self.root / "inbox"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database, with its password: never log it."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.root / 'studio.db'}"

    @property
    def broker(self) -> str:
        """Celery URL of the broker, with its password: never log it."""
        return self.broker_url.get_secret_value() or f"studio+sqlite:///{self.root / 'broker.db'}"

    @property
    def chat(self) -> str:
        """Base URL of the chat server."""
        return self.chat_url.rstrip("/") or f"http://{self.chat_host}:{self.chat_port}"


def _listed(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]


@cache
def settings() -> Settings:
    """The settings of this process; makes the data folder on first use."""
    try:
        read = Settings()
    except ValidationError as error:
        raise BadInput(
            *(
                Problem(f"{flaw['msg']}.", field=f"STUDIO_{str(flaw['loc'][0]).upper()}" if flaw["loc"] else None)
                for flaw in error.errors(include_url=False)
            )
        ) from error
    read.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    read.files.mkdir(mode=0o700, parents=True, exist_ok=True)
    return read


def secret(name: str) -> str:
    """A random secret kept in the data folder (mode 0600), made on first use.

    Two processes that start together agree on it: the file appears completely or not at all.
    """
    path = settings().root / f"{name}.secret"
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its secret counts
        finally:
            draft.unlink()
    return path.read_text()
