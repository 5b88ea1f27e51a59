"""`studio endpoints`: services at addresses that speak OpenAI's protocol, and your keys for them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import output
from app.cli.output import Json

Url = Annotated[str, typer.Argument(metavar="URL", help="The service's base address, like https://api.example.com/v1.")]
group = typer.Typer(help="Services that answer prompts for `studio generate`, and your keys.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="endpoints")


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List the addresses that may be asked, and those for which you have stored a key."""
    from app.api import answer_documents
    from app.cli import acting

    found = answer_documents.of_endpoints(acting.user())
    allowed = ", ".join(found["allowed"]) or ("any" if found["any"] else "none")
    output.emit(found, [f"Allowed: {allowed}.", f"Keys for: {', '.join(found['keys']) or 'none'}."], as_json)


@group.command("key")
def key(
    url: Url,
    forget: Annotated[bool, typer.Option("--forget", help="Delete the stored key.")] = False,
    as_json: Json = False,
) -> None:
    """Store your key for a service, encrypted: prompts for it, or reads it from stdin."""
    from app.cli import acting
    from storage import endpoints

    user, endpoint = acting.user(), endpoints.parse(url)
    if forget:
        was_there = endpoints.forget_key(user, endpoint)
        line = f"Deleted your key for {endpoint.origin}." if was_there else f"No key for {endpoint.origin} was stored."
    else:
        endpoints.refuse_forbidden(endpoint)
        endpoints.keep_key(user, endpoint, output.secret("Key"))
        line = f"Stored your key for {endpoint.origin}, encrypted."
    output.emit(
        {"origin": endpoint.origin, "stored": endpoint.origin in endpoints.origins_with_key(user)}, [line], as_json
    )
