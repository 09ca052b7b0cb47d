"""What a cell that fails shows in every front end: jupyter nbconvert --execute, jupyter console, JupyterLab, Notebook 7
and nbclassic, the latter three in a headless browser. The sentence with the cell's line, the line with a caret, the
remedy and the panel of an error of a graph have to be there, and none of gonb's own words. Screenshots go to --out.
Exits with 1 and a sentence if anything is not so.

    python3 .ci/frontends_test.py --out DIR [--only NAME]

It needs the packages of .ci/requirements.txt.
"""
import argparse
import json
import os
import pathlib
import shutil
import re
import subprocess
import sys
import tempfile
import time

import pexpect

import lab

CELLS = [
    """import "github.com/quire-ml/quire/graph"

func add(x, y *graph.Node) *graph.Node {
	return graph.Add(x, y)
}""",
    """%%
x := tensors.FromScalarAndDimensions(float32(1), 4, 3)
y := tensors.FromScalarAndDimensions(float32(1), 5, 3)
if _, err := graph.CallOnce(backends.MustNew(), add, x, y); err != nil {
	panic(err)
}""",
]
# What the second cell shows: its error, and the panel beside it, of which some front ends take the HTML.
WANT = ["In[1]:4: Add [4 3] · [5 3]: axis 0: 4 against 5", "it became a panic in In[2]:5", "4 │     return graph.Add(x, y)", "operand 1", "operand 2"]
UNWANTED = ["goroutine 1", "go build", "/tmp/", "exit status", "gonb_", "main.go"]


def notebook(folder):
    path = pathlib.Path(folder, "fails.ipynb")
    path.write_text(json.dumps({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "quire", "display_name": "Quire (Go)", "language": "go"}},
        "cells": [{"id": f"c{i}", "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
                  for i, source in enumerate(CELLS)]}))
    return path


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\u00a0", " ")


def judge(name, text, want=WANT):
    text = plain(text)
    for part in want:
        if part not in text:
            lab.fail(f"{name} does not show {part!r} but\n{text}")
    for part in UNWANTED:
        if part in text:
            lab.fail(f"{name} shows {part!r}:\n{text}")


def installed(prefix):
    """Installs the kernel for Jupyter's programs, and returns their environment."""
    subprocess.run(["go", "run", "./kernel-ext/quire", "kernel", "install", "-prefix", prefix], cwd=lab.ROOT, check=True)
    return dict(os.environ, JUPYTER_PATH=str(pathlib.Path(prefix, "share", "jupyter")))


def nbconvert(folder, env):
    notebook(folder)
    subprocess.run([sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--allow-errors", "fails.ipynb", "--output", "out.ipynb"],
                   cwd=folder, env=env, check=True, timeout=300)
    cells = json.loads(pathlib.Path(folder, "out.ipynb").read_text())["cells"]
    if [c["execution_count"] for c in cells] != [1, 2]:
        lab.fail(f"nbconvert: the cells count {[c['execution_count'] for c in cells]}, not 1 and 2")
    text = ""
    for o in cells[1]["outputs"]:
        text += "\n".join(o.get("traceback", [])) + "\n" + "".join(o.get("data", {}).get("text/plain", [])) + "".join(o.get("text", []))
    judge("nbconvert", text)
    stopped = subprocess.run([sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "fails.ipynb", "--output", "no.ipynb"],
                             cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    if stopped.returncode == 0:
        lab.fail("nbconvert: it succeeds with a cell that fails")
    if WANT[0] not in plain(stopped.stderr):
        lab.fail(f"nbconvert ends without the sentence:\n{stopped.stderr}")


def console(folder, env):
    child = pexpect.spawn(sys.executable, ["-m", "jupyter", "console", "--kernel", "quire", "--simple-prompt"], cwd=folder, env=env,
                          encoding="utf-8", timeout=120, dimensions=(50, 200))
    try:
        child.expect_exact("Quire (")  # the banner
        child.expect(r"In \[1\]:")
        child.sendline("func broken() int { return missing }")
        child.expect(r"In \[2\]:")
        judge("jupyter console", child.before, ["In[1]:1: missing is not defined", "1 │ func broken() int { return missing }", "→ run the cell that makes it first"])
    except pexpect.ExceptionPexpect as e:
        lab.fail(f"jupyter console: {e}")
    finally:
        child.close(force=True)


# How each page is opened, its cells are run, and what they show is read.
PAGES = {
    "jupyterlab": ("lab/tree/{}?reset", "window.jupyterapp", ".jp-OutputArea"),
    "notebook": ("notebooks/{}", "window.jupyterapp", ".jp-OutputArea"),
    "nbclassic": ("nbclassic/notebooks/{}", "window.Jupyter", ".output_wrapper"),
}


def busy(page, app):
    if app == "window.Jupyter":
        return page.evaluate("() => window.Jupyter.notebook.kernel_busy || window.Jupyter.notebook.get_cells().some(c => c.element.hasClass('running'))")
    return not page.evaluate("() => window.quireDone")


def browser(page, port, name, out):
    address, app, outputs = PAGES[name]
    page.goto(f"http://127.0.0.1:{port}/" + address.format(name + ".ipynb"))
    if app == "window.Jupyter":
        page.wait_for_function("() => window.Jupyter && window.Jupyter.notebook && window.Jupyter.notebook.kernel && window.Jupyter.notebook.kernel.is_connected()", timeout=60_000)
        page.evaluate("() => window.Jupyter.notebook.execute_all_cells()")
    else:
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        lab.connected(page)
        page.evaluate("""() => { window.quireDone = false;
            window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.quireDone = true }) }""")
    end = time.time() + 180
    text = ""
    while WANT[0] not in plain(text) or busy(page, app):
        text = "\n".join(page.eval_on_selector_all(outputs, "list => list.map(o => o.innerText)"))
        if time.time() > end:
            lab.fail(f"{name}: within 180 s it does not show {WANT[0]!r} but\n{text}")
        time.sleep(0.1)
    page.screenshot(path=out / f"{name}.png")
    judge(name, "\n".join(page.eval_on_selector_all(outputs, "list => list.map(o => o.innerText)")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--only", choices=["nbconvert", "console", *PAGES])
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        env = None
        for name, check in {"nbconvert": nbconvert, "console": console}.items():
            if args.only in (None, name):
                env = env or installed(folder + "/prefix")
                try:
                    check(folder, env)
                except AssertionError as e:
                    sys.exit(f"frontends_test: {e}")
                print(f"{name}: as it should be")
        pages = [name for name in PAGES if args.only in (None, name)]
        if pages:
            files = [pathlib.Path(folder, name + ".ipynb") for name in pages]  # of each its own kernel
            for path in files:
                shutil.copy(notebook(folder), path)
            with lab.session(files, args.out) as (page, port):
                for name in pages:
                    browser(page, port, name, args.out)
                    print(f"{name}: as it should be")


if __name__ == "__main__":
    main()
