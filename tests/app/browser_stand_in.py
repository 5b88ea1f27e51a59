"""Loads a page as a browser does: the document, its load events, what follows them, and its timers' ticks."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});\s*</script>", re.DOTALL)
API = "/gradio_api"


@dataclass
class Page:
    """An open page: its configuration, and what its components hold by now."""

    client: httpx.Client
    path: str
    config: dict[str, Any]
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    values: dict[int, Any] = field(default_factory=dict)
    answers: dict[int, list[Any]] = field(default_factory=dict)
    """By event: its last answer, one entry per output."""

    @classmethod
    def open(cls, client: httpx.Client, path: str) -> Page:
        """Get the document and run its load events, with all that follows them."""
        document = client.get(path)
        document.raise_for_status()
        found = CONFIG.search(document.text)
        assert found, f"{path} has no configuration"
        config = json.loads(found[1])
        page = cls(client, path, config)
        here = set(page._here())
        page.values = {one["id"]: one["props"].get("value") for one in config["components"] if one["id"] in here}
        for event in page._events("load"):
            page.run(event)
        return page

    def _here(self) -> list[int]:
        pages = self.config.get("page", {})
        name = self.config.get("current_page", self.path.strip("/").partition("?")[0])
        return list(pages[name]["components"]) if name in pages else [c["id"] for c in self.config["components"]]

    def _events(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.config["dependencies"] if any(target[1] == kind for target in one["targets"])]

    def tick(self) -> int:
        """One tick of each of the page's timers; returns the bytes of the answers."""
        return sum(self.run(event) for event in self._events("tick"))

    def run(self, event: dict[str, Any]) -> int:
        """Send one event with the page's values, take its answer, and run what follows it."""
        if not event["backend_fn"]:
            return 0
        data = [self.values.get(place) for place in event["inputs"]]
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session, "event_data": None}
        sent = self._queued(body) if event["queue"] else self._at_once(body)
        outputs, n_bytes = sent
        self.answers[event["id"]] = outputs
        for place, value in zip(event["outputs"], outputs, strict=True):
            self._take(place, value)
        return n_bytes + sum(
            self.run(next_) for next_ in self.config["dependencies"] if next_["trigger_after"] == event["id"]
        )

    def _take(self, place: int, value: Any) -> None:
        if isinstance(value, dict) and value.get("__type__") == "update":
            if "value" in value:
                self.values[place] = value["value"]
        else:
            self.values[place] = value

    def _at_once(self, body: dict[str, Any]) -> tuple[list[Any], int]:
        answer = self.client.post(f"{API}/run/predict", params=self._asked(), json=body)
        answer.raise_for_status()
        return answer.json()["data"], len(answer.content)

    def _queued(self, body: dict[str, Any]) -> tuple[list[Any], int]:
        self.client.post(f"{API}/queue/join", params=self._asked(), json=body).raise_for_status()
        n_bytes = 0
        with self.client.stream("GET", f"{API}/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                n_bytes += len(line)
                if not line.startswith("data: "):
                    continue
                message = json.loads(line.removeprefix("data: "))
                if message["msg"] == "process_completed":
                    assert message["success"], message
                    return message["output"]["data"], n_bytes
        raise AssertionError("the stream ended before the event did")

    def _asked(self) -> dict[str, str]:
        return dict(httpx.URL(self.path).params)
