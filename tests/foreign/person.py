"""A browser, and the user who sits before it: logs in, and says yes or no on the server's own pages.

A program for the variable BROWSER; it needs nothing but the standard library. What is clicked is found by its words.
"""

import argparse
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Final
from urllib.parse import urlencode, urljoin

PASSWORD: Final = "pass-word-of-a-user"
_NO: Final = ("cancel", "abort", "deny")
_PAGES_MAX: Final = 10
_SECONDS: Final = 10.0


@dataclass
class Control:
    """A button of a form, or a link, with what it says."""

    form: str = ""
    words: str = ""
    sends: dict[str, str] = field(default_factory=dict)
    leads_to: str = ""

    @property
    def declines(self) -> bool:
        """Whether it is a no."""
        return any(word in self.words.lower() for word in _NO)


@dataclass
class Form:
    """A form, with what is filled in already."""

    name: str
    action: str
    values: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)

    def fill(self, name: str, kind: str, value: str) -> None:
        """One more field."""
        self.values[name] = value
        if kind in {"text", "password"}:
            (self.texts if kind == "text" else self.passwords).append(name)


class Page(HTMLParser):
    """A page, as far as a user can do something on it."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self.controls: list[Control] = []
        self._form: Form | None = None
        self._control: Control | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A form, or something in it."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("id", f"#{len(self.forms)}"), given.get("action", ""))
            self.forms.append(self._form)
        elif tag == "a" and "href" in given:
            self._begin(Control(leads_to=given["href"]))
        elif tag == "button" or (tag == "input" and given.get("type") == "submit"):
            sends = {given["name"]: given.get("value", "")} if "name" in given else {}
            form = given.get("form") or (self._form.name if self._form else "")
            self._begin(Control(form, given.get("value", "") if tag == "input" else "", sends))
        elif tag == "input" and self._form is not None and "name" in given:
            self._form.fill(given["name"], given.get("type", "text"), given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """The end of one."""
        if tag == "form":
            self._form = None
        elif tag in {"a", "button"}:
            self._control = None

    def handle_data(self, data: str) -> None:
        """What a control says."""
        if self._control is not None:
            self._control.words += data

    def _begin(self, control: Control) -> None:
        self.controls.append(control)
        self._control = control


class Person:
    """A user, with a browser in which no user is logged in yet.

    Args:
        name: types this where a page asks who it is.
        says_yes: presses the button that agrees, and not the one that declines.
        withholds: takes this scope off a page that lists what is granted; empty: grants all.
    """

    def __init__(self, name: str, *, says_yes: bool = True, withholds: str = "") -> None:
        self._name = name
        self._says_yes = says_yes
        self._withholds = withholds
        self._browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def visit(self, address: str) -> None:
        """Open an address, and do what its pages ask for, until one asks for nothing.

        Raises:
            OSError: a page that was to agree is an error.
            RuntimeError: the pages have no end.
        """
        page = self._get(address)
        for _ in range(_PAGES_MAX):
            if not page.forms:
                return
            form = page.forms[0]
            control = self._choice(page, form)
            try:
                page = self._act(page, form, control)
            except urllib.error.HTTPError as error:
                error.close()
                if not control.declines:
                    raise
            if control.declines:
                return  # with whatever page; some servers call it an error
        message = "the pages have no end"
        raise RuntimeError(message)

    def _choice(self, page: Page, form: Form) -> Control:
        """What to press. A user who is to say no logs in first."""
        if not self._says_yes and not form.passwords:
            for control in page.controls:
                if control.declines:
                    return control
        agreeing = (control for control in page.controls if control.form == form.name and not control.declines)
        return next(agreeing, Control(form.name))

    def _act(self, page: Page, form: Form, control: Control) -> Page:
        if control.leads_to:
            return self._get(urljoin(page.address, control.leads_to))
        filled = self._filled(form) | control.sends
        return self._get(urljoin(page.address, form.action), urlencode(filled).encode())

    def _filled(self, form: Form) -> dict[str, str]:
        values = dict(form.values)
        if form.passwords:
            values |= dict.fromkeys(form.texts, self._name) | dict.fromkeys(form.passwords, PASSWORD)
        if self._withholds and "scope" in values:
            values["scope"] = " ".join(scope for scope in values["scope"].split() if scope != self._withholds)
        return values

    def _get(self, address: str, data: bytes | None = None) -> Page:
        with self._browser.open(address, data, timeout=_SECONDS) as answer:
            return Page(answer.url, answer.read().decode())


def main() -> None:
    """The program: `person.py [--no] [--withholds SCOPE] NAME ADDRESS`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--no", action="store_true")
    parser.add_argument("--withholds", default="")
    parser.add_argument("name")
    parser.add_argument("address")
    told = parser.parse_args()
    Person(told.name, says_yes=not told.no, withholds=told.withholds).visit(told.address)


def command(name: str, *, says_yes: bool = True, withholds: str = "") -> str:
    """This program, for the variable BROWSER."""
    options = [*([] if says_yes else ["--no"]), *(["--withholds", withholds] if withholds else [])]
    return " ".join([sys.executable, "-I", __file__, *options, name, "%s"])


if __name__ == "__main__":
    main()
