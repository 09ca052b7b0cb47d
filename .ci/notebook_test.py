"""What the kernel does for people, looked at in a real JupyterLab in a headless browser: shapes on Shift-Tab while a
cell trains; Run All stops at the cell that fails; interrupts stop a build, a training and a shell command; after a
reload in the middle of a training its curve is there, whole, and %attach takes up the running cell; kept values outlive a restart. Screenshots go to --out.
Exits with 1 and a sentence if anything is not so.

    python3 .ci/notebook_test.py --out DIR [--only NAME]
"""
import argparse
import json
import pathlib
import tempfile
import time

import lab

IMPORTS = '''import (
	"fmt"
	"time"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/dtypes"
)
'''

CHECKS = {}
OUT = pathlib.Path(".")  # of screenshots


def check(*cells):
    """A check: a function of a page that shows a notebook of the given cells."""
    def add(run):
        CHECKS[run.__name__.replace("_", "-")] = (cells, run)
        return run
    return add


def notebook(cells):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "quire", "display_name": "Quire (Go)", "language": "go"}},
            "cells": [{"id": f"c{i}", "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
                      for i, source in enumerate(cells)]}


WIDGETS = "window.jupyterapp.shell.currentWidget.content.widgets"


def select(page, i):
    page.evaluate(f"() => {{ const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = {i}; n.mode = 'command'; }}")


def start(page, i, command="notebook:run-cell"):
    """Starts a cell, or all of them, and does not wait."""
    select(page, i)
    page.evaluate(f"() => {{ window.quireDone = false; window.jupyterapp.commands.execute('{command}').then(() => {{ window.quireDone = true }}) }}")


def ended(page, seconds):
    end = time.time() + seconds
    while not page.evaluate("() => window.quireDone"):
        if time.time() > end:
            lab.fail(f"it did not end within {seconds} s")
        time.sleep(0.05)


def run(page, i, seconds=120):
    start(page, i)
    ended(page, seconds)
    return text(page, i)


def text(page, i):
    return page.evaluate(f"() => {WIDGETS}[{i}].outputArea.node.innerText")


def shown(page, i, what, seconds=120):
    """Waits until a cell shows a text."""
    end = time.time() + seconds
    while what not in text(page, i):
        if time.time() > end:
            lab.fail(f"cell {i} does not show {what!r} within {seconds} s but {text(page, i)!r}")
        time.sleep(0.05)


def prompt(page, i):
    return page.evaluate(f"() => {WIDGETS}[{i}].promptNode.textContent")


def want(page, i, *parts):
    got = text(page, i)
    for part in parts:
        if part not in got:
            lab.fail(f"cell {i} shows {got!r}, which has no {part!r}")


@check(IMPORTS, '%%\nfmt.Println("first")', '%%\npanic("on purpose")', '%%\nfmt.Println("third")', '%%\nfmt.Println("fourth")')
def run_all_stops_at_the_failing_cell(page):
    start(page, 0, "notebook:run-all-cells")
    ended(page, 120)
    want(page, 1, "first")
    want(page, 2, "on purpose")
    for i in (3, 4):
        if text(page, i).strip() or any(c.isdigit() for c in prompt(page, i)):
            lab.fail(f"cell {i} ran after one that failed: {prompt(page, i)!r} {text(page, i)!r}")


def interrupt(page):
    began = time.time()
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    ended(page, 30)
    if (took := time.time() - began) > 8:
        lab.fail(f"the interrupt took {took:.1f} s")


@check(IMPORTS, '%goflags "-a"', '%%\nfmt.Println("built")', '%goflags ""')
def an_interrupt_stops_a_build(page):
    run(page, 0)
    run(page, 1)
    start(page, 2)
    time.sleep(3)  # everything is compiled anew now
    interrupt(page)
    want(page, 2, "nterrupt")
    if "built" in text(page, 2):
        lab.fail("the cell ran after its build was interrupted")
    run(page, 3)
    run(page, 2)
    want(page, 2, "built")


@check(IMPORTS, '!echo begun; sleep 60; echo over', '%%\nfor i := 0; ; i++ {\n\tif i == 1 {\n\t\tfmt.Println("begun")\n\t}\n\ttime.Sleep(10 * time.Millisecond)\n}',
       '%%\nfmt.Println("still here")')
def interrupts(page):
    run(page, 0)
    for i in (1, 2):
        start(page, i)
        shown(page, i, "begun")
        interrupt(page)
        if "over" in text(page, i):
            lab.fail("the shell command went on")
    want(page, 2, "nterrupt")
    run(page, 3)
    want(page, 3, "still here")


LAYER = """func layer(x, w *graph.Node) *graph.Node {
	hidden := graph.MatMul(x, w)
	return graph.Relu(hidden)
}"""


