"""`studio users`: the accounts of people who log in. Whoever may run it on this machine may do all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output
from app.cli.output import Json
from templates.errors import BadInput, Problem

if TYPE_CHECKING:
    from storage.belongings import Renamed

COLUMNS = ("name", "administrator", "owns", "created")
Name = Annotated[str, typer.Argument(metavar="NAME")]
group = typer.Typer(help="Accounts, required if other machines can reach the studio.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="users")


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List the accounts, who is an administrator, and what they own."""
    from storage import belongings, migrate, users

    migrate.upgrade()
    rows: list[dict[str, Any]] = [
        {
            "name": user.name,
            "administrator": user.is_admin,
            "created_at": user.created_at,
            "owns": belongings.of(user).as_dict(),
        }
        for user in users.accounts()
    ]
    shown = [
        {
            **row,
            "administrator": "yes" if row["administrator"] else "no",
            "created": output.when(row["created_at"]),
            "owns": belongings.Belongings(**row["owns"]),
        }
        for row in rows
    ]
    output.emit(rows, output.table(shown, COLUMNS), as_json)


@group.command("add")
def add(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator's; the first one is.")] = False,
    as_json: Json = False,
) -> None:
    """Create an account; prompts for the password, or reads it from stdin if that is no terminal."""
    from storage import belongings, migrate, users

    password = output.secret("Password", twice=True)
    migrate.upgrade()
    was_open = not users.any_accounts()
    user = users.add(name, password, admin=admin)
    lines = [f"Created the account {user.name}{', an administrator’s' if user.is_admin else ''}."]
    if was_open:
        lines.append("From now on everybody has to log in.")
        if owned := belongings.of(users.local()):
            lines.append(f"Until now this studio had no accounts, and {owned} belong to nobody who can log in.")
            lines.append(f"Give them to {user.name}: studio users adopt {user.name}")
    output.emit({"name": user.name}, lines, as_json)


@group.command("adopt")
def adopt(name: Name, as_json: Json = False) -> None:
    """Give an account what was made without accounts, or by commands on this machine."""
    from storage import belongings, users
    from storage import migrate as schema

    schema.upgrade()
    user = users.account(name)
    owned, renamed = belongings.give(users.local(), user)
    lines = [f"{user.name} now owns {owned}." if owned else "There is nothing to adopt."]
    output.emit(_moved(user.name, owned.as_dict(), renamed), [*lines, *_renames(renamed)], as_json)


@group.command("remove")
def remove(
    name: Name,
    give_to: Annotated[str | None, typer.Option(metavar="NAME", help="Who gets what the account owns.")] = None,
    delete_everything: Annotated[
        bool, typer.Option("--delete-everything", help="Cancel its jobs, and delete what it owns.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove an account. Says what it owns, and removes nothing before you say what becomes of it."""
    from storage import belongings, migrate, users

    if give_to and delete_everything:
        raise BadInput(Problem("give “--give-to” or “--delete-everything”, not both."))
    migrate.upgrade()
    user, heir = users.account(name), users.account(give_to) if give_to else None
    owned, renamed = belongings.remove_owner(user, heir=heir, delete=delete_everything)
    lines = [f"Removed the account {name}. Its sessions end within seconds."]
    if owned:
        lines.append(f"{heir.name} now owns {owned}." if heir else f"Deleted {owned}; running jobs stop shortly.")
    output.emit(_moved(name, owned.as_dict(), renamed), [*lines, *_renames(renamed)], as_json)


@group.command("password")
def password(name: Name, as_json: Json = False) -> None:
    """Change an account's password; prompts for it, or reads it from stdin if that is no terminal."""
    from storage import migrate, users

    migrate.upgrade()
    users.account(name)
    user = users.set_password(name, output.secret("Password", twice=True))
    line = f"Changed the password of {user.name}. Sessions with the old one end within seconds."
    output.emit({"name": user.name}, [line], as_json)


@group.command("promote")
def promote(name: Name, as_json: Json = False) -> None:
    """Make an account an administrator's, who can share base models and sees the machines."""
    _set_admin(name, True, as_json)


@group.command("demote")
def demote(name: Name, as_json: Json = False) -> None:
    """Make an administrator's account an ordinary one."""
    _set_admin(name, False, as_json)


def _set_admin(name: str, is_admin: bool, as_json: bool) -> None:
    from storage import migrate, users

    migrate.upgrade()
    user = users.set_admin(name, is_admin)
    line = f"{user.name} is {'now' if is_admin else 'no longer'} an administrator."
    output.emit({"name": user.name, "administrator": user.is_admin}, [line], as_json)


def _moved(name: str, owned: dict[str, int], renamed: list[Renamed]) -> dict[str, Any]:
    return {"name": name, "owned": owned, "renamed": [{"from": one.old, "to": one.new} for one in renamed]}


def _renames(renamed: list[Renamed]) -> list[str]:
    return [f"“{one.old}” was taken; it is now called “{one.new}”." for one in renamed]
