#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""A page sends an order to a backend. Prints, as JSON, how many messages its
script gets before the last one, a hash of them, and how the socket ended."""

import json
import sys

from chromium import chromium

GIVEN = json.loads(sys.argv[1])

SCRIPT = """
const [given, done] = arguments;
const seen = [];
const socket = new WebSocket(given.socket);

socket.onopen = () => socket.send(given.order);

socket.onmessage = (event) => {
  if (event.data === given.end) {
    socket.close(4000, 'all there');
  } else {
    seen.push(`${event.data.length}:${event.data},`);
  }
};

socket.onclose = async (event) => {
  const bytes = new TextEncoder().encode(seen.join(''));
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-1', bytes));

  done({
    count: seen.length,
    sha1: Array.from(hash, (b) => b.toString(16).padStart(2, '0')).join(''),
    closed: event.code,
  });
};
"""

with chromium() as browser:
    browser.open(GIVEN["page"])
    browser.driver.add_cookie({"name": "access_token",
                               "value": GIVEN["token"]})
    browser.driver.set_script_timeout(3600)
    browser.result = browser.driver.execute_async_script(SCRIPT, GIVEN)
    browser.print_result()
