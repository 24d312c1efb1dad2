"""Who gets in, for what, and what a page may do then."""

import pytest

STRANGERS = ("evil.example", "127.0.0.1", "127.0.0.1:9999", "localhost.evil.example:4747")


@pytest.mark.parametrize("host", STRANGERS)
def test_other_hosts_are_not_served(page, host):
    """A name that was rebound to this machine, or another port, gets nothing but 421."""
    assert page.get("/", headers={"host": host}).status_code == 421


def test_who_asks_for_the_address_itself_is_served(open_page):
    """From other machines, where they are let in; a name that leads there is still refused."""
    remote = open_page(base_url="http://192.0.2.7:4747")

    assert remote.get("/runs.json").status_code == 200
    for host in ("evil.example:4747", "192.0.2.8:4747", "192.0.2.7"):
        assert remote.get("/", headers={"host": host}).status_code == 421


def test_without_the_token_nothing_is_shown(open_page):
    """Neither pages, nor JSON, nor files; the answer says where the address is."""
    stranger = open_page(cookie=False)

    for path in ("/", "/board.json", "/live", "/static/style.css", "/?token=wrong"):
        said = stranger.get(path)
        assert said.status_code == 401
        assert "printed" in said.text


def test_the_token_becomes_a_cookie_of_this_port(open_page):
    """The address with the token leads to a clean one, and is needed once."""
    stranger = open_page(cookie=False)

    said = stranger.get("/runs?status=failed&token=secret", follow_redirects=False)

    assert said.status_code == 303
    assert said.headers["location"] == "/runs?status=failed"
    cookie = said.headers["set-cookie"]
    assert cookie.startswith("assetkit-4747=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "secret" not in cookie
    assert stranger.get("/runs").status_code == 200


def test_a_token_leads_to_no_other_site(open_page):
    """A path that looks like another host stays a path."""
    said = open_page(cookie=False).get(
        "http://127.0.0.1:4747//evil.example/?token=secret", follow_redirects=False
    )

    assert said.headers["location"].startswith("/evil.example")


def test_scripts_bring_the_token_along(open_page):
    """A bearer token does without a cookie, and without a browser's word for its origin."""
    script = open_page(cookie=False)
    del script.headers["sec-fetch-site"]
    bearer = {"authorization": "Bearer secret"}

    assert script.get("/runs.json", headers=bearer).status_code == 200
    assert script.post("/runs/none/cancel", headers=bearer).status_code == 400
    assert script.get("/runs.json", headers={"authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"sec-fetch-site": "cross-site"}, 403, id="another site"),
        pytest.param({"sec-fetch-site": "same-site"}, 403, id="another port"),
        pytest.param({"sec-fetch-site": "none"}, 403, id="typed by hand"),
        pytest.param({}, 403, id="no word of it"),
        pytest.param({"origin": "http://evil.example"}, 403, id="another origin"),
        pytest.param({"origin": "http://127.0.0.1:1"}, 403, id="another port's origin"),
        pytest.param({"origin": "http://127.0.0.1:4747"}, 400, id="an old browser, from here"),
        pytest.param({"sec-fetch-site": "same-origin"}, 400, id="from here"),
    ],
)
def test_only_this_page_may_change_something(page, headers, status):
    """A POST is refused unless it comes from here; 400: it came through, to a run unknown."""
    del page.headers["sec-fetch-site"]

    assert page.post("/runs/none/cancel", headers=headers).status_code == status


def test_read_only_starts_and_changes_nothing(open_page, see, run_id, workspace):
    """Every POST is refused, no form offers one, and no plan is kept."""
    page = open_page(read_only=True)

    for path in ("/plan/abc/launch", "/runs/x/cancel", "/runs/x/retry", "/runs/x/decide"):
        assert page.post(path).status_code == 403
    for path in ("/plan?select=orders", f"/runs/{run_id}"):
        forms = [a for tag, a in see(page.get(path)).elements if tag == "form"]
        assert all(form.get("method") != "post" for form in forms)
    assert page.get("/plan.json?select=orders&force=1").json()["plan_id"] not in {
        file.stem for file in (workspace.core.place.private / "ui").rglob("*.plan")
    }


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/nothing", "/runs.json"])
def test_pages_may_reach_nothing_but_this_server(page, path):
    """Every answer has the policy; it allows no inline script, no eval, no other place."""
    headers = page.get(path).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_too_large_forms_are_refused(page, run_id):
    """A form of this page is short."""
    said = page.post(f"/runs/{run_id}/decide", content=b"step=" + b"x" * 100_000)

    assert said.status_code == 413
