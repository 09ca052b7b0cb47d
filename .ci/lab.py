"""A real JupyterLab, started by quire lab, in a headless Chromium: what the browser checks have in common.

    with lab.session(notebooks, out) as page: …
"""
import contextlib
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
         "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"],
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
    """Opens a notebook, and none of those that were open before."""
    page.goto(f"http://127.0.0.1:{port}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=60_000)


def connected(page):
    """Waits until the notebook's kernel answers, and returns the name that it shows."""
    page.wait_for_function("""() => { const w = window.jupyterapp && window.jupyterapp.shell.currentWidget;
        const s = w && w.sessionContext && w.sessionContext.session;
        return s && s.kernel && s.kernel.connectionStatus === 'connected' }""", timeout=60_000)
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayName")


def errors(page):
    """The cells that failed, with all that they show: the compiler's words are not in an error's value."""
    return page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .filter(c => c.model.type === 'code' && !(c.model.getMetadata('tags') || []).includes('raises-exception'))
        .filter(c => c.model.outputs.toJSON().some(o => o.output_type === 'error'))
        .map(c => c.model.sharedModel.source + '\\n' + c.outputArea.node.innerText)""")


@contextlib.contextmanager
def session(notebooks, out):
    """Starts JupyterLab on copies of notebooks; yields a page and the server's port. An AssertionError is said in a
    sentence, with what the server logged last, and ends the program with 1. Ctrl-C has to end the server."""
    out.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp()
    for notebook in notebooks:
        shutil.copy(notebook, folder)
    port = free_port()
    log = open(out / "lab.log", "w")
    server = start_lab(folder, port, log)
    try:
        wait_for_server(server, port)
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=shutil.which("chromium") or "/usr/bin/chromium", args=LAUNCH)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            try:
                yield page, port
            except Exception:
                page.screenshot(path=out / "failed.png")
                raise
            browser.close()
    except AssertionError as e:
        print(f"{pathlib.Path(sys.argv[0]).stem}: {e}", file=sys.stderr)
        print((out / "lab.log").read_text()[-3000:], file=sys.stderr)
        sys.exit(1)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            fail("quire lab did not end within 20 s of Ctrl-C")
        shutil.rmtree(folder, ignore_errors=True)
