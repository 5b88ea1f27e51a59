"""How a service at an address is asked for answers."""

from __future__ import annotations

from templates.spec import Params, setting


class ServiceParams(Params):
    """Limits and prices of a service that speaks OpenAI's protocol."""

    concurrency: int = setting(4, "Requests at once", shown=True, ge=1, le=64)
    """More are faster, until the service refuses them."""
    requests_per_minute: int = setting(0, "Most requests a minute", shown=True, ge=0, le=1_000_000)
    """0: as many as the service takes."""
    timeout_s: float = setting(120.0, "Longest wait for an answer", unit="seconds", gt=0, le=1_200)
    """A request without an answer by then is sent again."""
    patience_s: float = setting(600.0, "Give up after", unit="seconds", ge=0, le=1_200)
    """If no request succeeds for this long, the job ends and says why; running it again goes on from there."""
    prompt_price: float = setting(0.0, "Price of a million prompt tokens", ge=0, le=1e9)
    """In any currency; 0 counts tokens only."""
    completion_price: float = setting(0.0, "Price of a million answer tokens", ge=0, le=1e9)
    """In the same currency."""
