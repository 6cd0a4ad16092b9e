#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""What the script of a page sees of the WebSocket of its own server: printed
as JSON.

usage: sockets.py '{"page": URL, "socket": URL, "token": TOKEN or ""}'
"""

import json
import pathlib
import sys

from chromium import chromium

GIVEN = json.loads(sys.argv[1])

SESSION = (pathlib.Path(__file__).parent.parent
           / "websocket/session.js").read_text(encoding="utf-8")

with chromium() as browser:
    browser.open(GIVEN["page"])

    if GIVEN["token"]:
        browser.driver.add_cookie({"name": "access_token",
                                   "value": GIVEN["token"]})

    browser.driver.set_script_timeout(60)
    browser.result = browser.driver.execute_async_script(
        SESSION + """
        const [given, done] = arguments;
        session(() => new WebSocket(given.socket)).then(
            done, (error) => done({ error: String(error) }));
        """, GIVEN)
    browser.print_result()
