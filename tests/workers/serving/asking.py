"""Questions to the chat server."""

from __future__ import annotations

from typing import Any

import httpx

HELLO = [{"role": "user", "content": "Hello"}]


def body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HELLO, "temperature": 0, "max_tokens": 8, **more}


def ask(chat: httpx.Client, model: str, timeout: float = 60, **more: Any) -> httpx.Response:
    return chat.post("/v1/chat/completions", json=body(model, **more), timeout=timeout)


def answer(chat: httpx.Client, model: str, **more: Any) -> str:
    response = ask(chat, model, **more)
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def loaded_count(chat: httpx.Client) -> int:
    return int(chat.get("/healthz").json()["loaded"])
