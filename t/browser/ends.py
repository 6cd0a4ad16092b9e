#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""A page opens sockets and waits for their ends. Prints what its script reads of
each, as JSON: code, reason, and whether it was a clean end.

usage: ends.py '{"page": URL, "cookies": {NAME: VALUE}, "last": NAME,
                 "sockets": {NAME: {"path": PATH, "send": [TEXT],
                                    "post": [PATH, BODY]}}}'"""

import json
import sys

from chromium import chromium

GIVEN = json.loads(sys.argv[1])

SCRIPT = """
const [given, done] = arguments;

function ends({ path, send, post }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + path);

    socket.onopen = () => {
      (send || []).forEach((text) => socket.send(text));
      if (post) {
        fetch(post[0], { method: 'POST', body: post[1] });
      }
    };

    socket.onclose = (event) =>
      resolve([event.code, event.reason, event.wasClean]);
  });
}

(async () => {
  const ended = {};
  const first = Object.entries(given.sockets)
    .filter(([name]) => name !== given.last);

  await Promise.all(first.map(async ([name, socket]) => {
    ended[name] = await ends(socket);
  }));

  ended[given.last] = await ends(given.sockets[given.last]);
  done(ended);
})();
"""

with chromium() as browser:
    browser.open(GIVEN["page"])
    for name, value in GIVEN["cookies"].items():
        browser.driver.add_cookie({"name": name, "value": value})
    browser.driver.set_script_timeout(120)
    browser.result = browser.driver.execute_async_script(SCRIPT, GIVEN)
    browser.print_result()
