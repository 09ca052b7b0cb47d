"""Controls in a real JupyterLab with ipywidgets, in a headless browser: the cell of viz.Interact ends, a slider that is moved
moves the curve, while other cells run too; the saved file has the last state; after a reload of the page the slider
still works; when the cell is run again the program before it goes; when the kernel ends the values stay, as text; a
notebook that is not trusted shows them. Without ipywidgets the page says what to install. Screenshots go to --out. Exits with
1 and a sentence if anything is not so, and prints how long a move takes until the page has the new curve.

    python3 .ci/inputs_test.py --out DIR [--without]
"""
import argparse
import json
import os
import pathlib
import statistics
import tempfile
import time
import urllib.request

import lab

IMPORTS = '''import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/plots"
)
'''

CONTROLS = '''%%
x := make([]float64, 200)
for i := range x {
	x[i] = 2 * math.Pi * float64(i) / 199
}
wave := graph.MustNewExec1(backends.MustNew(), func(x, frequency *graph.Node) *graph.Node {
	return graph.Sin(graph.Mul(x, frequency))
})
viz.Interact(func(frequency float64, shift string, negate bool, clicks int) (any, error) {
	y, err := wave.Call1(x, frequency)
	if err != nil {
		return nil, err
	}
	points := plots.Points{Name: fmt.Sprintf("frequency %.2f", frequency), X: x}
	for _, v := range y.Value().([]float64) {
		if negate {
			v = -v
		}
		points.Y = append(points.Y, v)
	}
	return plots.Lines(plots.Options{Title: fmt.Sprintf("%s, %d clicks", shift, clicks)}, points), nil
}, viz.Slider("frequency", 0.5, 4), viz.Choice("title", "sine", "wave"), viz.Checkbox("negate", false), viz.Button("again"))
'''

CELLS = [IMPORTS, CONTROLS, '%%\nfmt.Println("still here")']

NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
OUTPUT = f"{NOTEBOOK}.widgets[1].outputArea.node"

# How long it takes from a key on the slider until the page has loaded another picture.
MOVE = f"""(key) => new Promise((done, fail) => {{
    const out = {OUTPUT}, handle = out.querySelector('.noUi-handle');
    const pictures = () => [...out.querySelectorAll('img')].map(i => i.src).join();
    const before = pictures(), began = performance.now();
    const watch = new MutationObserver(() => {{
        if (pictures() === before || pictures() === '') return;
        watch.disconnect();
        requestAnimationFrame(() => done(performance.now() - began));
    }});
    watch.observe(out, {{subtree: true, childList: true, attributes: true}});
    setTimeout(() => {{ watch.disconnect(); fail('the curve did not change within 30 s: ' + out.innerText) }}, 30000);
    handle.focus();
    handle.dispatchEvent(new KeyboardEvent('keydown', {{key, bubbles: true, cancelable: true}}));
}})"""


def notebook(cells):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "quire", "display_name": "Quire (Go)", "language": "go"}},
            "cells": [{"id": f"c{i}", "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
                      for i, source in enumerate(cells)]}


def open_notebook(page, port, name):
    lab.open_notebook(page, port, name)
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.content?.widgets?.[1]", timeout=60_000)


def run(page, i, seconds=300):
    page.evaluate(f"""() => {{ const n = {NOTEBOOK}; n.activeCellIndex = {i}; n.deselectAll(); n.mode = 'command'; window.quireDone = false;
        window.jupyterapp.commands.execute('notebook:run-cell').then(() => {{ window.quireDone = true }}) }}""")
    page.wait_for_function("() => window.quireDone", timeout=seconds * 1000)
    if bad := lab.errors(page):
        lab.fail("cells failed:\n" + "\n\n".join(bad))


def text(page):
    return page.evaluate(f"() => {OUTPUT}.innerText")


def shown(page, what, seconds=60):
    """Waits until the cell of controls shows a text."""
    end = time.time() + seconds
    while what not in text(page):
        if time.time() > end:
            lab.fail(f"the controls do not show {what!r} within {seconds} s but {text(page)!r}")
        time.sleep(0.05)


def shot(page, out, name):
    page.evaluate(f"() => {OUTPUT}.scrollIntoView()")
    time.sleep(0.5)
    page.screenshot(path=out / f"{name}.png")


def save(page):
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


