"""Headless Chromium for tests of the page; skips where there is none. Nothing leaves loopback."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
DESKTOP, PHONE = (1280, 800), (390, 844)
PATIENCE_SECONDS = 30.0  # a busy machine is slow, not wrong
QUIET_SCHEMES = ("data", "blob", "about", "chrome", "chrome-untrusted")  # its own pages


class Tab:
    """One browser window on the sandbox's page. Elements are named by their `data-testid`."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver, self.url = driver, url

    def open(self, path: str = "/") -> None:
        """Load an address of the page and wait until it is drawn."""
        self.driver.get(self.url + path)
        self.until(lambda: self.text("place-title"), f"{path} was not drawn")

    def all(self, name: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", f'[data-testid="{name}"]')

    def find(self, name: str) -> WebElement:
        return self.until(lambda: next(iter(self.all(name)), None), f"no {name}")

    def text(self, name: str) -> str:
        """What can be read there now; "" where there is nothing."""
        with contextlib.suppress(StaleElementReferenceException):
            return "\n".join(each.text for each in self.all(name))
        return ""

    def click(self, name: str) -> None:
        """Press an element as a person would, once nothing lies over it."""

        def pressed() -> bool:
            element = self.find(name)
            self.driver.execute_script("arguments[0].scrollIntoView({block:'nearest'})", element)
            element.click()
            return True

        self.until(pressed, f"could not press {name}")

    def write(self, name: str, words: str, *, send: bool = False) -> None:
        field = self.find(name)
        field.send_keys(words)
        if send:
            field.send_keys(Keys.ESCAPE + Keys.ENTER if "@" in words else Keys.ENTER)

    def on_message(self, ts: str, name: str, pane: str = "channel") -> None:
        """Press one of the tools of a message."""
        row = f'#{pane}-list [data-testid="message-{ts}"]'
        tool = f'{row} [data-testid="{name}"]'
        self.driver.execute_script(
            "document.querySelector(arguments[0]).focus();"
            "document.querySelector(arguments[1]).click()", row, tool,
        )  # fmt: skip

    def sees(self, words: str, name: str = "channel-list") -> None:
        """Wait until something can be read somewhere."""
        self.until(lambda: words in self.text(name), f"{words!r} not in {name}: {self.text(name)}")

    def until(self, condition: Callable[[], Any], trouble: str = "it did not happen") -> Any:
        """Return the condition's first true value. Raises: AssertionError when patience ends."""
        end, last = time.monotonic() + PATIENCE_SECONDS, None
        while time.monotonic() < end:
            try:
                if found := condition():
                    return found
            except _passing() as passing:
                last = passing
            time.sleep(0.05)
        raise AssertionError(trouble) from last

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def complaints(self) -> list[str]:
        """What the browser's console holds against the page."""
        return [each["message"] for each in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """Every address the page has asked for, web sockets too."""
        asked = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.add(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                asked.add(message["params"]["url"])
        return asked

    def requests_elsewhere(self) -> set[str]:
        """Those of them that left this machine or its port."""
        here = urlsplit(self.url).netloc
        return {
            url
            for url in self.requests()
            if urlsplit(url).scheme not in QUIET_SCHEMES and urlsplit(url).netloc != here
        }


@contextlib.contextmanager
def open_tab(url: str, profile: Path, size: tuple[int, int] = DESKTOP) -> Iterator[Tab]:
    """A new browser with an empty profile."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver_path = shutil.which("chromedriver")
    if browser is None or driver_path is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(driver_path))
    try:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1,
                   "mobile": size == PHONE}  # fmt: skip
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        yield Tab(driver, url)
    finally:
        driver.quit()


def _passing() -> tuple[type[Exception], ...]:
    from selenium.common.exceptions import (
        ElementClickInterceptedException,
        ElementNotInteractableException,
        JavascriptException,
    )

    return (
        StaleElementReferenceException, ElementClickInterceptedException,
        ElementNotInteractableException, JavascriptException,
    )  # fmt: skip
