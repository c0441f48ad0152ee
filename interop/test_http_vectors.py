"""The vectors of the API over HTTP: each story is said again to a server of its own, by a client that is not ours (httpx)."""

import json
import re

import httpx
import pytest

import vectors
from inbox import PATIENCE
from server import Server

STORIES = vectors.stories()
STEPS = [step for _, steps in STORIES.values() for step in steps]
NAME = re.compile(r"\$(\w+)")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
# What no story can bring about: a body that does not come, a server that is overloaded or ends, and a message that only a walkie-talkie has.
NOT_TO_BE_HAD = {"TIMEOUT", "BUSY", "UNAVAILABLE", "UNSUPPORTED"}


class Names:
    """What the server made up, by the names that the stories have for it."""

    def __init__(self):
        self.known = {}

    def filled(self, value):
        """What a client says, with the names of today in it."""
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = NAME.fullmatch(value)
        return self.known[whole[1]] if whole else NAME.sub(lambda found: str(self.known[found[1]]), value)

    def same(self, stated, said, where):
        """What the server says, against what is stated: no more and no less. A name that is new means what stands there."""
        if stated == vectors.ANYTHING:
            return
        if stated == {"$time": True}:
            assert TIME.fullmatch(said), (where, said)
        elif isinstance(stated, dict):
            assert isinstance(said, dict) and set(stated) == set(said), (where, stated, said)
            for key in stated:
                self.same(stated[key], said[key], f"{where}.{key}")
        elif isinstance(stated, list):
            assert isinstance(said, list) and len(stated) == len(said), (where, stated, said)
            for index, (one, other) in enumerate(zip(stated, said)):
                self.same(one, other, f"{where}.{index}")
        elif isinstance(stated, str) and (found := NAME.search(stated)):
            if found[0] == stated:
                value = said
            else:
                head, tail = stated[: found.start()], stated[found.end() :]
                assert isinstance(said, str) and said.startswith(head) and said.endswith(tail), (where, stated, said)
                value = said[len(head) : len(said) - len(tail)]
            assert self.known.setdefault(found[1], value) == value, (where, stated, said)
        else:
            assert stated == said and type(stated) is type(said), (where, stated, said)


async def started(tmp_path, about):
    flags = ["--open-registration"] if about.get("registration") == "open" else []
    for flag in ("call_rate", "call_burst"):
        if flag in about:
            flags += [f"--{flag.replace('_', '-')}", str(about[flag])]
    return await Server(tmp_path / "data", tmp_path / "log", *flags, auth=about["auth"]).start()


def request(client, step, names):
    headers = {"Accept-Encoding": "identity"}
    if "as" in step:
        headers["Authorization"] = f"Bearer {names.filled(step['as'])}"
    content = step.get("text")
    if "body" in step:
        content = json.dumps(names.filled(vectors.written_out(step["body"])))
    if content is not None:
        headers["Content-Type"] = "application/json"
    headers |= names.filled(step.get("headers", {}))
    return client.build_request(step["method"], names.filled(step["path"]), headers=headers, content=content)


async def heard(answer, count):
    """The first events of a stream."""
    events, lines = [], answer.aiter_lines()
    while len(events) < count:
        line = await anext(lines)
        if line.startswith("data: "):
            events.append(json.loads(line.removeprefix("data: ")))
    return events, lines


# MISSION E1
# MISSION E2
# MISSION A8
# HT-REQ-1 HT-REQ-2 HT-REQ-3 HT-BODY-1 HT-BODY-2 HT-ID-1 HT-ID-2 HT-ID-3 HT-AUTH-1 HT-AUTH-2 HT-AUTH-3 HT-KEY-1 HT-KEY-2 HT-ERR-1 HT-ERR-2 HT-ERR-3
# HT-STR-1 HT-ETAG-1 HT-ETAG-2 HT-CORS-1 HT-RATE-1 HT-RATE-2 HT-DOC-1 HT-SEND-1 HT-SEND-2 HT-MSG-1 HT-MSG-2 HT-HIST-1 HT-HIST-2 HT-STAT-1
# HT-REV-1 HT-REV-2 HT-RCT-1 HT-READ-1 HT-READ-2 HT-DLV-1 HT-MARK-1 HT-CONV-1 HT-CONV-2 HT-CONV-3 HT-GRP-1 HT-GRP-2 HT-GRP-3 HT-USR-1 HT-USR-2
# HT-USR-3 HT-USR-4 HT-DEV-1 HT-DEV-2 HT-LIVE-1 HT-LIVE-2 HT-LIVE-3 HT-LIVE-4 ST-AUTH-1 ST-ASK-1 ST-SSE-1 ST-SYNC-1 ST-SYNC-2 ST-SYNC-3 ST-ACK-1
@pytest.mark.parametrize("name", STORIES)
async def test_a_story_is_as_it_was(tmp_path, name):
    head, steps = STORIES[name]
    server, names, streams = await started(tmp_path, head["server"]), Names(), []
    try:
        async with httpx.AsyncClient(base_url=server.url("", "http"), timeout=PATIENCE) as client:
            for number, step in enumerate(steps, 1):
                await said_again(client, step, names, streams, f"step {number}, {step['method']} {step['path']}")
            for answer, _ in streams:
                await answer.aclose()
        assert await server.terminate() == 0, server.trouble()
    finally:
        await server.stop()


