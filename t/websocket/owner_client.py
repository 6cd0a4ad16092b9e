#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""Sends an order to a backend and prints, as JSON, the messages that arrive
before the last one."""

import asyncio
import json
import sys

import websockets

URL, TOKEN, FILE, LAST = sys.argv[1:]


async def main():
    with open(FILE, encoding="ascii") as file:
        order = file.read()

    headers = {"Authorization": "Bearer " + TOKEN,
               "Origin": "http://localhost"}
    seen = []

    async with websockets.connect(URL, extra_headers=headers,
                                  max_size=None) as socket:
        await socket.send(order)

        async for message in socket:
            if message == LAST:
                break
            seen.append(message)

    print(json.dumps(seen))


asyncio.run(main())
