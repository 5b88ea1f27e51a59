"""The guard's refusals."""

from __future__ import annotations

from templates.errors import StudioError


class Refused(StudioError):
    """The guard rejected the request."""

    exit_code = 2
    http_status = 403
    code = "refused"


class LoginNeeded(Refused):
    """The name or password is missing or wrong."""

    http_status = 401
    code = "login_needed"


class TooManyFailures(Refused):
    """There were too many wrong passwords recently."""

    http_status = 429
    code = "too_many_failures"
    retry_after_s = 60.0
    """Seconds until another try may help."""
