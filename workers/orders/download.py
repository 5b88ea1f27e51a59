"""The order for a download: a pinned source, and the way to it through this machine's network."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_serializer

from storage import network
from storage.bases import hub
from storage.bases.sources import SOURCE, GgufSource, HubSource, Source, ZipSource, shared_folder
from storage.data import uploads
from storage.users import with_id
from workers.orders import Claimed
from workers.protocol import Order


class DownloadOrder(Order):
    """An order to fetch a base model, check it and leave it in `staging`."""

    source: Source = Field(discriminator="kind")
    chat_template: str | None
    license: str | None
    file: str = ""
    """The path of an uploaded file."""
    shared_folder: str = ""
    """Where files from the network arrive; other jobs may use the same."""
    network: dict[str, SecretStr]
    """Environment variables, as `storage.network` lists them."""
    token: SecretStr | None = None
    """The owner's token for the hub. It goes through the pipe to the child and is written nowhere."""

    @field_serializer("token", when_used="json")
    def _token(self, token: SecretStr | None) -> str | None:
        return token.get_secret_value() if token else None

    @field_serializer("network", when_used="json")
    def _network(self, network: dict[str, SecretStr]) -> dict[str, str]:
        return {name: value.get_secret_value() for name, value in network.items()}


ORDER = DownloadOrder


def order(claimed: Claimed) -> DownloadOrder:
    """The order for a claimed job. Raises `StudioError` if an upload is gone, or the owner's token can't be read."""
    spec, owner = claimed.job.spec, with_id(claimed.job.owner_id)
    source = SOURCE.validate_python(spec["source"])
    folder = shared_folder(source)
    upload_id = source.upload_id if isinstance(source, GgufSource | ZipSource) else ""
    return DownloadOrder(
        **claimed.common,
        source=source,
        chat_template=spec["chat_template"],
        license=spec["license"],
        file=str(uploads.path(uploads.get(owner, upload_id))) if upload_id else "",
        shared_folder=str(folder) if folder else "",
        network={name: SecretStr(value) for name, value in network.environment().items()},
        token=hub.token_of(owner) if isinstance(source, HubSource) else None,
    )
