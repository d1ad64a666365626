"""The page's tools in a real browser: change, compare, grid, how it is made; mouse and keys."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browsing import HAS_BROWSER, REASON, Visit, browser
from PIL import Image
from running import Running

import limner
from limner.server.page import FOLDER

pytestmark = pytest.mark.skipif(not HAS_BROWSER, reason=REASON)
PACKAGE = FOLDER.parent.parent
LOOKS: list[tuple[Any, int]] = [("light", 1100), ("dark", 1100), ("light", 320), ("dark", 320)]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture
def visit(chromium: Any, server: Running) -> Iterator[Visit]:
    """The page with a picture painted in full; nothing may go wrong on it."""
    context = chromium.new_context(viewport={"width": 1100, "height": 900})
    found = Visit(context.new_page(), server.url)
    found.begin("/#prompt=a+red+apple&seed=7&steps=3")
    found.page.wait_for_selector(".stage img[data-live=true]")
    found.page.keyboard.press("Control+Enter")
    found.page.wait_for_selector(".pictures li")
    yield found
    context.close()
    found.check()


def shown(visit: Visit, place: str) -> np.ndarray:
    """The pixels of an img."""
    source = visit.page.locator(place).get_attribute("src") or ""
    if source.startswith("data:"):
        file = visit.page.evaluate(f"fetch('{source}').then(a => a.arrayBuffer())")
    file = visit.page.request.get(visit.url + source).body()
    return np.asarray(Image.open(io.BytesIO(file)))


def looked_at(visit: Visit) -> None:
    """No violation in both themes, wide and narrow, and no scrolling to the side."""
    for theme, width in LOOKS:
        visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        visit.page.set_viewport_size({"width": width, "height": 900})
        assert visit.axe() == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.set_viewport_size({"width": 1100, "height": 900})


def test_a_part_is_changed_by_keys_and_nothing_outside_it(visit: Visit) -> None:
    page = visit.page
    before = shown(visit, ".seeing .stage img")
    page.get_by_role("tab", name="Change").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Change it").click()
    page.wait_for_selector("text=Nothing is masked")
    for name, value in (("x", 0), ("y", 0), ("width", 8), ("height", before.shape[0])):
        page.get_by_label(name, exact=True).fill(str(value))
    page.get_by_role("button", name="Add it").press("Enter")
    page.get_by_label("What shall be there").fill("a cat")
    looked_at(visit)
    page.get_by_role("button", name="Change it").press("Enter")
    page.wait_for_selector("figure")
    after = shown(visit, "figure:last-of-type img")
    assert np.array_equal(after[:, 8:], before[:, 8:])
    assert not np.array_equal(after[:, :8], before[:, :8])
    assert page.locator(".pictures li").count() == 1  # staged, not kept
    page.get_by_role("button", name="Take it").press("Enter")
    visit.until("document.querySelectorAll('.pictures li').length === 2")
    assert np.array_equal(shown(visit, ".seeing .stage img"), after)


def test_a_brush_masks_and_undoes_and_a_word_masks(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Change").click()
    masked = (
        "[...(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        "(document.querySelector('canvas.mask'))].filter((v, i) => i % 4 === 3 && v > 127).length"
    )
    page.wait_for_selector("canvas.mask")
    visit.until("document.querySelector('canvas.mask').width > 0")
    box = page.locator("canvas.mask").bounding_box()
    assert box is not None
    page.locator("canvas.mask").scroll_into_view_if_needed()
    box = page.locator("canvas.mask").bounding_box() or box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    brushed = page.evaluate(masked)
    assert brushed > 0
    page.get_by_role("button", name="Invert").click()
    inverted = page.evaluate(masked)
    assert inverted != brushed
    page.get_by_role("button", name="Undo").click()
    assert page.evaluate(masked) == brushed
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate(masked) == 0
    page.get_by_label("Mask from a word").select_option("apple")
    page.get_by_role("button", name="Mask it").click()
    visit.until(f"{masked} > 0")


def test_room_is_painted_round_a_picture(visit: Visit) -> None:
    page = visit.page
    before = shown(visit, ".seeing .stage img")
    page.get_by_role("tab", name="Change").click()
    page.get_by_role("button", name="Room round it").click()
    page.get_by_label("right").fill("16")
    page.get_by_role("button", name="Change it").click()
    page.wait_for_selector("figure")
    after = shown(visit, "figure:last-of-type img")
    assert after.shape[1] == before.shape[1] + 16
    assert np.array_equal(after[:, : before.shape[1]], before)
    page.get_by_role("button", name="Discard").click()
    assert page.locator(".pictures li").count() == 1


def test_two_prompts_stand_beside_each_other_at_one_step(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("Beside").fill("a red cat")
    page.keyboard.press("Enter")
    page.wait_for_selector(".pair img")
    assert page.locator(".pair mark").all_inner_texts() == ["apple", "cat"]
    page.locator(".pair + .scrub input").focus()
    page.keyboard.press("ArrowLeft")
    sources = [image.get_attribute("src") or "" for image in page.locator(".pair img").all()]
    assert all(source.endswith("/steps/2") for source in sources)
    jobs = [page.request.get(visit.url + source.split("/steps")[0]).json() for source in sources]
    assert jobs[0]["seeds"] == jobs[1]["seeds"] == [7]
    assert [job["request"]["prompt"] for job in jobs] == ["a red apple", "a red cat"]
    looked_at(visit)


def test_a_grid_has_headings_and_its_cells_are_their_requests(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Grid").click()
    page.get_by_label("Down").select_option("seed")
    page.locator("[name=values-0]").fill("1, 3")
    page.locator("[name=values-1]").fill("5, 6")
    page.get_by_role("button", name="Paint the grid").click()
    visit.until("document.querySelectorAll('.sweep img').length === 4")
    assert page.locator(".sweep th[scope=col]").all_inner_texts() == ["guidance 1", "guidance 3"]
    assert page.locator(".sweep th[scope=row]").all_inner_texts() == ["seed 5", "seed 6"]
    source = page.locator(".sweep img").nth(3).get_attribute("src") or ""
    request = page.request.get(visit.url + source.split("/images")[0]).json()["request"]
    assert (request["guidance"], request["seed"]) == (3.0, 6)
    looked_at(visit)
    page.locator("[name=values-0]").fill("1, x")
    page.get_by_role("button", name="Paint the grid").click()
    assert "guidance: values" in page.locator("limner-sweep .failed").inner_text()


def test_how_it_is_made_says_this_pictures_own_numbers(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="How it is made").click()
    page.wait_for_selector(".making .film img")
    text = page.locator(".making").inner_text()
    assert "3 times the network" in text
    assert "the seed 7" in text
    assert page.locator(".film img").count() == 3
    for hint in page.locator(".making li > .hint").all_inner_texts():
        assert hint.startswith("src/limner/")
        assert (PACKAGE / hint.removeprefix("src/limner/")).is_file()
    looked_at(visit)


def test_tabs_are_led_by_arrow_keys(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Change").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Compare").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("tab", name="Change").get_attribute("aria-selected") == "true"


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": 'it\'s "a" cat', "seed": 7, "steps": 2, "size": [32, 16]},
        {"prompt": "two", "seed": 7, "regions": [{"text": "a", "box": [0, 0, 1, 1]}]},
    ],
)
def test_copied_python_asks_for_the_same(visit: Visit, fields: dict[str, Any]) -> None:
    script = "fields => import('/page/copying.js').then(copying => copying.asPython(fields))"
    text = visit.page.evaluate(script, fields)
    asked: list[limner.Request] = []

    class Recorder:
        """Takes what the copied lines ask for."""

        def generate(self, prompt: str, **named: Any) -> Any:
            asked.append(limner.Request(prompt=prompt, **named))
            raise StopIteration

        def paint(self, request: limner.Request) -> Any:
            asked.append(request)
            raise StopIteration

    line = text.splitlines()[2].replace("limner.load()", "painter")
    with pytest.raises(StopIteration):
        exec(line, {"limner": limner, "painter": Recorder()})
    wanted = limner.Request.from_values(fields)
    assert asked == [wanted]