def hover(page, i, line, column):
    """Presses Shift-Tab at a place of a cell, and returns what the tooltip says."""
    select(page, i)
    page.evaluate(f"""() => {{ const n = window.jupyterapp.shell.currentWidget.content; n.mode = 'edit';
        n.activeCell.editor.setCursorPosition({{line: {line}, column: {column}}}); n.activeCell.editor.focus() }}""")
    page.keyboard.press("Shift+Tab")
    tip = page.wait_for_selector(".jp-Tooltip", timeout=20_000)
    said = tip.inner_text()
    page.screenshot(path=OUT / f"hover-{line}-{column}.png")
    page.keyboard.press("Escape")
    return said


@check(IMPORTS, LAYER, "graph.MustCallOnce(backends.MustNew(), layer, make2(128, 784), make2(784, 10)).Shape()",
       "func make2(rows, columns int) [][]float32 {\n\tx := make([][]float32, rows)\n\tfor i := range x {\n\t\tx[i] = make([]float32, columns)\n\t}\n\treturn x\n}",
       'for i := range 3000 {\n\tif i == 1 {\n\t\tfmt.Println("begun")\n\t}\n\ttime.Sleep(10 * time.Millisecond)\n}')
def shapes_on_hover_while_a_cell_runs(page):
    for i in (0, 1, 3, 2):
        run(page, i)
    want(page, 2, "float32[128 10]")
    start(page, 4)
    shown(page, 4, "begun")
    for line, column, what in ((1, 3, "float32[128 10]"), (0, 12, "float32[128 784]"), (1, 18, "MatMul")):
        if what not in (said := hover(page, 1, line, column)):
            lab.fail(f"hover over line {line} column {column} says {said!r}, which has no {what!r}")
    if page.evaluate("() => window.quireDone"):
        lab.fail("the cell ended before hover was looked at")
    interrupt(page)


TRAINING = """import (
	"fmt"
	"time"

	"github.com/quire-ml/quire/kernel-ext/jobs"
	"github.com/quire-ml/quire/kernel-ext/keep"
)"""


@check(TRAINING, 'job, err := jobs.Start("browser", func(w *jobs.Work) error {\n\tfor i := range 40 {\n\t\tfmt.Println("step", i)\n\t\ttime.Sleep(100 * time.Millisecond)\n\t}\n\treturn nil\n})\nfmt.Println(job.Name(), err)',
       "%attach browser", 'fmt.Println(keep.Put("browser", []int{1, 2, 3}))', 'again, err := keep.Get[[]int]("browser")\nfmt.Println(again, err)', "again")
def jobs_and_kept_values_outlive_page_and_kernel(page):
    run(page, 0)
    want(page, 0)
    run(page, 1)
    want(page, 1, "browser <nil>")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=60_000)
    lab.connected(page)
    run(page, 2)
    want(page, 2, 'job "browser": done', "step 0", "step 39")
    run(page, 3)
    run(page, 4)
    want(page, 4, "[1 2 3] <nil>")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    lab.connected(page)
    run(page, 5)
    want(page, 5, "again is not defined")
    run(page, 0)
    run(page, 4)
    want(page, 4, "[1 2 3] <nil>")


@check('import (\n\t"fmt"\n\t"time"\n)', 'for i := 0; ; i++ {\n\tfmt.Println("line", i)\n\ttime.Sleep(20 * time.Millisecond)\n}', "%attach", 'fmt.Println("still here")')
def a_running_cell_is_taken_up_again_after_a_reload(page):
    run(page, 0)
    start(page, 1)
    shown(page, 1, "line 3\n")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=60_000)
    lab.connected(page)
    start(page, 2)
    shown(page, 2, "line 0\n")  # what was printed before the reload too
    before = last_line(page)
    shown(page, 2, f"line {before + 20}\n")  # and it goes on
    if page.evaluate("() => window.quireDone"):
        lab.fail("the cell that looks on ended before the one that it looks at")
    interrupt(page)
    want(page, 2, "interrupted")
    got = text(page, 2)
    for i in range(last_line(page) + 1):
        if f"line {i}\n" not in got:
            lab.fail(f"line {i} is missing: {got!r}")
    run(page, 3)
    want(page, 3, "still here")


def last_line(page):
    """The number of the last line that the cell that looks on shows."""
    return max(int(line.split()[1]) for line in text(page, 2).splitlines() if line.startswith("line "))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--only", choices=sorted(CHECKS))
    args = parser.parse_args()
    global OUT
    OUT = args.out
    checks = {name: c for name, c in CHECKS.items() if args.only in (None, name)}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, (cells, _) in checks.items():
            files.append(pathlib.Path(folder, name + ".ipynb"))
            files[-1].write_text(json.dumps(notebook(cells)))
        with lab.session(files, args.out) as (page, port):
            for name, (_, run_check) in checks.items():
                began = time.time()
                lab.open_notebook(page, port, name + ".ipynb")
                lab.connected(page)
                try:
                    run_check(page)
                except AssertionError as e:
                    lab.fail(f"{name}: {e}")
                page.screenshot(path=args.out / f"{name}.png")
                print(f"{name}: {time.time() - began:.1f} s", flush=True)


main()
