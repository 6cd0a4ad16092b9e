#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""Uses the portal of the demo like its users do, then opens pages of foreign
sites in the same browser. Prints what worked as JSON.

usage: portal.py '{"portal": URL, "evil": URL, "sibling": URL,
                   "user": NAME, "password": PASSWORD}'
"""

import json
import sys
import urllib.parse

from chromium import chromium

GIVEN = json.loads(sys.argv[1])
PORTAL = GIVEN["portal"]


def use(browser):
    def log_in():
        browser.open(PORTAL + "/")
        browser.type("[name=username]", GIVEN["user"])
        browser.type("[name=password]", GIVEN["password"])
        browser.click("main button")
        return browser.one("#ticket")

    def live_data():
        def price():
            return browser.text("#market td.num")

        browser.one("#live.on")
        first = price()
        return browser.wait(lambda: price() != first)

    def row():
        return browser.script(
            "return [...document.querySelectorAll('#orders tbody tr')]"
            ".map((row) => row.innerText)"
            ".find((text) => text.includes('buy 123 ACME'))") or ""

    def place():
        browser.type("#ticket [name=quantity]", "123")
        browser.type("#ticket [name=limit]", "1")
        browser.click("#ticket button")
        return browser.wait(lambda: "open" in row())

    def cancel():
        browser.click("#orders tbody button")
        return browser.wait(lambda: "cancelled" in row())

    def change_password():
        browser.open(PORTAL + "/account/password")
        browser.type("[name=new_password]", GIVEN["password"])
        browser.click("main button")
        return browser.one(".done")

    browser.check("log in", log_in)
    browser.check("live data", live_data)
    browser.check("place an order", place)
    browser.check("cancel it", cancel)
    browser.check("change the password", change_password)

    browser.result["problems"] = browser.problems()


def attack(browser):
    quantity = iter(range(701, 800))

    def open_foreign(site, page, number=0):
        query = urllib.parse.urlencode({"portal": PORTAL, "quantity": number})
        browser.open(f"{GIVEN[site]}/{page}.html?{query}")

    def title(*beginnings):
        return browser.wait(lambda: browser.driver.title.startswith(beginnings)
                            and browser.driver.title)

    def ordered(number):
        browser.open(PORTAL + "/login")
        orders = browser.driver.execute_async_script(
            "const done = arguments[0];"
            "fetch('/api/orders').then((r) => r.json()).then(done);")
        return any(order["quantity"] == number for order in orders)

    def form():
        number = next(quantity)
        open_foreign("evil", "form", number)
        browser.wait(lambda: browser.driver.current_url.startswith(PORTAL))
        return ordered(number)

    def fetch(site):
        number = next(quantity)
        open_foreign(site, "fetch", number)
        title("done")
        return ordered(number)

    def socket(site):
        open_foreign(site, "socket")
        return title("heard", "closed").startswith("heard")

    def frame():
        open_foreign("evil", "frame")
        browser.driver.switch_to.frame(0)
        return browser.happens(lambda: browser.all("#ticket"), 3)

    browser.check("order by a foreign form", form)

    for site in ("evil", "sibling"):
        browser.check(f"order by a script of {site}", lambda: fetch(site))
        browser.check(f"live data to a script of {site}", lambda: socket(site))

    browser.check("page in a foreign frame", frame)


with chromium() as the_browser:
    use(the_browser)
    attack(the_browser)
    the_browser.print_result()
