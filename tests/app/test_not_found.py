"""An address without a page gives a browser a page, and everybody else JSON."""

from __future__ import annotations

from fastapi.testclient import TestClient

BROWSER = {"accept": "text/html,application/xhtml+xml"}


def test_a_browser_gets_a_sentence_and_a_way_on(whole_client: TestClient) -> None:
    for path in ("/nope", "/trian?data=x", "/data/nope/deeper"):
        answer = whole_client.get(path, headers=BROWSER)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert '<html lang="en">' in answer.text
        assert "There is no page here" in answer.text
        assert path.partition("?")[0] in answer.text
        for way in ('href="/"', 'href="/data"', 'href="/train"', 'href="/gallery"'):
            assert way in answer.text
        assert 'href="/runs"' not in answer.text, "the pages don't list it either"
    assert "<script>alert" not in whole_client.get("/<script>alert(1)</script>", headers=BROWSER).text
    assert whole_client.get("/nope", headers={"accept": "application/json"}).json() == {"detail": "Not Found"}
    assert whole_client.get("/api/v1/nope", headers=BROWSER).json()["error"]["problems"]
    assert whole_client.get("/data", headers=BROWSER).status_code == 200
