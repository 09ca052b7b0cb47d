"""Runs a tutorial in a real JupyterLab, in a headless browser, as a person would: opens it, runs all cells,
watches the live curve change while the network trains, saves, reloads the page, and looks whether the
final curve is still there. Screenshots go to --out. Exits with 1 and a sentence if anything is not so.

    python3 .ci/lab_test.py --out DIR [--notebook tutorials/00-start.ipynb]
"""
import argparse
import pathlib
import time

import lab

# The live view's pictures: images in outputs whose text counts steps per second.
CURVES = """() => [...document.querySelectorAll('.jp-OutputArea-output')]
  .filter(o => / step .*\\/step|\\/step/.test(o.textContent))
  .flatMap(o => [...o.querySelectorAll('img')].map(i => i.src))"""


def run_all(page, seconds):
    """Runs all cells and returns the pictures that the live views showed on the way."""
    page.evaluate("""() => { window.quireDone = false;
        window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.quireDone = true }) }""")
    seen = []
    end = time.time() + seconds
    while not page.evaluate("() => window.quireDone"):
        for src in page.evaluate(CURVES):
            if src not in seen:
                seen.append(src)
        if time.time() > end:
            lab.fail(f"the notebook did not end within {seconds} s")
        time.sleep(0.1)
    return seen


def check(page, port, name, out, seconds):
    lab.open_notebook(page, port, name)
    if "Quire" not in (kernel := lab.connected(page)):
        lab.fail(f"the kernel is {kernel!r}, not Quire's")
    time.sleep(2)
    seen = run_all(page, seconds)
    if bad := lab.errors(page):
        lab.fail("cells failed:\n" + "\n\n".join(bad))
    if len(seen) < 4:
        lab.fail(f"the live curve showed {len(seen)} pictures while training, want at least 4")
    final = page.evaluate(CURVES)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    shots(page, out, "lab")
    page.reload()
    lab.open_notebook(page, port, name)
    time.sleep(3)
    after = page.evaluate(CURVES)
    if not final or after != final:
        lab.fail(f"after the reload {len(after)} of {len(final)} pictures of the curve are there, or they changed")
    shots(page, out, "reloaded")
    return len(seen), len(final)


def shots(page, out, name):
    """Screenshots of the cell that trained, and of the page."""
    outputs = page.locator(".jp-OutputArea-output", has_text="/step")
    outputs.first.scroll_into_view_if_needed()
    time.sleep(1)
    page.screenshot(path=out / f"{name}.png")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--notebook", default=lab.ROOT / "tutorials" / "00-start.ipynb", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=600)
    args = parser.parse_args()
    name = args.notebook.name
    with lab.session([args.notebook], args.out) as (page, port):
        seen, final = check(page, port, name, args.out, args.seconds)
    print(f"JupyterLab ran {name}: {seen} pictures of live curves while training, {final} kept after a reload")


main()
