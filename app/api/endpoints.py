"""Services that answer prompts for generations, and your keys for them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import SecretStr

from app.api import answer_documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from storage import endpoints

router = APIRouter(prefix="/api/v1", tags=["jobs"])


class Address(Body):
    """A service."""

    url: str
    """Its base address, such as `https://api.example.com/v1`."""


class Key(Address):
    """Your key for a service; it is sent only to this scheme, host and port."""

    key: SecretStr


@router.get("/endpoints")
def list_all(user: Acting) -> dict[str, Any]:
    """The addresses that may be asked, and those for which you have stored a key."""
    return answer_documents.of_endpoints(user)


@router.put("/endpoints/key")
def keep_key(user: Acting, body: Key) -> dict[str, Any]:
    """Store your key for a service, encrypted."""
    endpoints.keep_key(user, endpoints.parse(body.url), body.key.get_secret_value())
    return answer_documents.of_endpoints(user)


@router.delete("/endpoints/key")
def forget_key(user: Acting, url: str) -> dict[str, Any]:
    """Delete your key for a service."""
    endpoints.forget_key(user, endpoints.parse(url))
    return answer_documents.of_endpoints(user)
