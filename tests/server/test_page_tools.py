"""The page's tools in a real browser: change, compare, grid, how it is made; mouse and keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from browsing import FEW, Visit, needs_browser

import limner

pytestmark = needs_browser


def test_a_part_is_changed_by_keys_and_nothing_outside_it(painted: Visit) -> None:
    page = painted.page
    before = painted.pixels(".seeing .stage img")
    page.get_by_role("tab", name="Change").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Change it").click()
    page.wait_for_selector("text=Nothing is masked")
    for name, value in (("x", 0), ("y", 0), ("width", 8), ("height", before.shape[0])):
        page.get_by_label(name, exact=True).fill(str(value))
    page.get_by_role("button", name="Add it").press("Enter")
    page.get_by_label("What shall be there").fill("a cat")
    painted.looked_at("limner-tools", FEW)
    page.get_by_role("button", name="Change it").press("Enter")
    page.wait_for_selector("figure")
    after = painted.pixels("figure:last-of-type img")
    assert np.array_equal(after[:, 8:], before[:, 8:])
    assert not np.array_equal(after[:, :8], before[:, :8])
    assert page.locator(".pictures li").count() == 1  # staged, not kept
    page.get_by_role("button", name="Take it").press("Enter")
    painted.until("document.querySelectorAll('.pictures li').length === 2")
    assert np.array_equal(painted.pixels(".seeing .stage img"), after)


DRAWN = (
    "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v))"
    "(document.querySelector('canvas.mask'))"
)


def test_a_brush_masks_and_undoes_and_a_word_masks(shown: Visit) -> None:
    page = shown.page
    shown.tool("Change")

    def masked() -> int:
        return int((shown.masked("canvas.mask") > 127).sum())

    page.wait_for_selector("canvas.mask")
    shown.until("document.querySelector('canvas.mask').width > 0")
    box = page.locator("canvas.mask").bounding_box()
    assert box is not None
    page.locator("canvas.mask").scroll_into_view_if_needed()
    box = page.locator("canvas.mask").bounding_box() or box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    brushed = masked()
    assert brushed > 0
    page.get_by_role("button", name="Invert").click()
    inverted = masked()
    assert inverted != brushed
    page.get_by_role("button", name="Undo").click()
    assert masked() == brushed
    page.get_by_role("button", name="Clear").click()
    assert masked() == 0
    page.get_by_label("Mask from a word").select_option("apple")
    page.get_by_role("button", name="Mask it").click()
    shown.until(DRAWN)


def test_room_is_dragged_and_led_by_keys_and_painted(painted: Visit) -> None:
    page = painted.page
    before = painted.pixels(".seeing .stage img")
    page.get_by_role("tab", name="Change").click()
    page.get_by_role("button", name="Room round it").click()
    painted.until("document.querySelector('.room img').naturalWidth > 0")
    edges = {name: page.get_by_role("slider", name=f"Room, {name}") for name in ("right", "top")}
    edges["top"].press("PageUp")
    edges["top"].press("ArrowDown")
    assert edges["top"].get_attribute("aria-valuenow") == "48"
    edges["top"].press("Home")
    edges["top"].press("ArrowUp")
    page.get_by_label("left", exact=True).fill("32")
    page.get_by_label("left", exact=True).press("Enter")
    edges["right"].scroll_into_view_if_needed()
    box = edges["right"].bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"], steps=3)
    page.mouse.up()
    painted.looked_at("limner-tools", FEW)
    right = int(edges["right"].get_attribute("aria-valuenow") or 0)
    assert right == 32  # no further than what is seen
    page.get_by_role("button", name="Change it").click()
    page.wait_for_selector("figure")
    after = painted.pixels("figure:last-of-type img")
    height, width = before.shape[:2]
    assert after.shape[:2] == (height + 16, width + 32 + right)
    assert np.array_equal(after[16:, 32 : 32 + width], before)
    page.get_by_role("button", name="Discard").click()
    assert page.locator(".pictures li").count() == 1


def test_two_prompts_stand_beside_each_other_at_one_step(shown: Visit) -> None:
    page = shown.page
    shown.tool("Compare")
    page.get_by_label("Beside").fill("a red cat")
    page.keyboard.press("Enter")
    page.wait_for_selector(".pair img")
    assert page.locator(".pair mark").all_inner_texts() == ["apple", "cat"]
    page.locator(".pair + .scrub input").focus()
    page.keyboard.press("ArrowLeft")
    sources = [image.get_attribute("src") or "" for image in page.locator(".pair img").all()]
    assert all(source.endswith("/steps/3") for source in sources)
    jobs = [page.request.get(shown.url + source.split("/steps")[0]).json() for source in sources]
    assert jobs[0]["seeds"] == jobs[1]["seeds"] == [7]
    assert [job["request"]["prompt"] for job in jobs] == ["a red apple", "a red cat"]
    shown.looked_at("limner-tools", FEW)


def test_a_grid_has_headings_and_its_cells_are_their_requests(painted: Visit) -> None:
    page = painted.page
    page.get_by_role("tab", name="Grid").click()
    page.get_by_label("Down").select_option("seed")
    page.locator("[name=values-0]").fill("1, 3")
    page.locator("[name=values-1]").fill("5, 6")
    page.get_by_role("button", name="Paint the grid").click()
    painted.until("document.querySelectorAll('.sweep img').length === 4")
    assert page.locator(".sweep th[scope=col]").all_inner_texts() == ["guidance 1", "guidance 3"]
    assert page.locator(".sweep th[scope=row]").all_inner_texts() == ["seed 5", "seed 6"]
    source = page.locator(".sweep img").nth(3).get_attribute("src") or ""
    request = page.request.get(painted.url + source.split("/images")[0]).json()["request"]
    assert (request["guidance"], request["seed"]) == (3.0, 6)
    painted.looked_at("limner-tools", FEW)
    page.locator("[name=values-0]").fill("1, x")
    page.get_by_role("button", name="Paint the grid").click()
    assert "guidance: values" in page.locator("limner-sweep .failed").inner_text()


def test_how_it_is_made_says_this_pictures_own_numbers(shown: Visit) -> None:
    page = shown.page
    shown.tool("How it is made")
    page.wait_for_selector(".making .film img")
    text = page.locator(".making").inner_text()
    assert "4 times the network" in text
    assert "the seed 7" in text
    assert page.locator(".film img").count() == 4
    assert page.locator(".tokens span").count() >= 3
    leads = [link.get_attribute("href") or "" for link in page.locator(".formula a").all()]
    assert len(leads) >= 8
    assert any(lead.endswith("#dpmpp_2m") for lead in leads)
    for lead in leads:
        file, _, name = lead.partition("#")
        assert f'id="{name}"' in shown.file(file).decode(), lead
    shown.looked_at("limner-tools", FEW)


def test_tabs_are_led_by_arrow_keys(shown: Visit) -> None:
    page = shown.page
    page.get_by_role("tab", name="Change").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Compare").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("tab", name="Change").get_attribute("aria-selected") == "true"


COPIED: list[dict[str, Any]] = [
    {"prompt": 'it\'s "a" cat', "seed": 7, "steps": 2, "guidance": 2.5},
    {"prompt": "sized", "seed": 7, "size": [32, 16]},
    {"prompt": "two", "seed": 7, "regions": [{"text": "a", "box": [0, 0, 1, 1]}]},
]


def test_copied_python_asks_for_the_same(shown: Visit) -> None:
    script = "fields => import('/page/copying.js').then(copying => copying.asPython(fields))"
    for fields in COPIED:
        text = shown.page.evaluate(script, fields)
        line = text.splitlines()[2].replace("limner.load()", "painter")
        scope: dict[str, Any] = {"limner": limner, "painter": Taking()}
        exec(line, scope)
        assert scope["result"].to_json() == limner.Request.from_values(fields).to_json()


class Taking:
    """Gives back what copied lines ask a painter for."""

    def generate(self, prompt: str, **fields: Any) -> limner.Request:
        return limner.Request(prompt=prompt, **fields)

    def paint(self, request: limner.Request) -> limner.Request:
        return request
