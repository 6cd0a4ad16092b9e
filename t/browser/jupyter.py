#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""Uses a Jupyter notebook server: logs in, runs a cell, and looks at the page
from a foreign site. Prints what worked as JSON.

usage: jupyter.py '{"jupyter": URL, "evil": URL, "password": PASSWORD}'
"""

import json
import sys
import urllib.parse

from chromium import chromium

GIVEN = json.loads(sys.argv[1])
JUPYTER = GIVEN["jupyter"]


def use(browser):
    def log_in(password):
        browser.open(JUPYTER + "/login")
        browser.type("#password_input", password)
        browser.click("#login_submit")

    def wrong_password():
        log_in("a guess")
        return browser.one(".message.error")

    def right_password():
        log_in(GIVEN["password"])
        return browser.one("#notebook_list")

    def run_cell():
        browser.open(JUPYTER + "/notebooks/sum.ipynb")
        browser.wait(lambda: browser.script(
            "return window.Jupyter && Jupyter.notebook && Jupyter.notebook"
            ".kernel && Jupyter.notebook.kernel.is_connected()"))
        browser.script("Jupyter.notebook.get_cell(0).set_text('6 * 7');"
                       "Jupyter.notebook.execute_all_cells();")
        return browser.wait(lambda: any(
            output.text.strip() == "42"
            for output in browser.all(".output_result pre")))

    def save():
        browser.script("Jupyter.notebook.save_checkpoint()")
        return browser.wait(lambda: "saved" in browser.script(
            "return document.querySelector('#notification_area').innerText"
            " + document.querySelector('#save_widget').innerText").lower())

    browser.check("wrong password", wrong_password)
    browser.problems()
    browser.check("right password", right_password)
    browser.check("run a cell", run_cell)
    browser.check("save", save)

    browser.result["problems"] = browser.problems()
    browser.result["kernel"] = browser.script(
        "return Jupyter.notebook.kernel.id")


def attack(browser):
    def socket():
        kernel = browser.result["kernel"]
        query = urllib.parse.urlencode({
            "portal": JUPYTER, "path": f"/api/kernels/{kernel}/channels"})
        browser.open(f"{GIVEN['evil']}/socket.html?{query}")
        title = browser.wait(lambda: browser.driver.title.startswith(
            ("open", "heard", "closed")) and browser.driver.title)
        return title != "closed"

    browser.check("kernel reached by a foreign page", socket)


with chromium() as the_browser:
    use(the_browser)
    attack(the_browser)
    the_browser.print_result()
