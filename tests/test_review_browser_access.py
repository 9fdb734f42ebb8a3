"""The review page for everybody: without a mouse, by a screen reader, on a phone, by day and by night."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.review_browser import Desk, painted, press, saved

pytestmark = pytest.mark.slow
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
EXPLORED = ("funnel", "documents", "clusters", "dataset", "disputes", "playground")
CONTROLS = {"button", "link", "textbox", "searchbox", "spinbutton", "combobox", "checkbox", "radio", "switch", "slider", "tab", "menuitem", "listbox", "option"}  # fmt: skip
NAMED = CONTROLS | {"dialog", "region", "toolbar", "navigation", "image", "group"}


def tree(page: Page) -> Iterator[tuple[str, str, bool]]:
    """Role, name and whether it can have the focus of all that assistive technology is told of."""
    session = page.context.new_cdp_session(page)
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        if not node.get("ignored"):
            focusable = any(one["name"] == "focusable" and one["value"].get("value") for one in node.get("properties", ()))
            yield node.get("role", {}).get("value", ""), str(node.get("name", {}).get("value", "")).strip(), focusable
    session.detach()


def nameless(page: Page) -> list[str]:
    """Roles of what has no name and needs one; a `group` only where one can act on it."""
    found = [(role, focusable) for role, name, focusable in tree(page) if role in NAMED and not name]
    return [role for role, focusable in found if role != "group" or focusable]


def faults(page: Page) -> list[str]:
    """What is wrong with the page's skeleton: doubled ids, labels that lead nowhere, a second h1 or main, focus out of order."""
    return page.evaluate("""() => {
        const all = [...document.querySelectorAll('[id]')].map((node) => node.id);
        const wrong = all.filter((id, place) => all.indexOf(id) !== place).map((id) => `id ${id} twice`);
        for (const name of ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-activedescendant'])
            for (const node of document.querySelectorAll(`[${name}]`))
                for (const id of node.getAttribute(name).split(' ').filter(Boolean))
                    if (!document.getElementById(id)) wrong.push(`${name} names ${id}, which is not there`);
        for (const node of document.querySelectorAll('[tabindex]')) if (node.tabIndex > 0) wrong.push(`tabindex ${node.tabIndex}`);
        if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
        if (!document.documentElement.lang) wrong.push('no language');
        if (!document.title) wrong.push('no title');
        for (const node of document.querySelectorAll('img:not([alt]), svg:not([aria-hidden]):not([role=img])')) wrong.push(`${node.nodeName} without a text`);
        return wrong;
    }""")


def wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desk", "phone"])
def test_every_control_has_a_role_and_a_name_and_the_page_a_sound_skeleton(desk: Desk, screen: dict):
    page = desk.open("where=&text=blue+seal&task=question_answering", **screen)
    painted(page)
    told = list(tree(page))
    assert {"button", "link", "textbox", "main", "navigation"} <= {role for role, _, _ in told}
    assert {"Accept", "Reject", "Edit", "Skip", "Undo", "Previous", "Next"} <= {
        name.removesuffix(f" {name[-1]}") for role, name, _ in told if role == "button"
    }
    assert nameless(page) == []
    assert faults(page) == []

    for key, dialog in (("r", "#reasons"), ("n", "#note-dialog"), ("b", "#bulk"), ("?", "#help")):
        page.keyboard.press(key)
        expect(page.locator(dialog)).to_be_visible()
        assert nameless(page) == [], dialog
        assert page.evaluate("(dialog) => document.querySelector(dialog).contains(document.activeElement)", dialog)
        page.keyboard.press("Escape")
        expect(page.locator(dialog)).to_be_hidden()
    page.keyboard.press("e")
    expect(page.locator("#edit-output")).to_be_focused()
    assert nameless(page) == []
    assert faults(page) == []


def test_the_other_pages_have_names_for_everything_and_fit_a_phone(desk: Desk):
    page = desk.open(**PHONE)
    press(page, "a")
    for name in EXPLORED:
        page.goto(f"{desk.origin}/explore/{name}")
        expect(page.locator("header nav [aria-current=page]")).to_be_visible()
        assert (name, nameless(page)) == (name, [])
        assert (name, faults(page)) == (name, [])
        assert (name, wide(page)) == (name, 0)


