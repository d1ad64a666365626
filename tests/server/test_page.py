"""The page in a real browser, with the tiny model: what a person does, and what is seen then."""

from __future__ import annotations

import io
import json
import re
import shlex
from typing import Any

import numpy as np
from browsing import FEW, Visit, needs_browser
from PIL import Image
from running import ANN, Running

pytestmark = needs_browser
PROMPT = "a red apple"


def test_what_is_typed_is_painted(visit: Visit) -> None:
    page = visit.page
    before = page.locator(".stage img").get_attribute("data-job")
    page.locator("textarea").press("End")
    page.locator("textarea").press_sequentially(" cat", delay=20)
    visit.until(f"document.querySelector('.stage img').dataset.job !== '{before}'")
    visit.until("document.querySelector('.stage img').alt === 'a red apple cat'")
    source = page.locator(".stage img").get_attribute("src") or ""
    picture = Image.open(io.BytesIO(visit.file(source)))
    assert json.loads(picture.text["limner"])["steps"] == 4


def test_words_have_weights_and_tokens(visit: Visit) -> None:
    page = visit.page
    page.fill("textarea", "a (red:1.3) apple, xyzzy")
    page.wait_for_selector(".chip small")
    chips = page.locator(".chip").all_inner_texts()
    assert [re.sub(r"\s", "", chip) for chip in chips] == ["a", "red1.3", "apple", "xyzzy"]
    assert "tokens" in page.locator(".understood").inner_text()
    page.locator(".chip", has_text="apple").click()
    page.locator(".weight input[type=number]").fill("0.8")
    page.locator(".weight input[type=number]").press("Enter")
    assert page.input_value("textarea") == "a (red:1.3) (apple:0.8), xyzzy"
    page.wait_for_selector(".chip:has-text('apple') small")
    page.locator(".weight input[type=number]").fill("1")
    page.locator(".weight input[type=number]").press("Enter")
    assert page.input_value("textarea") == "a (red:1.3) apple, xyzzy"


def test_a_prompt_that_cannot_be_read_is_told(visit: Visit) -> None:
    visit.expected = ("Failed to load resource: the server responded with a status of 422",)
    visit.page.fill("textarea", "x" * 10_001)
    visit.until("document.querySelector('.understood .failed')?.textContent")
    assert "10000" in visit.page.locator(".understood .failed").inner_text()


def test_steps_are_scrubbed_to_the_bytes_of_the_api(shown: Visit) -> None:
    page = shown.page
    slider = page.locator(".scrub input")
    assert slider.get_attribute("max") == "4"
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    image = page.locator(".stage img")
    job = image.get_attribute("data-job")
    assert image.get_attribute("src") == f"/api/v1/jobs/{job}/steps/2"
    shown.until("document.querySelector('.stage img').naturalWidth > 0")
    held = page.evaluate(
        "async () => { const answer = await fetch(document.querySelector('.stage img').src);"
        "return [...new Uint8Array(await answer.arrayBuffer())] }"
    )
    assert bytes(held) == shown.file(f"/api/v1/jobs/{job}/steps/2")
    slider.press("End")


def test_what_guidance_did_is_seen_for_the_step_that_is_scrubbed(shown: Visit) -> None:
    page = shown.page
    page.get_by_text("What guidance does at this step").press("Enter")
    page.locator(".scrub input").press("Home")
    job = page.locator(".stage img").get_attribute("data-job")
    own = f"/api/v1/jobs/{job}/steps/1?of="
    shown.until("document.querySelector('.three + .hint').textContent.includes('at most')")
    sources = [image.get_attribute("src") for image in page.locator(".three img").all()]
    assert sources == [f"{own}unguided", f"{own}denoised"]
    changed = np.asarray(Image.open(io.BytesIO(shown.file(f"{own}difference")))).astype(float)
    drawn = shown.masked(".three canvas")
    assert abs(drawn - changed * 215 / changed.max()).max() <= 1
    shown.looked_at("limner-stage", FEW)
    page.locator(".scrub input").press("End")
    page.get_by_text("What guidance does at this step").press("Enter")


def test_a_word_is_hovered_and_its_map_lies_over_the_picture(shown: Visit) -> None:
    page = shown.page
    page.locator(".chip", has_text="apple").hover()
    page.wait_for_selector(".stage canvas", state="visible")
    job = page.locator(".stage img").get_attribute("data-job")
    heat = Image.open(io.BytesIO(shown.file(f"/api/v1/jobs/{job}/heatmaps?words=apple")))
    opaque = shown.masked(".stage canvas")
    assert abs(opaque - np.asarray(heat).astype(float) * 215 / 255).max() <= 1
    assert "of the picture" in page.locator(".heard").inner_text()


