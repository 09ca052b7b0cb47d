package nbrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// needKernel skips the test where the kernel cannot be built, and in short mode.
func needKernel(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	if err := built(); err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
}

var built = sync.OnceValue(func() error {
	ws, err := workspace.Open(context.Background(), workspace.Options{})
	if err == nil {
		_, err = ws.Build(context.Background(), nil, workspace.Headless()...)
	}
	return err
})

// write makes a notebook of code cells in a new directory; a cell may begin with "#tag\n".
func write(t testing.TB, sources ...string) string {
	t.Helper()
	nb := notebook.New()
	for _, src := range sources {
		c := &notebook.Cell{Kind: notebook.Code, Source: src}
		if tag, rest, ok := strings.Cut(src, "\n"); ok && strings.HasPrefix(tag, "#") {
			c.Source, c.Metadata = rest, map[string]any{"tags": []any{tag[1:]}}
		}
		nb.Cells = append(nb.Cells, c)
	}
	path := filepath.Join(t.TempDir(), "nb.ipynb")
	if err := nb.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestRunGivesTheGoldenNotebook(t *testing.T) {
	needKernel(t)
	dir := t.TempDir()
	out, page := filepath.Join(dir, "out.ipynb"), filepath.Join(dir, "out.html")
	var kinds []EventKind
	result, err := Run(within(t, 3*time.Minute), Options{
		Notebook: "testdata/basic.ipynb", Output: out, HTML: page,
		Progress: func(e Event) { kinds = append(kinds, e.Kind) },
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/basic.golden.ipynb", volatile(read(t, out)))
	html := read(t, page)
	for _, want := range []string{"hello world", "<b>bold</b>", "<table>", "Content-Security-Policy"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html, "<script") {
		t.Error("the page has a script")
	}
	if got := result.Cells[2].Text(); got != "hello world\nsecond line\n" {
		t.Errorf("cell 3 says %q", got)
	}
	if got := result.Cells[7].MIME("text/html"); got != "last" {
		t.Errorf("the live display ends as %q", got)
	}
	begun := 0
	for _, k := range kinds {
		if k == CellBegun {
			begun++
		}
	}
	if begun != 6 || result.Cells[5].Ran || !result.Cells[6].Ran {
		t.Errorf("%d cells began; the skipped one ran: %v", begun, result.Cells[5].Ran)
	}
}

// volatile masks what differs between machines: the version of Go, and addresses in stack traces.
func volatile(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if strings.Contains(line, `"version": "go`) {
			line = "   \"version\": \"go\"\n"
		}
		if i := strings.Index(line, " +0x"); i >= 0 {
			line = line[:i] + " +0x" + line[strings.LastIndex(line, `\n`):]
		}
		b.WriteString(line)
	}
	return b.String()
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRunStopsAtTheFirstFailingCell(t *testing.T) {
	needKernel(t)
	path := write(t, "%%\nfmt.Println(\"before\")", "%%\nfmt.Println(\"hi\")\nvar a []int\n_ = a[len(a)+5]", "%%\nfmt.Println(\"after\")")
	out := strings.TrimSuffix(path, ".ipynb") + ".out.ipynb"
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: path, Output: out})
	var failed *CellError
	if !errors.As(err, &failed) || failed.Cell != 2 {
		t.Fatalf("got %v", err)
	}
	if want := "In[2]:4: panic: runtime error: index out of range [5] with length 0"; failed.Value != want {
		t.Errorf("the error is %q, want %q", failed.Value, want)
	}
	if len(failed.Details) < 3 {
		t.Errorf("details: %q", failed.Details)
	}
	if result.Cells[2].Ran || result.Cells[0].Text() != "before\n" {
		t.Errorf("cells: %q, the third ran: %v", result.Cells[0].Text(), result.Cells[2].Ran)
	}
	nb, err := notebook.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	// gonb reads what a program prints and what it complains of from two pipes, so nobody knows which comes first.
	texts := map[string]string{}
	for _, o := range nb.Cells[1].Outputs {
		texts[o.Name] += o.Text
	}
	last := nb.Cells[1].Outputs[len(nb.Cells[1].Outputs)-1]
	if texts["stdout"] != "hi\n" || !strings.Contains(texts["stderr"], "panic: runtime error") || last.Kind != "error" {
		t.Errorf("the cell that failed has other outputs than its text, its trace and, last, its error: %s", read(t, out))
	}
}

func TestAnUnmetTagIsAnError(t *testing.T) {
	needKernel(t)
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, "#raises-exception\n%%\nfmt.Println()")})
	if err == nil || !strings.HasSuffix(err.Error(), "it was meant to fail (tag raises-exception) and did not") {
		t.Fatal(err)
	}
}

