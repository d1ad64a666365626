"""The page in its states: help, errors, forced colours, reduced motion, several pictures."""

from __future__ import annotations

import io
import json

import numpy as np
from browsing import FEW, Visit, needs_browser
from PIL import Image
from PIL.PngImagePlugin import PngInfo

pytestmark = needs_browser


def dropped(visit: Visit, fields: dict[str, object]) -> None:
    """A picture with Limner's own record, taken for its settings."""
    said, file = PngInfo(), io.BytesIO()
    said.add_text("limner", json.dumps(fields))
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=said)
    given = {"name": "x.png", "mimeType": "image/png", "buffer": file.getvalue()}
    visit.page.set_input_files("input[type=file]", given)
    visit.until(f"document.querySelector('textarea').value === '{fields['prompt']}'")


def test_help_opens_by_its_key_where_nobody_writes_and_can_be_switched_off(visit: Visit) -> None:
    page = visit.page
    page.locator("textarea").press("?")
    assert not page.locator("dialog").is_visible()
    assert page.input_value("textarea").endswith("?")
    page.get_by_role("button", name="Another seed").press("?")
    assert page.locator("dialog").is_visible()
    assert "Ctrl Enter" in page.locator("dialog").inner_text()
    visit.looked_at("dialog", FEW)
    page.get_by_label("The key ? opens this").press("Space")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Another seed").press("?")
    assert not page.locator("dialog").is_visible()
    page.get_by_role("button", name="Help").click()
    page.get_by_role("button", name="Close").click()
    assert not page.locator("dialog").is_visible()


def test_no_words_and_wrong_settings_are_told(visit: Visit) -> None:
    visit.expected = ("Failed to load resource: the server responded with a status of 422",)
    page = visit.page
    page.fill("textarea", " ")
    page.keyboard.press("Control+Enter")
    assert "no words yet" in page.locator(".actions + .failed").inner_text()
    page.fill("textarea", "a cat")
    page.locator("summary").first.click()
    page.get_by_role("spinbutton", name="Steps").fill("5000")
    page.get_by_role("spinbutton", name="Steps").press("Enter")
    page.get_by_role("button", name="Paint Ctrl Enter").click()
    visit.until("document.querySelector('.actions + .failed').textContent.includes('1000')")
    visit.looked_at(looks=FEW)


def test_colours_that_are_forced_still_tell_what_is_chosen(painted: Visit) -> None:
    page = painted.page
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.get_by_role("tab", name="Change").click()
    colour = "element => getComputedStyle(element).backgroundColor"
    tabs = page.get_by_role("tab")
    assert tabs.nth(0).evaluate(colour) != tabs.nth(1).evaluate(colour)
    ways = page.get_by_role("group", name="What to change").get_by_role("button")
    assert ways.nth(0).evaluate(colour) != ways.nth(1).evaluate(colour)
    assert page.locator(".first").first.evaluate(colour) != ways.nth(1).evaluate(colour)
    tabs.nth(0).press("ArrowRight")
    assert tabs.nth(1).evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    assert painted.axe() == []


def test_nothing_moves_where_motion_is_reduced(visit: Visit) -> None:
    lasts = "element => getComputedStyle(element).transitionDuration"
    first = visit.page.locator("button.first").first
    assert first.evaluate(lasts) in ("0s", "")
    visit.page.emulate_media(reduced_motion="no-preference")
    assert "0.15s" in first.evaluate(lasts)


def test_a_word_of_a_part_painted_where_its_part_lies(visit: Visit) -> None:
    page = visit.page
    regions = [
        {"text": "a red apple", "box": [0, 0, 0.5, 1]},
        {"text": "a blue cat", "box": [0.5, 0, 0.5, 1]},
    ]
    fields = {"prompt": "a red apple, a blue cat", "layout": "collage", "regions": regions}
    dropped(visit, fields | {"size": [32, 16], "seed": 3, "steps": 2})
    visit.paint()
    centres = {}
    for word in ("apple", "cat"):
        page.locator(".chip", has_text=word).hover()
        visit.until(f"document.querySelector('.heard').textContent.includes('“{word}”')")
        heat = visit.masked(".stage canvas").astype(float)
        centres[word] = (heat.sum(0) * (np.arange(heat.shape[1]) + 0.5)).sum() / heat.sum()
        assert ("left" if word == "apple" else "right") in page.locator(".heard").inner_text()
    assert 0 < centres["apple"] < heat.shape[1] / 2 < centres["cat"] < heat.shape[1]


def test_of_several_pictures_each_is_seen_with_its_steps_and_words(visit: Visit) -> None:
    page = visit.page
    page.locator("summary").first.click()
    page.get_by_role("spinbutton", name="Pictures").fill("2")
    page.get_by_role("spinbutton", name="Pictures").press("Enter")
    page.keyboard.press("Control+Enter")
    visit.until("document.querySelectorAll('.pictures li').length === 2")
    page.get_by_role("button", name="Picture 2, seed 8").click()
    image = page.locator(".stage img")
    own = f"/api/v1/jobs/{image.get_attribute('data-job')}"
    assert image.get_attribute("src") == f"{own}/images/1"
    page.locator(".chip", has_text="apple").hover()
    page.wait_for_selector(".stage canvas", state="visible")
    file = visit.file(f"{own}/heatmaps?words=apple&picture=1")
    heat = np.asarray(Image.open(io.BytesIO(file))).astype(float)
    assert abs(visit.masked(".stage canvas") - heat * 215 / 255).max() <= 1
    page.locator(".scrub input").press("Home")
    assert image.get_attribute("src") == f"{own}/steps/1?picture=1"
    visit.looked_at("limner-stage", FEW)


def test_the_other_pages_are_looked_at_too(tab: Visit) -> None:
    for path in ("/docs", "/source/diffusion/guidance.py#Guidance.combined"):
        tab.page.goto(tab.url + path)
        tab.looked_at(looks=FEW)