def contents(port, name, notebook=None):
    """The notebook of a file, which is written first if one is given."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/contents/{name}?content=1")
    if notebook:
        request.method = "PUT"
        request.data = json.dumps({"type": "notebook", "format": "json", "content": notebook}).encode()
    return json.loads(urllib.request.urlopen(request).read())["content"]


def programs():
    """The processes that cells became."""
    found = []
    for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = os.readlink(line.parent / "exe")
        except OSError:
            continue
        if name.endswith(".cell") or name.endswith(".cell (deleted)"):
            found.append(int(line.parent.name))
    return found


def check(page, port, name, out):
    others = set(programs())  # of kernels that are not this one's
    mine = lambda: [p for p in programs() if p not in others]
    open_notebook(page, port, name)
    lab.connected(page)
    time.sleep(2)
    run(page, 0)
    run(page, 1)  # returns when the cell has ended
    page.wait_for_function(f"() => {OUTPUT}.querySelector('.noUi-handle')", timeout=60_000)
    shown(page, "frequency 2.25 · title sine · negate no · again 0")
    if len(mine()) != 1:
        lab.fail(f"{len(mine())} programs stay behind the cell, want 1")
    shot(page, out, "1-first")
    run(page, 2)  # the kernel is free
    times = []
    for i in range(12):
        times.append(page.evaluate(MOVE, "ArrowRight"))
        time.sleep(0.2)
    shown(page, "frequency 2.67")
    times = sorted(times[2:])
    print(f"inputs_test: a move of the slider is drawn after {statistics.median(times):.0f} ms (median of {len(times)}, {times[0]:.0f} to {times[-1]:.0f})")
    page.select_option(f".jp-OutputArea select", label="wave")
    shown(page, "title wave")
    page.click(".jp-OutputArea .widget-checkbox input")
    shown(page, "negate yes")
    page.click(".jp-OutputArea .jupyter-button")
    shown(page, "again 1")
    drag(page)
    shown(page, "frequency 4 ·")
    shot(page, out, "2-moved")
    save(page)
    outputs = contents(port, name)["cells"][1]["outputs"]
    control, drawn = outputs[0]["data"], outputs[1]["data"]
    if sorted(control) != ["application/vnd.jupyter.widget-view+json", "text/html", "text/plain"]:
        lab.fail(f"the file has of the controls {sorted(control)}")
    if "frequency 4 · title wave · negate yes · again 1" not in "".join(drawn["text/plain"]):
        lab.fail(f"the file's last state is {drawn['text/plain']}")

    page.reload()  # the page knows nothing of the kernel now, and the program lives
    open_notebook(page, port, name)
    lab.connected(page)
    page.wait_for_function(f"() => {OUTPUT}.querySelector('.noUi-handle')", timeout=60_000)
    page.evaluate(MOVE, "ArrowLeft")
    shown(page, "frequency 3.965")
    shot(page, out, "3-reloaded")

    before = mine()
    run(page, 1)
    shown(page, "frequency 2.25 · title sine · negate no · again 0")
    end = time.time() + 30
    while len(mine()) != 1 or mine() == before:
        if time.time() > end:
            lab.fail(f"the programs {mine()} stay, of which {before} are of the cell's first run")
        time.sleep(0.1)

    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.shutdown()")
    shown(page, "has ended (the kernel ends): run the cell again")
    shot(page, out, "4-ended")
    end = time.time() + 30
    while mine():
        if time.time() > end:
            lab.fail(f"the programs {mine()} outlive their kernel")
        time.sleep(0.1)
    return outputs


def drag(page):
    """Drags the slider to its end with the mouse, as people do."""
    box = page.locator(".jp-OutputArea .noUi-handle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(60):
        page.mouse.move(x + 8 * i, y)
        time.sleep(0.01)
    page.mouse.up()


def check_untrusted(page, port, outputs, out):
    """What was saved while controls lived, opened as somebody else's."""
    live = notebook(CELLS)
    live["cells"][1]["outputs"] = outputs
    contents(port, "untrusted.ipynb", live)
    open_notebook(page, port, "untrusted.ipynb")
    shown(page, "these are their first values")
    shown(page, "frequency 4 · title wave · negate yes · again 1")
    if page.evaluate(f"() => {OUTPUT}.querySelectorAll('img').length") != 1:
        lab.fail("the curve is not shown in a notebook that is not trusted")
    shot(page, out, "5-untrusted")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--without", action="store_true", help="look at what is said without ipywidgets, which is switched off")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as dir:
        if args.without:
            off = pathlib.Path(dir, "labconfig", "page_config.json")
            off.parent.mkdir()
            off.write_text(json.dumps({"disabledExtensions": {"@jupyter-widgets/jupyterlab-manager": True}}))
            os.environ["JUPYTER_CONFIG_PATH"] = dir
        path = pathlib.Path(dir, "inputs.ipynb")
        path.write_text(json.dumps(notebook(CELLS)))
        with lab.session([path], args.out) as (page, port):
            if args.without:
                check_without(page, port, args.out)
            else:
                check_untrusted(page, port, check(page, port, "inputs.ipynb", args.out), args.out)
    print("inputs_test: JupyterLab moved the controls" if not args.without else "inputs_test: JupyterLab said what to install")


def check_without(page, port, out):
    open_notebook(page, port, "inputs.ipynb")
    lab.connected(page)
    time.sleep(2)
    run(page, 0)
    run(page, 1)
    shown(page, "pip install ipywidgets, load the page again, and run the cell")
    shown(page, "frequency 2.25 · title sine")
    shot(page, out, "6-without")


main()
