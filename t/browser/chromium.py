# Copyright (C) the ngx_tradesec authors

"""A Chromium for one test: every name below .test is this machine, any
certificate will do, and third-party cookies are allowed, since it may not be
the browser that stops an attack."""

import contextlib
import json

from selenium import webdriver
from selenium.common.exceptions import (
    StaleElementReferenceException, TimeoutException, WebDriverException)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 20


@contextlib.contextmanager
def chromium():
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    options.accept_insecure_certs = True

    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP *.test 127.0.0.1",
        "--window-size=1280,800",
    ):
        options.add_argument(argument)

    options.add_experimental_option("prefs", {
        "profile.block_third_party_cookies": False,
        "profile.cookie_controls_mode": 0,
        # no bubble that asks to keep a password stands in the way
        "credentials_enable_service": False,
        "profile.password_manager_leak_detection": False,
    })
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})

    driver = webdriver.Chrome(
        service=Service("/usr/bin/chromedriver"), options=options)

    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What the tests do with a page, in a few words."""

    def __init__(self, driver):
        self.driver = driver
        self.result = {}

    def check(self, name, what):
        """Notes whether it worked, or the first line of what went wrong."""

        try:
            self.result[name] = bool(what())
        except WebDriverException as error:
            self.result[name] = str(error).strip().split("\n")[0]

    def open(self, url):
        self.driver.get(url)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The first that can be seen, as soon as there is one."""

        return self.wait(lambda: [
            element for element in self.all(selector)
            if element.is_displayed()])[0]

    def text(self, selector):
        return self.wait(lambda: self.one(selector).text)

    def type(self, selector, text):
        field = self.one(selector)
        field.clear()
        field.send_keys(text)

    def click(self, selector):
        self.one(selector).click()

    def wait(self, condition, patience=PATIENCE):
        """Waits until the condition is true, and returns its value."""

        return WebDriverWait(
            self.driver, patience, 0.1, [StaleElementReferenceException],
        ).until(lambda _: condition())

    def happens(self, condition, patience):
        """Whether the condition becomes true within so many seconds."""

        try:
            return bool(self.wait(condition, patience))
        except TimeoutException:
            return False

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def problems(self):
        """The errors on the console since the last call."""

        return [entry["message"] for entry in self.driver.get_log("browser")]

    def print_result(self):
        print(json.dumps(self.result, indent=2))
