"""The order for a generation: the teacher, the prompts, how to decode, and which answers to drop."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

from storage import endpoints, network
from storage.gallery import artifacts
from storage.models import BaseModelRow
from storage.planning import generations
from storage.users import with_id
from templates.jobs.generate import GenerateParams
from templates.roles import Role
from templates.service import ServiceParams
from workers.materials import model_ref, rows_of
from workers.orders import Claimed
from workers.protocol import ModelRef, Order


class Service(BaseModel):
    """A model behind an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    model: str
    params: ServiceParams
    only_public: bool = False
    """Refuse the address if it leads into a private network."""


class GenerationOrder(Order):
    """An order to answer the prompts in the rows of a dataset."""

    model: ModelRef | None = None
    service: Service | None = None
    """Who answers, if it is no model of the studio."""
    asked_folder: str = ""
    """Where the service's answers are sealed; outlives the job."""
    network: dict[str, SecretStr] = Field(default_factory=dict)
    """Environment variables, as `storage.network` lists them."""
    api_key: SecretStr | None = None
    """The owner's key for the service. It goes through the pipe to the child and is written nowhere."""
    params: GenerateParams
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings by the key of each filter that drops answers."""
    teacher: dict[str, Any]
    """As `Dataset.teacher`."""
    shape: str
    dataset_file: str
    """Parquet with the shape's fields and a boolean column `held_out`."""
    dataset_name: str
    dataset_sha256: str
    split_seed: int
    instruction: str = ""
    """The system text of every row without its own."""

    @field_serializer("api_key", when_used="json")
    def _api_key(self, key: SecretStr | None) -> str | None:
        return key.get_secret_value() if key else None

    @field_serializer("network", when_used="json")
    def _network(self, network: dict[str, SecretStr]) -> dict[str, str]:
        return {name: value.get_secret_value() for name, value in network.items()}


ORDER = GenerationOrder


def order(claimed: Claimed) -> GenerationOrder:
    """The order for a claimed job. Raises `StudioError` for an address that is not allowed, or an unreadable key."""
    spec = claimed.job.spec
    return GenerationOrder(
        **claimed.common,
        **rows_of(claimed.dataset(Role.PROMPTS)),
        **(_of_service(claimed) if spec.get("endpoint") else _of_model(claimed)),
        filters=spec.get("filters", {}),
        instruction=spec.get("instruction", ""),
        params=GenerateParams.model_validate(spec.get("params")),
    )


def _of_model(claimed: Claimed) -> dict[str, Any]:
    model = claimed.model(Role.MODEL)
    ref = model_ref(model)
    root = model if isinstance(model, BaseModelRow) else artifacts.base_of(model)
    return {"model": ref, "teacher": ref.as_teacher(root.license)}


def _of_service(claimed: Claimed) -> dict[str, Any]:
    given, owner = claimed.job.spec["endpoint"], with_id(claimed.job.owner_id)
    endpoint = endpoints.parse(given["url"])
    only_public = endpoints.refuse_forbidden(endpoint)
    params = ServiceParams.model_validate(given["params"])
    return {
        "service": Service(url=endpoint.url, model=given["model"], params=params, only_public=only_public),
        "asked_folder": str(generations.asked_folder(given["asked"])),
        "network": {name: SecretStr(value) for name, value in network.environment().items()},
        "api_key": endpoints.key_of(owner, endpoint),
        "teacher": {"name": given["model"], "host": endpoint.host},
    }
