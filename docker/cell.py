"""Runs a cell in a JupyterLab that listens here on port 8888, as a browser would: python cell.py TOKEN.

docker/smoke runs it with the Python of the image; websocket is a package that Jupyter's server brings.
"""
import json
import sys
import time
import urllib.request
import uuid

import websocket

HOST, TOKEN = "127.0.0.1:8888", sys.argv[1]
CELL = """import "fmt"
import . "github.com/quire-ml/quire/graph"
import "github.com/quire-ml/quire/backends"

%%
sum := MustNewExec1(backends.MustNew(), ReduceAllSum)
fmt.Println("the sum is", sum.MustCall([]float32{1, 2, 3.5}))
"""


def call(method, path, body=None):
    request = urllib.request.Request(f"http://{HOST}{path}", method=method, data=json.dumps(body).encode() if body else None)
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as response:
        text = response.read()
    return json.loads(text) if text else None


specs = call("GET", "/api/kernelspecs")
print("kernels:", ", ".join(sorted(specs["kernelspecs"])), "- default:", specs["default"])
assert specs["default"] == "quire" and "quire" in specs["kernelspecs"], specs

began = time.monotonic()
kernel = call("POST", "/api/kernels", {"name": "quire"})["id"]
socket = websocket.create_connection(f"ws://{HOST}/api/kernels/{kernel}/channels?token={TOKEN}", timeout=120)


def run(code):
    message = uuid.uuid4().hex
    socket.send(json.dumps({
        "channel": "shell", "parent_header": {}, "metadata": {},
        "header": {"msg_id": message, "msg_type": "execute_request", "session": "smoke", "username": "", "version": "5.3"},
        "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False},
    }))
    said, reply = "", None
    idle = False
    while reply is None or not idle:
        got = json.loads(socket.recv())
        if got["parent_header"].get("msg_id") != message:
            continue
        kind, content = got["msg_type"], got["content"]
        if kind == "stream":
            said += content["text"]
        elif kind == "execute_reply":
            reply = content
        elif kind == "status":
            idle = content["execution_state"] == "idle"
    assert reply["status"] == "ok", (reply, said)
    return said


first = run(CELL)
print(f"first cell, {time.monotonic() - began:.1f} s with the kernel's start: {first.strip()}")
assert "the sum is" in first and "6.5" in first, first
began = time.monotonic()
second = run(CELL.replace("3.5", "4.5"))
print(f"an edited one, {time.monotonic() - began:.1f} s: {second.strip()}")
assert "7.5" in second, second
socket.close()
call("DELETE", f"/api/kernels/{kernel}")
