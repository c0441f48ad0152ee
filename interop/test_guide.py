"""The guide, command by command: each block of docs/guide.md is run as it stands there, and says what stands below it.

It names the ports that everybody has, so it runs in a network of its own, where they are free.
"""

import asyncio
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
GUIDE = HERE.parent / "docs" / "guide.md"
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.M | re.S)
# The whole page takes a few seconds.
PATIENCE = 60
ALONE = ["unshare", "--user", "--map-root-user", "--net", "bash", "-c"]

SCRIPT = """\
set -euo pipefail
ip link set lo up
cd "$1"
$BIMIP_SERVER {flags} > ready 2> log &
server=$!
trap 'kill $server' EXIT
until grep -q listening ready; do kill -0 $server; read -t 0.05 < <(:) || true; done
{body}
"""


def blocks():
    return [(kind, name or "", text) for kind, name, text in BLOCK.findall(GUIDE.read_text())]


def pattern(expected):
    return re.compile(".*?".join(re.escape(part) for part in expected.strip().split("…")), re.S)


async def alone(script, folder):
    """Runs a script in a network where nobody else is; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *ALONE, script, "bash", str(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{out.decode()}\n{err.decode()}"
    return out.decode()


# MISSION X1
# MISSION E12
async def test_every_command_of_the_guide(tmp_path):
    page = blocks()
    (server,) = [text for kind, name, text in page if (kind, name) == ("sh", "server")]
    flags = server.split(" -- ", 1)[1].strip()
    body, expected = [], []
    for index, (kind, name, text) in enumerate(page):
        if (kind, name) == ("sh", ""):
            body.append(f"echo '=== {index}'\n{text}")
            after = page[index + 1] if index + 1 < len(page) else ("", "", "")
            if after[0] == "text":
                expected.append((index, after[2]))
        elif kind == "js":
            # What a browser has, for a Node that has it not; and a reader who looks at the answer.
            prelude = "global.WebSocket ??= require('ws'); const TOKEN = process.argv[2];\n"
            ending = "socket.addEventListener('message', ({data}) => JSON.parse(data).type === 'sent' && socket.close());\n"
            (tmp_path / name).write_text(prelude + text + ending)
            body.append(f"echo '=== {index}'\nNODE_PATH=$BIMIP_NODE_MODULES node {name} \"$bob\"")
            expected.append((index, "stored as …"))
    printed = await alone(SCRIPT.format(flags=flags, body="\n".join(body)), tmp_path)
    parts = dict(re.findall(r"^=== (\d+)\n(.*?)(?=^=== |\Z)", printed, re.M | re.S))
    assert len(expected) >= 8, "the page lost its answers"
    for index, text in expected:
        said = parts[str(index)]
        assert pattern(text).search(said), f"block {index} was to say\n{text}\nand said\n{said}"


GUIDE_LINES = """\
TOKEN=ann
curl -s -X POST http://localhost:8080/api/v1/conversations -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{{"conversation_type":"group","participant_ids":["bob"],"id":"{id}"}}' > /dev/null
echo '=== 1'
curl -s -X POST http://localhost:8080/api/v1/messages \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{{"conversation_id": "{id}", "content": "Hello, @bob!", "message_type": "text",
       "mentions": [{{"user_id": "bob", "offset": 7, "length": 4}}]}}'
echo
echo '=== 2'
curl -s -X POST http://localhost:8083/messages -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{{"conversation_id": "{id}", "content": "Behind the gateway"}}'
echo
echo '=== 3'
curl -s "http://localhost:8083/messages/{id}?limit=50" -H "Authorization: Bearer $TOKEN"
echo
echo '=== 4'
curl -s http://localhost:8083/health
echo
"""


# MISSION E12
async def test_lines_that_messenger_guides_print(tmp_path):
    """As they are printed there, by people who never saw this server."""
    id = "550e8400-e29b-41d4-a716-446655440000"
    script = SCRIPT.format(flags="--storage memory", body=GUIDE_LINES.format(id=id))
    printed = await alone(script, tmp_path)
    parts = dict(re.findall(r"^=== (\d+)\n(.*?)(?=^=== |\Z)", printed, re.M | re.S))
    first, second, page, health = (json.loads(parts[str(number)]) for number in range(1, 5))
    assert first["status"] == "sent" and first["sender_user_id"] == "ann" and first["message_type"] == "text"
    assert first["mentions"] == [{"user_id": "bob", "offset": 7, "length": 4}] and first["created_at"].endswith("Z")
    assert second["content"] == "Behind the gateway"
    assert [message["id"] for message in page["messages"]] == [second["id"], first["id"]]
    assert page["has_more"] is False and health["status"] == "ok"