async def said_again(client, step, names, streams, where):
    answer = await client.send(request(client, step, names), stream=True)
    if "events" in step and answer.status_code == step["status"]:
        events, lines = await heard(answer, len(step["events"]))
        streams.append((answer, lines))  # open until the story ends
        names.same(step["events"], events, where)
    else:
        await answer.aread()
        assert answer.status_code == step["status"], (where, answer.text)
        if "answer" in step:
            said = answer.json()
            names.same(vectors.written_out(step["answer"]), said, where)
            if step["status"] >= 400:
                assert said["request_id"] == answer.headers["X-Request-ID"], where
        else:
            assert answer.content == b"", (where, answer.text)
    for header, stated in step.get("answer_headers", {}).items():
        names.same(stated, answer.headers.get(header), f"{where}, {header}")


def test_every_step_says_all_that_it_should():
    for name, (head, steps) in STORIES.items():
        assert set(head) == {"name", "dialect", "server", "note", "source"} and steps, name
        for step in steps:
            assert set(step) <= set(vectors.STEP) and {"method", "path", "status"} <= set(step), (name, step)
            assert not step.keys() >= {"body", "text"}, (name, step)
            if step["status"] >= 400:
                assert set(step["answer"]) == {"code", "message", "details", "request_id"}, (name, step)
    assert len(STEPS) >= 300


def rules_of(page):
    return set(re.findall(r"\*\*([A-Z]+(?:-[A-Z]+)+-\d+)\*\*", (vectors.FOLDER.parent / page).read_text()))


# HT-ERR-2
def test_rules_and_codes_are_those_of_the_pages():
    shown = {rule for step in STEPS for rule in step.get("rules", "").split()}
    assert shown <= rules_of("http.md") | rules_of("streams.md"), shown
    # Origins that are listed are not a matter of this one server.
    assert rules_of("http.md") - shown <= {"HT-CORS-2"}, rules_of("http.md") - shown
    page = (vectors.FOLDER.parent / "http.md").read_text()
    line = page[page.index("**HT-ERR-2**") : page.index("**HT-ERR-3**")]
    codes = set(re.findall(r"`([A-Z_]+)`", line))
    had = {step["answer"]["code"] for step in STEPS if step["status"] >= 400}
    assert codes - had == NOT_TO_BE_HAD and had <= codes, (codes - had, had - codes)


def fits(template, path):
    """Whether a path is one of a template, and how many of its segments are written out in it."""
    parts, said = template.split("/"), path.split("?")[0].split("/")
    if len(parts) != len(said) or any(part != it for part, it in zip(parts, said) if not part.startswith("{")):
        return None
    return sum(not part.startswith("{") for part in parts)


def asked(steps, routes):
    """Which routes requests are for: of several that fit, the one that is written out further."""
    made = []
    for step in steps:
        found = [(fits(path, step["path"]), path) for method, path in routes if method == step["method"]]
        best = max((it for it in found if it[0] is not None), default=None)
        made += [((step["method"], best[1]), step)] if best else []
    return made


# MISSION A8
# HT-DOC-1 HT-REQ-2 HT-AUTH-1
async def test_every_route_and_every_alias_is_asked_well_and_badly(server):
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        document = (await client.get(server.url("/api/v1/openapi.json", "http"))).json()
    routes = {
        (method.upper(), template): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for template in (path, *operation.get("x-aliases", []))
    }
    good = {route for route, step in asked(STEPS, routes) if step["status"] < 400}
    bad = {route for route, step in asked(STEPS, routes) if step["status"] >= 400}
    assert set(routes) - good == set(), "never asked well"
    # The document is for everybody, and nothing in a request for it can be wrong.
    assert {routes[it]["operationId"] for it in set(routes) - bad} == {"describe"}, "never asked badly"
    nobody = asked(STORIES["nobody"][1], routes)
    assert {step["status"] for _, step in nobody} == {401}
    assert {it for it, operation in routes.items() if operation["security"]} == {route for route, _ in nobody}