def test_one_can_work_without_a_mouse_and_always_sees_where_one_is(desk: Desk):
    page = desk.open("where=chosen&sort=order")
    first = painted(page)
    page.keyboard.press("Tab")
    expect(page.locator("a.jump")).to_be_focused()
    met: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(_FOCUSED)
        assert seen, f"{name} has the focus and does not show it"
        met.append(name)
        if name in ("skip", "BODY"):
            break
    wanted = ["theme", "search", "filter-where", "filter-state", "filter-task", "filter-document", "filter-reason", "sort", "bulk-open", "queue", "previous", "next", "accept", "reject", "edit", "skip"]  # fmt: skip
    assert [name for name in met if name in wanted] == wanted, "in the order in which they stand"

    page.locator("#accept").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#card")).not_to_have_attribute("data-id", first)
    painted(page)
    page.locator("#queue").focus()
    page.keyboard.press("End")
    expect(page.locator("#position")).to_have_text("60 of 60")
    page.keyboard.press("Home")
    expect(page.locator("#card")).to_have_attribute("data-id", first)
    painted(page)
    page.locator("#reject").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#reasons")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement === document.body || document.activeElement.closest('#reasons') !== null")
    page.keyboard.press("Escape")
    expect(page.locator("#reject")).to_be_focused()
    saved(page)
    assert desk.decided() == {first: "accepted"}


_FOCUSED = """() => {
    const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
    const drawn = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
    return [node.id || node.textContent.trim() || node.nodeName, node === document.body || (drawn && box.width > 0 && box.height > 0)];
}"""


def test_on_a_phone_everything_is_in_one_column_and_the_decisions_under_the_thumb(desk: Desk):
    page = desk.open("where=chosen&task=question_answering&sort=order", **PHONE)
    first = painted(page)
    expect(page.locator("#source mark").first).to_be_visible()

    assert wide(page) == 0
    for name in ("accept", "reject", "edit", "skip"):
        box = page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844
        assert min(box["width"], box["height"]) >= 40, name
    card, source = page.locator("#card").bounding_box(), page.locator("#source").bounding_box()
    assert card is not None
    assert source is not None
    assert abs(card["x"] - source["x"]) < 30
    assert source["width"] > 330

    page.locator("#accept").tap()
    expect(page.locator("#card")).not_to_have_attribute("data-id", first)
    second = painted(page)
    page.locator("#reject").tap()
    page.locator("#reasons [data-reason=outdated]").tap()
    expect(page.locator("#card")).not_to_have_attribute("data-id", second)
    page.locator("#list-open").tap()
    page.locator("#queue [role=option]").nth(5).tap()
    expect(page.locator("#queue")).to_be_hidden()
    third = painted(page)
    page.locator("#edit").tap()
    page.locator("#edit-output").fill("Boarding opens early.")
    assert wide(page) == 0
    page.locator("#save").tap()
    expect(page.locator("#edit-form")).to_be_hidden()
    saved(page)
    assert desk.decided() == {first: "accepted", second: "rejected", third: "edited"}


def test_the_page_is_dark_where_the_system_is_and_by_its_switch_and_remembers_that(desk: Desk):
    def brightness(page: Page) -> float:
        return page.evaluate(
            "() => getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3"
        )

    light, dark = desk.open(color_scheme="light"), desk.open(color_scheme="dark")
    painted(light)
    painted(dark)
    assert brightness(light) > 230
    assert brightness(dark) < 60

    light.locator("#theme").click()
    assert brightness(light) < 60
    light.goto(f"{desk.origin}/explore/funnel")
    assert brightness(light) < 60
    light.locator("#theme").click()
    light.reload()
    assert brightness(light) > 230


def test_what_happens_is_told_to_a_screen_reader(desk: Desk):
    page = desk.open("where=chosen&sort=order")
    painted(page)
    expect(page.locator("#announce")).to_contain_text("1 of 60")
    question = page.locator("#card [data-field=instruction] .said").inner_text()
    expect(page.locator("#announce")).to_contain_text(question[:40])

    press(page, "a")

    expect(page.locator("#announce")).to_contain_text("2 of 60")
    for live in ("#announce", "#saved", "#count", "#toast", "#state"):
        assert page.locator(live).get_attribute("role") == "status", live
    selected = page.locator("#queue [aria-selected=true]")
    expect(selected).to_have_count(1)
    expect(page.locator("#queue")).to_have_attribute("aria-activedescendant", selected.get_attribute("id") or "")
