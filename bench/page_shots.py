"""The page's screenshots for docs/page.md, taken of a real browser with the shipped models.

    python bench/page_shots.py docs            # page-words.png and seven more

Each is looked at before it is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from page import served
from playwright.sync_api import Page

SETTLED = 2500  # ms that maps, steps and layouts take at most, once they are there
TOOLS = "limner-tools"
WIDE, NARROW = {"width": 1100, "height": 640}, {"width": 320, "height": 1100}


def paint(page: Page, prompt: str) -> None:
    """In full, and wait until it is kept."""
    kept = page.locator(".pictures li").count()
    page.fill("textarea", prompt)
    page.wait_for_timeout(SETTLED)
    page.keyboard.press("Control+Enter")
    page.locator(".pictures li").nth(kept).wait_for()
    page.wait_for_timeout(SETTLED)


def shot(page: Page, folder: Path, name: str, part: str | None = None) -> None:
    """The page as the window shows it, or one element of it."""
    page.wait_for_timeout(SETTLED)
    (page if part is None else page.locator(part)).screenshot(path=folder / f"page-{name}.png")


def words(page: Page, folder: Path) -> None:
    paint(page, "a cat and two red apples")
    page.locator(".chip", has_text="apples").hover()
    shot(page, folder, "words")
    page.mouse.move(3, 3)


def guidance(page: Page, folder: Path) -> None:
    page.locator(".scrub input").first.press("Home")
    page.locator(".scrub input").first.press("ArrowRight")
    page.get_by_text("What guidance does at this step").click()
    page.wait_for_timeout(SETTLED)
    shot(page, folder, "guidance", ".seeing")
    page.get_by_text("What guidance does at this step").click()


def made(page: Page, folder: Path) -> None:
    page.get_by_role("tab", name="How it is made").click()
    page.wait_for_selector(".making img")
    shot(page, folder, "made", TOOLS)


def brushed(page: Page, folder: Path) -> None:
    page.get_by_role("tab", name="Change").click()
    page.locator("canvas.mask").scroll_into_view_if_needed()
    box = page.locator("canvas.mask").bounding_box()
    assert box is not None
    x, y, width, height = (box[side] for side in ("x", "y", "width", "height"))
    page.mouse.move(x + 0.1 * width, y + 0.15 * height)
    page.mouse.down()
    for index in range(9):
        across, down = 0.1 + 0.1 * index, 0.15 + 0.08 * (index % 2)
        page.mouse.move(x + width * across, y + height * down)
    page.mouse.up()
    page.get_by_label("What shall be there").fill("a ghost, 3d")
    shot(page, folder, "change", TOOLS)


def room(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Room round it").click()
    for side, pixels in (("right", 112), ("top", 64)):
        page.get_by_label(side, exact=True).fill(str(pixels))
        page.get_by_label(side, exact=True).press("Enter")
    shot(page, folder, "room", TOOLS)


def compared(page: Page, folder: Path) -> None:
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("Beside").fill("a dog, 3d")
    page.keyboard.press("Enter")
    page.wait_for_selector(".pair img")
    shot(page, folder, "compare", TOOLS)


def grid(page: Page, folder: Path) -> None:
    page.get_by_role("tab", name="Grid").click()
    page.get_by_label("Down").select_option("seed")
    page.locator("[name=values-0]").fill("1, 1.6, 4")
    page.locator("[name=values-1]").fill("5, 6")
    page.get_by_role("button", name="Paint the grid").click()
    page.locator(".sweep img").nth(5).wait_for()
    shot(page, folder, "grid", TOOLS)


def narrow_and_dark(page: Page, folder: Path) -> None:
    page.fill("textarea", "a cat and two red apples")
    page.wait_for_timeout(SETTLED)
    page.emulate_media(color_scheme="dark")
    page.evaluate("scrollTo(0, 0)")
    page.set_viewport_size(NARROW)
    shot(page, folder, "narrow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with served() as (browser, url):
        page = browser.new_page(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
        page.set_default_timeout(120_000)
        page.goto(f"{url}/#prompt=a+cat&seed=7")
        page.wait_for_selector(".stage img[data-live=true]")
        words(page, folder)
        paint(page, "a cat, 3d")
        guidance(page, folder)
        made(page, folder)
        brushed(page, folder)
        room(page, folder)
        compared(page, folder)
        grid(page, folder)
        narrow_and_dark(page, folder)


if __name__ == "__main__":
    main()