func TestInterruptAndTimeoutEndTheCell(t *testing.T) {
	needKernel(t)
	sleep := write(t, "%%\nfmt.Println(\"begun\")\ntime.Sleep(time.Minute)")
	began := time.Now()
	_, err := Run(context.Background(), Options{Notebook: sleep, Timeout: 300 * time.Millisecond})
	if err == nil || !strings.HasSuffix(err.Error(), "it ran longer than 300ms") {
		t.Errorf("timeout: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := filepath.Join(t.TempDir(), "out.ipynb")
	result, err := Run(ctx, Options{Notebook: write(t, "%%\nfor i := range 600 {\n\tfmt.Printf(\"step %d\\r\", i)\n\ttime.Sleep(100*time.Millisecond)\n}"), Output: out, Progress: func(e Event) {
		if e.Kind == CellShows { // the cell runs: Ctrl-C
			cancel()
		}
	}})
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupt: %v", err)
	}
	if result == nil || !strings.HasPrefix(result.Cells[0].Text(), "step ") || !strings.Contains(read(t, out), "step ") {
		t.Errorf("what was there is lost: %+v", result)
	}
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("both took %v", took)
	}
}

func TestACellThatKillsTheKernel(t *testing.T) {
	needKernel(t)
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("asks /proc for the kernel")
	}
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, "!kill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)")})
	var failed *CellError
	if !errors.As(err, &failed) || !strings.HasPrefix(failed.Value, "the kernel (gonb) ended: signal: killed") {
		t.Fatal(err)
	}
}

// A cell that is meant to fail and ends the kernel: the next one has a kernel that knows the same.
func TestAKernelIsStartedAgainWithItsDeclarations(t *testing.T) {
	needKernel(t)
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("asks /proc for the kernel")
	}
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t,
		"import \"math\"\n\nconst two = 2\n\ntype T struct{ x int }\n\nvar v = math.Sqrt(4)",
		"func (t T) f() int {\n\tpanic(\"deep\")\n}\n\nfunc init_a() { fmt.Println(\"a\") }\n\nfunc init_b() { fmt.Println(\"b\") }",
		"#raises-exception\n!kill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)",
		"%%\nfmt.Println(two, T{3}.x, v)",
		"#raises-exception\n%%\nT{}.f()")})
	if err != nil {
		t.Fatal(err)
	}
	c := result.Cells[3]
	if c.Text() != "a\nb\n2 3 2\n" || c.ExecutionCount != 4 {
		t.Errorf("In[%d] says %q", c.ExecutionCount, c.Text())
	}
	if first := c.Outputs[0]; first.Name != "stderr" || !strings.HasPrefix(first.Text, "The kernel had ended and was started again") {
		t.Errorf("no sentence, but %+v", first)
	}
	stack := ""
	for _, o := range result.Cells[4].Outputs {
		stack += o.Text
	}
	if !strings.Contains(stack, "In[2]:2\n") || !strings.Contains(stack, "In[5]:2 +0x") {
		t.Errorf("the places are lost:\n%s", stack)
	}
}

