#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""Lets a server set cookies and looks at what the browser does with them.
Prints the findings as JSON.

usage: cookies.py '{"app": URL, "http": URL, "evil": URL}'
"""

import json
import sys
import time

from chromium import chromium

GIVEN = json.loads(sys.argv[1])


def sent(browser):
    """The cookies of the request that the page is the answer to."""

    return sorted(browser.text("#cookies").split("; "))


with chromium() as the_browser:
    def cookie(name):
        return the_browser.driver.get_cookie(name) or {}

    the_browser.open(GIVEN["app"] + "/set")

    the_browser.result["script"] = the_browser.script(
        "return document.cookie.split('; ').sort()")
    the_browser.result["sid"] = {
        key: cookie("sid").get(key) for key in ("secure", "httpOnly",
                                                "sameSite")}
    the_browser.result["days"] = round(
        (cookie("long").get("expiry", 0) - time.time()) / 86400)
    the_browser.result["session"] = "expiry" not in cookie("sid")

    the_browser.open(GIVEN["app"] + "/echo")
    the_browser.result["same site"] = sent(the_browser)

    the_browser.open(GIVEN["http"] + "/echo")
    the_browser.result["plain http"] = sent(the_browser)

    the_browser.open(GIVEN["evil"])
    the_browser.wait(lambda: the_browser.driver.current_url.startswith(
        GIVEN["app"]))
    the_browser.result["foreign form"] = sent(the_browser)

    the_browser.open(GIVEN["app"] + "/gone")
    the_browser.open(GIVEN["app"] + "/echo")
    the_browser.result["deleted"] = sent(the_browser)

    the_browser.print_result()
