"""Runs a tutorial in a real JupyterLab, in a headless browser, as a person would: opens it, runs all cells,
watches the live curve change while the network trains, saves, reloads the page, and looks whether the
final curve is still there. Screenshots go to --out. Exits with 1 and a sentence if anything is not so.

    python3 .ci/lab_test.py --out DIR [--notebook tutorials/00-start.ipynb]
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAUNCH = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync"]

# The live view's pictures: images in outputs whose text counts steps per second.
CURVES = """() => [...document.querySelectorAll('.jp-OutputArea-output')]
  .filter(o => / step .*\\/step|\\/step/.test(o.textContent))
  .flatMap(o => [...o.querySelectorAll('img')].map(i => i.src))"""


def fail(text):
    raise AssertionError(text)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_lab(folder, port, log):
    settings = pathlib.Path(folder, ".config", "lab", "user-settings", "@jupyterlab")
    for name, value in {"notebook-extension/tracker": {"windowingMode": "none"},
                        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}.items():
        path = settings / (name + ".jupyterlab-settings")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    env = dict(os.environ, JUPYTER_CONFIG_DIR=str(pathlib.Path(folder, ".config")))
    return subprocess.Popen(
        ["go", "run", "./kernel-ext/quire", "lab", "-no-browser", "-port", str(port), "-dir", folder, "--",
         "--allow-root", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
         "--LabApp.expose_app_in_browser=True"],
        cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)


def wait_for_server(lab, port, seconds=300):
    end = time.time() + seconds
    while time.time() < end:
        if lab.poll() is not None:
            fail(f"quire lab ended with status {lab.returncode} before it served")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=2).read()
            return
        except OSError:
            time.sleep(0.3)
    fail(f"quire lab did not serve within {seconds} s")


def open_notebook(page, port, name):
    page.goto(f"http://127.0.0.1:{port}/lab/tree/{name}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=60_000)


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
            fail(f"the notebook did not end within {seconds} s")
        time.sleep(0.1)
    return seen


def errors(page):
    return page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .filter(c => c.model.type === 'code' && !(c.model.getMetadata('tags') || []).includes('raises-exception'))
        .flatMap(c => c.model.outputs.toJSON().filter(o => o.output_type === 'error').map(o => o.evalue))""")


def check(page, port, name, out, seconds):
    open_notebook(page, port, name)
    page.wait_for_function("""() => { const w = window.jupyterapp && window.jupyterapp.shell.currentWidget;
        const s = w && w.sessionContext && w.sessionContext.session;
        return s && s.kernel && s.kernel.connectionStatus === 'connected' }""", timeout=60_000)
    kernel = page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayName")
    if "Quire" not in kernel:
        fail(f"the kernel is {kernel!r}, not Quire's")
    time.sleep(2)
    seen = run_all(page, seconds)
    if bad := errors(page):
        fail(f"cells failed: {bad}")
    if len(seen) < 4:
        fail(f"the live curve showed {len(seen)} pictures while training, want at least 4")
    final = page.evaluate(CURVES)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    shots(page, out, "lab")
    page.reload()
    open_notebook(page, port, name)
    time.sleep(3)
    after = page.evaluate(CURVES)
    if not final or after != final:
        fail(f"after the reload {len(after)} of {len(final)} pictures of the curve are there, or they changed")
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
    parser.add_argument("--notebook", default=str(ROOT / "tutorials" / "00-start.ipynb"))
    parser.add_argument("--seconds", type=int, default=600)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp()
    name = pathlib.Path(args.notebook).name
    shutil.copy(args.notebook, pathlib.Path(folder, name))
    port = free_port()
    log = open(args.out / "lab.log", "w")
    lab = start_lab(folder, port, log)
    try:
        wait_for_server(lab, port)
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=shutil.which("chromium") or "/usr/bin/chromium", args=LAUNCH)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            try:
                seen, final = check(page, port, name, args.out, args.seconds)
            except Exception:
                page.screenshot(path=args.out / "failed.png")
                raise
            browser.close()
        print(f"JupyterLab ran {name}: {seen} pictures of live curves while training, {final} kept after a reload")
    except AssertionError as e:
        print(f"lab_test: {e}", file=sys.stderr)
        print((args.out / "lab.log").read_text()[-3000:], file=sys.stderr)
        sys.exit(1)
    finally:
        os.killpg(lab.pid, signal.SIGINT)
        try:
            lab.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(lab.pid, signal.SIGKILL)
            fail("quire lab did not end within 20 s of Ctrl-C")
        shutil.rmtree(folder, ignore_errors=True)


main()
