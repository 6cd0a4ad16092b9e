#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""What a client of the websockets library sees that shows a token in its first
message: printed as JSON. usage: first_message.py URL SLOW-URL TOKEN"""

import asyncio
import json
import sys

import websockets

URL, SLOW, TOKEN = sys.argv[1:4]
ORIGIN = "http://" + URL.split("/")[2]


async def ends(url, *messages):
    async with websockets.connect(url, origin=ORIGIN) as socket:
        for message in messages:
            await socket.send(message)
        try:
            return ["got", await asyncio.wait_for(socket.recv(), 20)]
        except websockets.ConnectionClosed:
            return [socket.close_code, socket.close_reason]


async def good():
    async with websockets.connect(URL, origin=ORIGIN) as socket:
        await socket.send(json.dumps({"token": TOKEN}))
        seen = [await socket.recv() == json.dumps({"token": TOKEN})]
        await socket.send("hello")
        seen.append(await socket.recv())
        await socket.close(1000, "bye")
        return seen + [socket.close_code, socket.close_reason]


async def main():
    print(json.dumps({
        "good": await good(),
        "bad": await ends(URL, json.dumps({"token": TOKEN[:-4] + "AAAA"})),
        "none": await ends(URL, "hello", json.dumps({"token": TOKEN})),
        "late": await ends(SLOW),
    }))


asyncio.run(main())
