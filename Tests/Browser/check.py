"""Checks the HTML reports of a folder in a browser, in light and in dark.

Usage: check.py FOLDER SCREENSHOTS
"""

import os
import sys
import time

from chromium import Chromium

FAILURES = []

# The contrast of every text that is shown with what is behind it, as WCAG 2 defines it.
CONTRAST = r"""
(() => {
  const parse = text => text.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], [R, G, B]) => [r, g, b].map((v, i) => v * a + [R, G, B][i] * (1 - a));
  const light = rgb => {
    const [r, g, b] = rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = node => {
    const layers = [];
    for (; node; node = node.parentElement) layers.push(parse(getComputedStyle(node).backgroundColor));
    return layers.reverse().reduce((base, layer) => over(layer, base), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('script, option')) continue;
    const style = getComputedStyle(node);
    const isSVG = node.namespaceURI.endsWith('svg');
    if (isSVG && node.localName !== 'text') continue;
    const back = behind(isSVG ? node.ownerSVGElement.parentElement : node);
    const front = over(parse(isSVG ? style.fill : style.color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.textContent.trim().slice(0, 40)]);
  }
  found.sort((x, y) => x[0] - y[0]);
  return { count: found.length, worst: found[0] };
})()
"""


def check(condition, text):
    if not condition:
        FAILURES.append(text)
        print(f"  FAILED: {text}")


def equal(found, expected, text):
    check(found == expected, f"{text}: found {found!r}, expected {expected!r}")


class Page:
    """A report in the browser, with what the checks ask it."""

    def __init__(self, browser, name):
        self.browser, self.name = browser, name
        self.run = browser.run

    def count(self):
        """How many tensors the table says it shows, and of how many."""
        words = self.run("document.getElementById('count').textContent").replace(",", "").split()
        return int(words[0]), int(words[3])

    def column(self, key):
        """The figures of a column on the first page, in order."""
        texts = self.run(f"""(() => {{
          const heads = [...document.querySelectorAll('#table thead th')];
          const at = heads.findIndex(head => head.dataset.key === '{key}');
          return [...document.querySelectorAll('#table tbody tr')].map(row => row.cells[at].textContent);
        }})()""")
        # A unit may stand behind.
        return [float(text.split()[0]) for text in texts if text != "–"]

    def select(self, control, value):
        self.run(f"""(() => {{
          const node = document.getElementById('{control}');
          node.value = '{value}';
          node.dispatchEvent(new Event('change', {{ bubbles: true }}));
        }})()""")

    def focused(self):
        return self.run("document.activeElement.getAttribute('aria-label')")


def check_reading(page, verdict):
    """What stands in every report."""
    check(verdict in page.run("document.querySelector('h1').textContent"), "the verdict is the heading")
    contrast = page.run(CONTRAST)
    check(contrast["count"] > 40, f"texts were found: {contrast['count']}")
    check(contrast["worst"][0] >= 4.5, f"contrast: {contrast['worst']}")
    check_width(page)
    nameless = [role for role, name in page.browser.names() if not name.strip() and role in (
        "button", "treeitem", "tree", "image", "img", "searchbox", "combobox", "slider", "table",
        "columnheader", "rowheader", "navigation", "region", "search", "link")]
    equal(nameless, [], "everything to be used has a name")
    landmarks = page.run("['header', 'main', 'nav'].map(tag => document.querySelectorAll(tag).length)")
    equal(landmarks, [1, 1, 1], "landmarks")
    equal(page.run("document.querySelectorAll('h1').length"), 1, "top headings")


def check_width(page):
    check(not page.run("document.documentElement.scrollWidth > innerWidth"), "nothing overflows")


def check_table(page, total, failing):
    shown = page.count()
    equal(shown, (failing if failing is not None else shown[0], total), "tensors at first")
    page.select("verdict", "all")
    equal(page.count(), (total, total), "all tensors")
    page.run("document.getElementById('filter').focus()")
    page.browser.type("lm_head outputs")
    shown = page.count()[0]
    check(0 < shown < total, f"the filter reduces {total} tensors to {shown}")
    names = page.run("[...document.querySelectorAll('#table tbody th')].map(th => th.textContent)")
    equal(set(names), {"lm_head"}, "filtered modules")
    page.run("""(() => { const node = document.getElementById('filter'); node.value = 'no such thing';
      node.dispatchEvent(new Event('input')); })()""")
    equal(page.count()[0], 0, "a filter that matches nothing")
    page.run("""(() => { const node = document.getElementById('filter'); node.value = '';
      node.dispatchEvent(new Event('input')); })()""")
    equal(page.count()[0], total, "without a filter")


def check_sorting(page):
    page.run("document.getElementById('columns').click()")
    heads = page.run("[...document.querySelectorAll('#table thead th')].map(th => th.dataset.key)")
    check(len(heads) > 40 and "snr_db" in heads and "expected.std" in heads, f"all figures: {heads}")
    for key in ["max_abs", "worst_row", "max_ulp", "min_rtol", "cosine", "snr_db"]:
        button = f"document.querySelector('#table thead [data-key=\"{key}\"] button')"
        page.run(button + ".focus()")
        page.browser.key("Enter")
        equal(page.run(button + ".parentElement.ariaSort"), "descending", f"{key}: aria-sort")
        values = page.column(key)
        equal(values, sorted(values, reverse=True), f"{key} descending")
        page.browser.key("Enter")
        equal(page.run(button + ".parentElement.ariaSort"), "ascending", f"{key}: aria-sort")
        values = page.column(key)
        equal(values, sorted(values), f"{key} ascending")
        page.browser.key("Enter")
    orders = page.column("order")
    equal(orders, sorted(orders), "execution order again")
    page.run("document.getElementById('columns').click()")


