"""Every pair of dialects, and everything that happens in a conversation: as the published table says."""

import asyncio
import contextlib
import json
import pathlib

import pytest

from doors import DOORS
from inbox import PATIENCE

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "protocol" / "matrix.md"
NOTHING = "–"


def tables():
    """The two tables of the page: by dialect, what can be said and what is heard."""
    found = []
    for part in PAGE.read_text().split("\n## ")[1:]:
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
        things = rows[0][1:]
        found.append({row[0]: dict(zip(things, row[1:], strict=True)) for row in rows[2:]})
    return found


SAID, HEARD = tables()


def test_the_page_is_about_every_door():
    assert list(SAID) == list(HEARD) == list(DOORS)
    assert set(SAID["/ws"]) == set(HEARD["/ws"]) == {
        *("text", "voice", "media", "edit", "deletion", "delivered", "read"),
    }
    for name, door in DOORS.items():
        says = {"text": "text", "voice": "voice", "media": "media", "edit": "edit", "deletion": "delete"}
        says |= {"delivered": "delivered", "read": "read"}
        for thing, method in says.items():
            assert (SAID[name][thing] != NOTHING) == hasattr(door, method), (name, thing)
        for thing in ("text", "voice", "media", "edit", "deletion"):
            assert (HEARD[name][thing] != NOTHING) == hasattr(door, f"hears_{thing}"), (name, thing)


async def told(other, users, said, heard, reads):
    """What the reader says of a message comes back to its sender."""
    (a, alice), (b, bob) = users
    if SAID[other]["delivered"] != NOTHING:
        await b.delivered(alice, heard)
        await a.hears_receipt("delivered", bob, said)
    if reads and SAID[other]["read"] != NOTHING:
        await b.read(alice, heard)
        await a.hears_receipt("read", bob, said)


# MISSION X1
@pytest.mark.parametrize("other", DOORS)
@pytest.mark.parametrize("one", DOORS)
async def test_from_one_to_the_other_and_back(server, names, one, other):
    alice, bob = names("alice", "bob")
    says, hears = SAID[one], HEARD[other]
    async with DOORS[one].open(server, alice) as a, DOORS[other].open(server, bob) as b:
        users = (a, alice), (b, bob)
        said = await a.text(bob, "hello")
        heard = await b.hears_text(alice, "hello")
        await told(other, users, said, heard, True)
        for thing in ("media", "voice"):
            if says[thing] != NOTHING:
                name = await getattr(a, thing)(bob)
                await told(other, users, name, await getattr(b, f"hears_{thing}")(alice), False)
        if says["edit"] != NOTHING:
            await a.edit(said, "hello again")
            await b.hears_edit(alice, heard, "hello again")
        if says["deletion"] != NOTHING:
            await a.delete(said)
            if hears["deletion"] != NOTHING:
                await b.hears_deletion(alice, heard)
        # In its turn, so that whatever there are no words for is behind it.
        await a.text(bob, "over")
        await b.hears_text(alice, "over")
        left = [event for event in await b.rest() if event not in ("welcome", "acked", "done")]
        assert left == [] or other == "VoicePing" and says["voice"] != NOTHING, left


# MISSION X1
# MISSION M2
async def test_what_is_typed_in_curl_is_heard_everywhere(server, names):
    alice, team = names("alice", "team")
    readers = names(*(f"reader{number}" for number in range(len(DOORS))))
    async with contextlib.AsyncExitStack() as stack:
        doors = {}
        for reader, (name, door) in zip(readers, DOORS.items()):
            doors[name] = reader, await stack.enter_async_context(door.open(server, reader))
        hers = await stack.enter_async_context(DOORS["HTTP, stream"].open(server, alice))

        async def curl(path, body):
            line = ["curl", "-sS", "--fail-with-body", server.url(f"/api/v1{path}", "http")]
            line += ["-H", f"Authorization: Bearer {alice}", "-H", "Content-Type: application/json", "-d", body]
            process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode == 0, out
            return json.loads(out)

        for name, (reader, door) in doors.items():
            said = await curl("/messages", json.dumps({"to": reader, "content": f"to {name}"}))
            heard = await door.hears_text(alice, f"to {name}")
            await door.delivered(alice, heard)
            await hers.hears_receipt("delivered", reader, said["id"])
            if SAID[name]["read"] != NOTHING:
                await door.read(alice, heard)
                await hers.hears_receipt("read", reader, said["id"])
