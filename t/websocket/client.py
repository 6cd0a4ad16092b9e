#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""What a client of the websockets library sees of one URL: printed as JSON,
so that two gateways can be compared."""

import asyncio
import json
import ssl
import sys

import websockets

GIVEN = json.loads(sys.argv[1])
URL = GIVEN["socket"]


def connect(**options):
    if URL.startswith("wss:"):
        options["ssl"] = ssl._create_unverified_context()
    if GIVEN["token"]:
        options["extra_headers"] = {
            "Authorization": "Bearer " + GIVEN["token"]}
    return websockets.connect(URL, max_size=None, **options)


async def echo():
    seen = []
    async with connect(subprotocols=["v1", "v2"]) as socket:
        seen.append(socket.subprotocol)
        for message in ("text", "", "\u20ac" * 50_000, b"\xff\x00",
                        b"x" * 1_000_000):
            await socket.send(message)
            seen.append(await socket.recv() == message)
        await socket.send(["in ", "three ", "parts"])
        seen.append(await socket.recv())
        await socket.send("fragments")
        seen.append(await socket.recv())
        await asyncio.wait_for(await socket.ping(b"payload"), 5)
        await socket.send("burst")
        burst = [await socket.recv() for _ in range(500)]
        seen.append(sum(len(m) for m in burst))
        await socket.close(1000, "client says")
    return seen + [socket.close_code, socket.close_reason]


async def close(code, reason):
    async with connect() as socket:
        await socket.close(code, reason)
    return [socket.close_code, socket.close_reason]


async def order(message):
    async with connect() as socket:
        await socket.send(message)
        try:
            await socket.recv()
        except websockets.ConnectionClosed as e:
            return [socket.close_code, socket.close_reason]


async def many():
    async def one(n):
        async with connect() as socket:
            for i in range(20):
                await socket.send("%d/%d" % (n, i))
            return [await socket.recv() for i in range(20)] == [
                "%d/%d" % (n, i) for i in range(20)]
    return sum(await asyncio.gather(*[one(n) for n in range(100)]))


async def main():
    print(json.dumps({
        "echo": await echo(),
        "close without a code": await close(1000, ""),
        "close of an application": await close(4321, "reason \u20ac"),
        "close by the server": await order("close"),
        "server vanishes": await order("abort"),
        "a hundred at once": await many(),
    }))


asyncio.run(main())