def test_a_place_is_asked_for_its_words_by_mouse_and_by_keys(shown: Visit) -> None:
    page = shown.page
    page.locator(".stage").hover()
    shown.until("document.querySelector('.heard').textContent.startsWith('Here')")
    page.mouse.move(0, 0)
    page.locator(".stage").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".spot")
    shown.until("document.querySelector('.heard').textContent.includes('apple')")


def test_a_picture_is_kept_found_liked_deleted_and_brought_back(painted: Visit) -> None:
    page = painted.page
    page.reload()
    page.wait_for_selector(".pictures li")
    page.locator(".gallery input[type=search]").fill("zebra")
    assert page.locator(".pictures li").count() == 0
    page.locator(".gallery input[type=search]").fill("apple red")
    page.locator(".thumb").click()
    page.get_by_role("button", name="Favourite", exact=True).click()
    page.get_by_role("button", name="Favourites").click()
    assert page.locator(".pictures li").count() == 1
    page.get_by_role("button", name="Delete").click()
    page.wait_for_selector(".undo")
    assert page.locator(".pictures li").count() == 0
    page.keyboard.press("Enter")  # undo has the focus
    page.wait_for_selector(".pictures li .liked")


def test_what_is_copied_asks_for_the_same(shown: Visit) -> None:
    page = shown.page
    page.locator(".thumb").click()
    texts = {}
    for name in ("limner", "Python", "curl"):
        page.locator(".about").get_by_role("button", name=name, exact=True).click()
        texts[name] = page.locator(".about pre").inner_text()
    assert shlex.split(texts["limner"]) == [
        "limner",
        "paint",
        PROMPT,
        "--seed",
        "7",
        "--steps",
        "4",
    ]
    assert f'.generate("{PROMPT}", seed=7, steps=4)' in texts["Python"]
    compile(texts["Python"], "copied", "exec")
    assert json.loads(shlex.split(texts["curl"])[-1]) == {"prompt": PROMPT, "seed": 7, "steps": 4}
    page.locator(".thumb").click()


def test_a_dropped_picture_gives_its_settings_back(painted: Visit) -> None:
    page = painted.page
    job = page.locator(".stage img").get_attribute("data-job")
    file = painted.file(f"/api/v1/jobs/{job}/images/0")
    page.fill("textarea", "something else")
    page.set_input_files(
        "input[type=file]", {"name": "x.png", "mimeType": "image/png", "buffer": file}
    )
    painted.until(f"document.querySelector('textarea').value.startsWith('{PROMPT}')")
    page.locator("summary").first.click()
    assert page.get_by_role("spinbutton", name="Seed").input_value() == "7"
    assert page.get_by_role("spinbutton", name="Steps").input_value() == "4"


def test_a_file_without_a_record_is_told(visit: Visit) -> None:
    visit.expected = ("Failed to load resource: the server responded with a status of 422",)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    said = {"name": "x.png", "mimeType": "image/png", "buffer": file.getvalue()}
    visit.page.set_input_files("input[type=file]", said)
    visit.until("document.querySelector('.actions + .failed').textContent.includes('no record')")
    assert "/" not in visit.page.locator(".actions + .failed").inner_text().split("no record")[0]


def test_a_key_opens_the_page(chromium: Any, keyed: Running) -> None:
    context = chromium.new_context()
    visit = Visit(context.new_page(), keyed.url)
    visit.begin()
    visit.expected = ("Failed to load resource: the server responded with a status of 401",)
    visit.page.get_by_label("Key", exact=True).fill(ANN)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector(".stage img[data-live=true]")
    assert visit.page.locator("limner-door").count() == 0
    context.close()
    visit.check()


def test_axe_finds_nothing_against_wcag(painted: Visit) -> None:
    page = painted.page
    painted.looked_at()
    page.locator("summary").first.click()
    page.locator(".chip").last.click()
    page.locator(".thumb").click()
    painted.looked_at()


def test_a_hostile_prompt_stays_text(visit: Visit) -> None:
    hostile = "<img src=x onerror=alert`1`>"
    visit.page.fill("textarea", hostile)
    visit.page.keyboard.press("Control+Enter")
    visit.page.wait_for_selector(".pictures li")
    assert visit.page.locator("img[src=x]").count() == 0
