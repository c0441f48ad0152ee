"""What a message holds, over HTTP (VP-FILE-*)."""

import urllib.parse

import aiohttp
from yarl import URL


async def fetch(base, what, message, token, *, by="header", method="GET", range=None):
    """`what` is "audio" or "text"; the answer is (status, headers, body)."""
    url = f"{base}/files/{what}/{urllib.parse.quote(message, safe='')}"
    headers = {"Range": range} if range else {}
    if by == "query":
        url += "?" + urllib.parse.urlencode({"token": token})
    elif by == "authorization":
        headers["Authorization"] = "Bearer " + token
    elif by is not None:
        headers["token" if by == "header" else by] = token

    async with aiohttp.ClientSession() as session:
        async with session.request(method, URL(url, encoded=True), headers=headers) as answer:
            return answer.status, answer.headers, await answer.read()


def ogg_packets(data):
    """The packets of an Ogg stream of one logical stream (RFC 3533)."""
    at, packets, part = 0, [], b""
    while at < len(data):
        assert data[at : at + 4] == b"OggS", data[at : at + 4]
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(lacing)
        for size in lacing:
            part, at = part + data[at : at + size], at + size
            if size < 255:
                packets.append(part)
                part = b""
    assert part == b"" and at == len(data)
    return packets
