"""The report in a real browser: it loads without complaint, shows everything, and fits the window."""

from collections.abc import Iterator
from pathlib import Path

import browser
import pytest
from model_directories import manifest, predictions, write_model

from xgboost_pipeline.report import Settings, run

SECTIONS = (
    *("ladder", "measures", "ranking", "calibration", "decisions", "quarters"),
    *("statuses", "importance", "learning", "rows", "making", "dictionary"),
)
LADDER = [("reference", "rows"), ("reference", "loan"), ("forward", "loan"), ("forward", "loan_and_time")]
# Cells that scroll inside their own box do not widen the page.
TOO_WIDE = """[...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll *, svg *'))
    .map(e => e.tagName + '.' + e.className)"""
SIZES = "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect()).map(r => [r.width, r.height])"
CONTRAST = """(() => {
    const channel = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const light = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(channel)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const ground = e => { const c = getComputedStyle(e).backgroundColor;
        return c === 'rgba(0, 0, 0, 0)' ? ground(e.parentElement) : c; };
    return Math.min(...[...document.querySelectorAll('h1, p, td, th, dt, dd, a, caption')].map(e => {
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
        return (a + .05) / (b + .05); }));
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    """Open a report on all four rungs, with long names where users may have them."""
    try:
        program = browser.find()
    except browser.NoBrowserError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("report")
    long = {"settings": {"features": "s3://bucket/" + "a-very-long-name/" * 9}, "fingerprint": "0123456789abcdef" * 8}
    models = [
        write_model(folder / f"{label}-{split}", manifest(label, split, **long), predictions(1200))
        for label, split in LADDER
    ]
    run(Settings(model=models[-1], compare=tuple(models[:-1]), output=str(folder / "out")))
    with browser.started(program) as running:
        yield running.page((folder / "out" / "report.html").as_uri())


def test_the_browser_has_nothing_to_complain_about(page: browser.Page) -> None:
    page.evaluate("document.querySelector('details').open = true")
    assert page.complaints == []


def test_the_harness_notices_what_a_page_complains_about(page: browser.Page, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<script>console.error('seen'); missing()</script>")
    bad = page.browser.page((tmp_path / "bad.html").as_uri())
    assert [said for word in ("seen", "missing") for said in bad.complaints if word in said]


def test_the_title_says_what_it_is(page: browser.Page) -> None:
    assert page.evaluate("document.title") == "Loan default model: report (synthetic data)"


def test_the_banner_is_seen_at_the_top_and_after_scrolling_down(page: browser.Page) -> None:
    page.resize(1400)
    place = "[document.querySelector('#banner').getBoundingClientRect()].map(b => [b.top, b.height > 20])[0]"
    above = page.evaluate(place)
    page.evaluate("window.scrollTo(0, 4000)")
    assert (above, page.evaluate(place)) == ([0, True], [0, True])


def test_the_watermark_covers_the_whole_page(page: browser.Page) -> None:
    page.resize(1400)
    mark = page.evaluate("parseFloat(getComputedStyle(document.body, '::after').height)")
    assert mark >= page.evaluate("document.body.scrollHeight") - 1


def test_the_headline_is_visible_without_scrolling(page: browser.Page) -> None:
    page.resize(1400, 800)
    page.evaluate("window.scrollTo(0, 0)")
    assert 0 < page.evaluate("document.querySelector('h1').getBoundingClientRect().bottom") < 800


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_there_with_a_heading_and_a_link_to_it(page: browser.Page, section: str) -> None:
    seen = page.evaluate(
        f"[document.querySelector('section#{section} h2').offsetHeight > 0,"
        f" document.querySelector('section#{section}').offsetHeight > 60,"
        f" !!document.querySelector('nav a[href=\"#{section}\"]')]"
    )
    assert seen == [True, True, True]


@pytest.mark.parametrize("width", [400, 700, 1000, 1400, 1600])
def test_no_part_of_the_page_is_wider_than_the_window(page: browser.Page, width: int) -> None:
    page.resize(width)
    page.evaluate("document.querySelector('details').open = true")
    assert (page.evaluate("document.documentElement.scrollWidth"), page.evaluate(TOO_WIDE)) == (width, [])


@pytest.mark.parametrize("width", [400, 1400])
def test_every_chart_is_drawn_at_a_readable_size(page: browser.Page, width: int) -> None:
    page.resize(width)
    sizes = page.evaluate(
        "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect()).map(r => [r.width, r.height])"
    )
    assert len(sizes) == 9
    assert min(size[0] for size in sizes) > 300
    assert min(size[1] for size in sizes) > 150


def test_no_text_leaves_its_chart(page: browser.Page) -> None:
    page.resize(1400)
    outside = page.evaluate(
        """[...document.querySelectorAll('svg')].flatMap(s => [...s.querySelectorAll('text')].filter(t => {
            const [o, i] = [s.getBoundingClientRect(), t.getBoundingClientRect()];
            return i.left < o.left - 2 || i.right > o.right + 2 || i.top < o.top - 2 || i.bottom > o.bottom + 2;
        }).map(t => t.textContent))"""
    )
    assert outside == []


def test_every_chart_says_what_it_shows_to_a_screen_reader(page: browser.Page) -> None:
    labels = page.evaluate("[...document.querySelectorAll('svg')].map(s => s.getAttribute('aria-label'))")
    assert len(set(labels)) == 9
    assert min(map(len, labels)) > 20


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_has_enough_contrast(page: browser.Page, dark: bool) -> None:
    page.resize(1400, dark=dark)
    assert page.evaluate(CONTRAST) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_charts_follow_the_colour_scheme(page: browser.Page, dark: bool) -> None:
    page.resize(1400, dark=dark)
    drawn = page.evaluate("getComputedStyle(document.querySelector('#roc-axes_1 text')).fill")
    assert drawn == ("rgb(230, 233, 238)" if dark else "rgb(27, 36, 48)")


def test_the_data_dictionary_opens(page: browser.Page) -> None:
    page.evaluate("document.querySelector('details').open = false")
    closed = page.evaluate("document.querySelector('#dictionary').offsetHeight")
    page.evaluate("document.querySelector('summary').click()")
    assert page.evaluate("document.querySelector('#dictionary').offsetHeight") > closed + 100


def test_a_screenshot_is_more_than_a_blank_page(page: browser.Page, tmp_path: Path) -> None:
    page.resize(1400)
    page.screenshot(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 100_000