def check_tree(page):
    key = page.browser.key
    page.run("document.querySelector('[role=treeitem][tabindex=\"0\"]').focus()")
    first = page.focused()
    key("End")
    last = page.focused()
    key("Home")
    equal(page.focused(), first, "home")
    if page.run("document.querySelectorAll('[role=treeitem]').length") > 1:
        check(last != first and last, f"the end of the tree is another item than {first}")
        key("ArrowDown")
        second = page.focused()
        check(second != first and second, f"the arrow moves down: {first} to {second}")
        key("ArrowUp")
        equal(page.focused(), first, "the arrow moves up")
    expanded = "document.activeElement.getAttribute('aria-expanded')"
    if page.run(expanded) is not None:
        if page.run(expanded) == "false":
            key("ArrowRight")
        equal(page.run(expanded), "true", "the right arrow opens")
        key("ArrowRight")
        check(page.focused() != first, "the right arrow goes inside")
        equal(page.run("document.activeElement.ariaLevel"), "2", "level")
        key("ArrowLeft")
        equal(page.focused(), first, "the left arrow goes out")
        key("ArrowLeft")
        equal(page.run(expanded), "false", "the left arrow closes")
        key("ArrowRight")
    equal(page.run("document.querySelectorAll('[role=tree] [tabindex=\"0\"]').length"), 1,
          "one stop for the tab key")
    page.run("document.activeElement.blur()")


def check_module_filter(page, total):
    page.run("document.querySelector('[role=treeitem][tabindex=\"0\"]').focus()")
    page.browser.key("End")
    page.browser.key("Enter")
    equal(page.run("document.activeElement.ariaSelected"), "true", "the module is selected")
    shown = page.count()[0]
    check(0 < shown <= total, f"the module has {shown} tensors")
    page.run("document.getElementById('module').click()")
    equal(page.count()[0], total, "all modules again")


def check_pictures(page):
    """The plots of a mismatch, and that each has a title and a table beside it."""
    pictures = page.run("""[...document.querySelectorAll('svg')].map(svg =>
      [svg.getAttribute('role'), svg.querySelector('title').textContent, svg.querySelectorAll('rect').length])""")
    equal([role for role, _, _ in pictures], ["img"] * 3, "the growth, a histogram and a heatmap")
    check(all(count > 1 for _, _, count in pictures[1:]), f"bins and cells: {pictures}")
    rows = page.run("""[...document.querySelectorAll('details')].filter(node => node.ontoggle).map(node => {
      node.open = true; node.ontoggle();
      const rows = node.querySelectorAll('tbody tr').length; node.open = false; return rows; })""")
    check(all(rows), f"each picture has a table: {rows}")
    before = page.run("document.getElementById('growth-read').textContent")
    page.run("document.getElementById('growth-call').focus()")
    page.browser.key("Home" if page.run("document.getElementById('growth-call').value") != "0" else "End")
    check(page.run("document.getElementById('growth-call').max") == "0"
          or page.run("document.getElementById('growth-read').textContent") != before,
          "the slider moves along the curve")


def check_report(browser, folder, shots, name, verdict, total=None, failing=None):
    path = os.path.join(folder, name + ".html")
    size = os.path.getsize(path)
    for scheme in ("light", "dark"):
        print(f"{name}, {scheme}")
        browser.media(scheme)
        start = time.monotonic()
        browser.open(path)
        page = Page(browser, name)
        page.count()
        opened = time.monotonic() - start
        browser.screenshot(os.path.join(shots, f"{name}-{scheme}.png"))
        check_reading(page, verdict)
        if total:
            check_table(page, total, failing)
            check_sorting(page)
            check_tree(page)
            check_module_filter(page, total)
        if failing:
            check_pictures(page)
        if total and total > 1000:
            took = page.run("""(() => { const start = performance.now();
              const node = document.getElementById('filter'); node.value = 'mlp outputs';
              node.dispatchEvent(new Event('input')); document.body.offsetHeight;
              return performance.now() - start; })()""")
            sorting = page.run("""(() => { const start = performance.now();
              document.querySelector('#table thead [data-key=max_abs] button').click();
              document.body.offsetHeight; return performance.now() - start; })()""")
            print(f"  {size / 1e6:.1f} MB; opened in {opened:.2f} s, filtered in {took:.0f} ms, "
                  f"sorted in {sorting:.0f} ms")
        equal(browser.problems(), [], "console, exceptions and requests")
    browser.media("light", "print")
    browser.screenshot(os.path.join(shots, f"{name}-print.png"))


def main(folder, shots):
    with Chromium() as browser:
        check_report(browser, folder, shots, "two", "Mismatch", 2, 2)
        check_report(browser, folder, shots, "many", "Mismatch", 20_020)
        check_report(browser, folder, shots, "match", "Match", 560)
        check_report(browser, folder, shots, "hostile", "Match")
        equal(browser.run("window.broken"), None, "no name runs as a script")
        browser.run("""(() => { const node = document.getElementById('filter');
          node.value = 'window.broken'; node.dispatchEvent(new Event('input')); })()""")
        names = browser.run("""[...new Set([...document.querySelectorAll('#table tbody th')]
          .map(cell => cell.textContent))].sort()""")
        equal(names, ["\"'><img src=x onerror=window.broken=2>",
                      "</script><script>window.broken = 1</script>"], "names are shown as they are")
    with Chromium(width=480) as browser:
        print("two, on a narrow screen")
        browser.open(os.path.join(folder, "two.html"))
        check_width(Page(browser, "two"))
        browser.screenshot(os.path.join(shots, "two-narrow.png"))
    print(f"{len(FAILURES)} failures; screenshots are in {shots}")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
