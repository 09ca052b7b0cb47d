"""The public suite for kernels, jupyter_kernel_test, against the kernel that quire installs: what a front end asks, and
what messages look like. Left out by the suite itself is what has no sample here: gonb has no pager, and cells clear
nothing.

    python3 .ci/kernel_test.py
"""
import os
import pathlib
import subprocess
import tempfile
import unittest

import jupyter_kernel_test

ROOT = pathlib.Path(__file__).resolve().parent.parent

RESULT = '''import (
	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

%%
gonbui.SendData(&protocol.DisplayData{{
	Data:     map[protocol.MIMEType]any{{protocol.MIMETextPlain: "{0}"}},
	Metadata: map[string]any{{"quire.result": true}},
}})
gonbui.Sync()'''


class QuireTests(jupyter_kernel_test.KernelTests):
    kernel_name = "quire"
    language_name = "go"
    file_extension = ".go"
    code_hello_world = '%%\nfmt.Println("hello, world")'
    code_stderr = '%%\nfmt.Fprintln(os.Stderr, "oops")'
    code_generate_error = "%%\nthere_is_no_such_thing()"
    code_display_data = [{"code": 'import "github.com/quire-ml/quire/viz"\n\n%%\nviz.Show("seen")', "mime": "text/plain"}]
    code_execute_result = [{"code": RESULT.format("2"), "result": "2"}, {"code": RESULT.format("3"), "result": "3"}]
    code_history_pattern = "import*{*\"2\"*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "%require"
    completion_samples = [{"text": "%noautog", "matches": {"%noautoget"}}]
    complete_code_samples = ["x := 1", 'import "fmt"', "func f() {\n}", "!ls", "%ls", '%%\nfmt.Println("x")\n', "%%bash\nls\n\n"]
    incomplete_code_samples = ["%%", '%%\nfmt.Println("x")', "%%bash", "f(", "func f() {", "x := `", "/*", "a +", "for i := range 3 {\n\tf(i)", "!ls \\"]
    invalid_code_samples = ["x := 1)", "}", 'x := "']


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="qkt") as tmp:
        quire = pathlib.Path(tmp, "quire")
        subprocess.run(["go", "build", "-o", quire, "./kernel-ext/quire"], cwd=ROOT, check=True)
        subprocess.run([quire, "kernel", "install", "-prefix", tmp], cwd=ROOT, check=True)
        os.environ["JUPYTER_PATH"] = str(pathlib.Path(tmp, "share", "jupyter"))
        os.chdir(tmp)
        unittest.main(verbosity=2)
