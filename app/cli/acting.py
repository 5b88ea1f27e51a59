"""The local user, on whose behalf commands run; brings the installation up to date first."""

from __future__ import annotations

from storage.models import User


def user() -> User:
    """The local user, after running missing migrations and listing the bundled base models."""
    from storage import migrate, users
    from storage.bases import base_models

    migrate.upgrade()
    base_models.sync_bundled()
    return users.local()