// What gonb takes for something else, or waits for without end.
func TestCellsAreReadAsTheyAreMeant(t *testing.T) {
	needKernel(t)
	dir := t.TempDir()
	result, err := Run(within(t, 4*time.Minute), Options{Timeout: 30 * time.Second, Notebook: write(t,
		"var text = `\n!touch "+dir+"/made\n%cd /\npackage x\n`\n\n/*\n!touch "+dir+"/made\n*/\n\n%%\nfmt.Printf(\"%q\\n\", text)",
		"%%\r\nfmt.Println(\"Windows\")\r\n",
		"%%\nb, err := io.ReadAll(os.Stdin)\nfmt.Println(len(b), err)",
		"!cat; echo read",
		"%%\nc := exec.Command(\"sleep\", \"600\")\nc.Stdout = os.Stdout\nfmt.Println(c.Start())",
		"!sleep 600 &\n!echo left",
		"#raises-exception\n%%\n%foo",
		"import . \"math\"",
		"%%\nfmt.Println(Sqrt(4))",
		"import \"math/rand\"\n\n%%\n_ = rand.Int()",
		"import \"math/rand/v2\"\n\n%%\n_ = rand.IntN(3)\nfmt.Println(\"v2\")",
		"var kind = 1",
		"func kind() int { return 2 }",
		"%%\nfmt.Println(kind())",
		"const kind = 3\n\n%%\nfmt.Println(kind)",
		"type kind struct{}\n\n%%\nfmt.Println(kind{})",
		"func init() { fmt.Println(1) }\n\nfunc init() { fmt.Println(2) }",
		"%%\npackages := 3\nfmt.Println(packages)",
		"! \n%%\nfmt.Println(\"lives\")",
		"%%\nfmt.Print(strings.Repeat(\"日\", 120000))"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"\"\\n!touch " + dir + "/made\\n%cd /\\npackage x\\n\"\n", "Windows\n", "0 <nil>\n", "read\n", "<nil>\n", "left\n",
		"ERROR: line 2: there is no command %foo (%help lists those there are)\n", "", "2\n", "", "v2\n", "", "", "2\n", "3\n", "{}\n", "1\n2\n", "1\n2\n3\n", "1\n2\nlives\n", "1\n2\n" + strings.Repeat("日", 120000)}
	for i, w := range want {
		if got := result.Cells[i].Text(); got != w {
			t.Errorf("cell %d says %q, want %q", i+1, got, w)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "made")); err == nil {
		t.Error("a line of a string ran as a command")
	}
}

func TestACellThatAsksForInputFails(t *testing.T) {
	needKernel(t)
	began := time.Now()
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, "%with_inputs\n!read x; echo $x")})
	if err == nil || !strings.Contains(err.Error(), "it asks for input (\"\"), which a run without a screen cannot give") {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestManyLinesAndBigDisplaysArrive(t *testing.T) {
	needKernel(t)
	path := write(t,
		"%%\nfor i := range 20000 {\n\tfmt.Println(\"line\", i)\n}",
		"import \"github.com/janpfeifer/gonb/gonbui\"\n\n%%\ngonbui.DisplayHtml(strings.Repeat(\"x\", 20<<20))\ngonbui.Sync()",
		"%%\nfor i := range 5000 {\n\tfmt.Printf(\"\\r%d of 5000\", i+1)\n}\nfmt.Println()")
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: path})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(result.Cells[0].Text(), "\n"); n != 20000 {
		t.Errorf("%d lines of 20000", n)
	}
	if n := len(result.Cells[1].MIME("text/html")); n != 20<<20 {
		t.Errorf("%d bytes of %d", n, 20<<20)
	}
	if got := result.Cells[2].Text(); got != "5000 of 5000\n" {
		t.Errorf("the progress line ends as %.100q", got)
	}
}

// TestErrors pins what is said about bad input.
func TestErrors(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil || runtime.GOOS == "windows" {
		t.Skip("the kernel needs a Unix system")
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.ipynb", `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[]}`)
	var b strings.Builder
	for _, c := range []struct {
		name, notebook string
		env            map[string]string
		output         string
	}{
		{name: "a notebook that is no JSON", notebook: file("text.ipynb", "# not a notebook\n")},
		{name: "a notebook that is cut off", notebook: file("cut.ipynb", `{"nbformat":4,"cells":[{"cell_type":"code"`)},
		{name: "an empty file", notebook: file("empty.ipynb", "")},
		{name: "a wrong path", notebook: filepath.Join(dir, "none.ipynb")},
		{name: "a directory", notebook: dir},
		{name: "a Python notebook", notebook: file("py.ipynb", `{"nbformat":4,"nbformat_minor":5,"metadata":{"kernelspec":{"language":"python"}},"cells":[]}`)},
		{name: "an old format", notebook: file("old.ipynb", `{"nbformat":3,"worksheets":[]}`)},
		{name: "an output below a file", notebook: good, output: filepath.Join(good, "out.ipynb")},
		{name: "an output in a directory that is not there", notebook: good, output: filepath.Join(dir, "none", "out.ipynb")},
		{name: "Go not in PATH", notebook: good, env: map[string]string{"PATH": dir}},
		{name: "QUIRE_MODULE is another directory", notebook: good, env: map[string]string{"QUIRE_MODULE": dir}},
		{name: "gonb cannot be fetched", notebook: good, env: map[string]string{"GOMODCACHE": filepath.Join(dir, "modules"), "GOPROXY": "off", "GOFLAGS": "", "QUIRE_CACHE": filepath.Join(dir, "cache")}},
		{name: "a cache that cannot be written", notebook: good, env: map[string]string{"QUIRE_CACHE": good}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			_, err := Run(within(t, 3*time.Minute), Options{Notebook: c.notebook, Output: c.output})
			if err == nil {
				t.Fatal("no error")
			}
			fmt.Fprintf(&b, "%s:\n\t%s\n", c.name, strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir, "DIR"), "\n", "\n\t"))
		})
	}
	golden.Check(t, "testdata/errors.golden", b.String())
}
