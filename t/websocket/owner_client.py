#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""Sends an order to a backend and prints, as JSON, how many messages arrive
before the last one, a hash of them, and how the socket ended."""

import asyncio
import hashlib
import json
import ssl
import sys

import websockets

GIVEN = json.loads(sys.argv[1])


async def main():
    options = {}

    if GIVEN["socket"].startswith("wss:"):
        options["ssl"] = ssl._create_unverified_context()

    headers = {"Authorization": "Bearer " + GIVEN["token"],
               "Origin": GIVEN["origin"]}
    count = 0
    seen = hashlib.sha1()

    async with websockets.connect(GIVEN["socket"], extra_headers=headers,
                                  max_size=None, ping_interval=None,
                                  **options) as socket:
        await socket.send(GIVEN["order"])

        async for message in socket:
            if message == GIVEN["end"]:
                break

            count += 1
            seen.update(f"{len(message)}:{message},".encode())

        await socket.close(4000, "all there")

    print(json.dumps({"count": count, "sha1": seen.hexdigest(),
                      "closed": socket.close_code}))


asyncio.run(main())
