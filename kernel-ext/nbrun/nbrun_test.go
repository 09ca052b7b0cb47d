package nbrun

import (
	"context"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	require.NoError(t, nb.Write(path))
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
	require.NoError(t, err)
	golden.Check(t, "testdata/basic.golden.ipynb", volatile(read(t, out)))
	html := read(t, page)
	for _, want := range []string{"hello world", "<b>bold</b>", "<table>", "Content-Security-Policy"} {
		assert.Contains(t, html, want, "the page lacks")
	}
	assert.NotContains(t, html, "<script", "the page has a script")
	assert.Equal(t, "hello world\nsecond line\n", result.Cells[2].Text(), "cell 3")
	assert.Equal(t, "last", result.Cells[7].MIME("text/html"), "the live display ends as")
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

// volatile masks what differs between machines: the version of Go, and what the notebook was made with.
func volatile(s string) string {
	var b strings.Builder
	within := false
	for line := range strings.Lines(s) {
		if line == "  \"quire\": {\n" {
			within = true
			b.WriteString("  \"quire\": {…}\n")
		}
		if within {
			within = line != "  }\n"
			continue
		}
		if strings.Contains(line, `"version": "go`) {
			line = "   \"version\": \"go\"\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestRunStopsAtTheFirstFailingCell(t *testing.T) {
	needKernel(t)
	path := write(t, "%%\nfmt.Println(\"before\")", "%%\nfmt.Println(\"hi\")\nvar a []int\n_ = a[len(a)+5]", "%%\nfmt.Println(\"after\")")
	out := strings.TrimSuffix(path, ".ipynb") + ".out.ipynb"
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: path, Output: out})
	var failed *CellError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 2, failed.Cell)
	assert.Equal(t, "In[2]:4: panic: runtime error: index out of range [5] with length 0", failed.Value)
	assert.GreaterOrEqual(t, len(failed.Details), 3, "details: %q", failed.Details)
	if result.Cells[2].Ran || result.Cells[0].Text() != "before\n" {
		t.Errorf("cells: %q, the third ran: %v", result.Cells[0].Text(), result.Cells[2].Ran)
	}
	nb, err := notebook.Read(out)
	require.NoError(t, err)
	// gonb reads what a program prints and what it complains of from two pipes, so nobody knows which comes first.
	texts := map[string]string{}
	for _, o := range nb.Cells[1].Outputs {
		texts[o.Name] += o.Text
	}
	last := nb.Cells[1].Outputs[len(nb.Cells[1].Outputs)-1]
	if texts["stdout"] != "hi\n" || texts["stderr"] != "" || last.Kind != "error" || last.EValue != failed.Value {
		t.Errorf("the cell that failed has other outputs than its text and, last, its error: %s", read(t, out))
	}
	assert.Equal(t, failed.Details, plainLines(strings.Join(last.Traceback, "\n")), "the run tells something else than the notebook")
}

func TestAnUnmetTagIsAnError(t *testing.T) {
	needKernel(t)
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, "#raises-exception\n%%\nfmt.Println()")})
	require.Error(t, err, err)
	require.True(t, strings.HasSuffix(err.Error(), "it was meant to fail (tag raises-exception) and did not"), err)
}

func TestInterruptAndTimeoutEndTheCell(t *testing.T) {
	needKernel(t)
	sleep := write(t, "%%\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)")
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: sleep, Timeout: 300 * time.Millisecond})
	require.Error(t, err, "timeout: %v", err)
	assert.True(t, strings.HasSuffix(err.Error(), "it ran longer than 300ms"), "timeout: %v", err)
	ctx, cancel := context.WithCancel(within(t, 3*time.Minute))
	defer cancel()
	out := filepath.Join(t.TempDir(), "out.ipynb")
	result, err := Run(ctx, Options{Notebook: write(t, "%%\nfor i := range 36000 {\n\tfmt.Printf(\"step %d\\r\", i)\n\ttime.Sleep(100*time.Millisecond)\n}"), Output: out, Progress: func(e Event) {
		if e.Kind == CellShows { // the cell runs: Ctrl-C
			cancel()
		}
	}})
	assert.ErrorIs(t, err, ErrInterrupted, "interrupt")
	assert.ErrorIs(t, ctx.Err(), context.Canceled, "it ended by itself")
	if result == nil || !strings.HasPrefix(result.Cells[0].Text(), "step ") || !strings.Contains(read(t, out), "step ") {
		t.Errorf("what was there is lost: %+v", result)
	}
}

func TestACellThatKillsTheKernel(t *testing.T) {
	needKernel(t)
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("asks /proc for the kernel")
	}
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, "%%bash\nkill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)")})
	var failed *CellError
	require.ErrorAs(t, err, &failed, err)
	require.True(t, strings.HasPrefix(failed.Value, "the kernel (gonb) ended: signal: killed"), err)
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
		"#raises-exception\n%env REPLAYED=yes\n%cd /\n!kill -KILL $(cut -d' ' -f4 /proc/$PPID/stat)",
		"%%\ndir, _ := os.Getwd()\nfmt.Println(two, T{3}.x, v, os.Getenv(\"REPLAYED\"), dir)",
		"#raises-exception\n%%\nT{}.f()")})
	require.NoError(t, err)
	c := result.Cells[3]
	assert.Equal(t, "a\nb\n2 3 2 yes /\n", c.Text())
	assert.Equal(t, 4, c.ExecutionCount)
	died := result.Cells[2].Outputs
	assert.Equal(t, "the kernel (gonb) ended: signal: killed: another one has its place, with the declarations of earlier "+
		"cells and what %env and %cd have set", died[len(died)-1].EValue)
	stack := ""
	for _, o := range result.Cells[4].Outputs {
		stack += o.Text + strings.Join(o.Traceback, "\n")
	}
	require.Contains(t, stack, "In[2]:2: panic: deep", "the places are lost")
	assert.Contains(t, stack, "In[5]:2  main", "the places are lost")
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
		"%%\nfmt.Print(strings.Repeat(\"日\", 120000))",
		"%%bash\nsleep 600 &\nx=`cat`\necho never",
		"%%bash\nsleep 600 &\necho script",
		"%%script cat -n\n!a line"),
	})
	require.NoError(t, err)
	want := []string{"\"\\n!touch " + dir + "/made\\n%cd /\\npackage x\\n\"\n", "Windows\n", "0 <nil>\n", "read\n", "<nil>\n", "left\n",
		"command error: In[7]:2: there is no command %foo\n", "", "2\n", "", "v2\n", "", "", "2\n", "3\n", "{}\n", "1\n2\n", "1\n2\n3\n", "1\n2\nlives\n", "1\n2\n" + strings.Repeat("日", 120000), "", "script\n", "     1\t!a line\n"}
	for i, w := range want {
		assert.Equal(t, w, result.Cells[i].Text(), "cell %d", i+1)
	}
	_, err = os.Stat(filepath.Join(dir, "made"))
	assert.Error(t, err, "a line of a string ran as a command")
}

func TestACellThatAsksForInputFails(t *testing.T) {
	needKernel(t)
	began := time.Now()
	_, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t, "%with_inputs\n!read x; echo $x")})
	assert.ErrorContains(t, err, "it asks for input (\"\"), which a run without a screen cannot give", "after %v", time.Since(began))
}

func TestManyLinesAndBigDisplaysArrive(t *testing.T) {
	needKernel(t)
	path := write(t,
		"%%\nfor i := range 20000 {\n\tfmt.Println(\"line\", i)\n}",
		"import \"github.com/janpfeifer/gonb/gonbui\"\n\n%%\ngonbui.DisplayHtml(strings.Repeat(\"x\", 20<<20))\ngonbui.Sync()",
		"%%\nfor i := range 5000 {\n\tfmt.Printf(\"\\r%d of 5000\", i+1)\n}\nfmt.Println()")
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: path})
	require.NoError(t, err)
	assert.Equal(t, 20000, strings.Count(result.Cells[0].Text(), "\n"), "lines of 20000")
	assert.Len(t, result.Cells[1].MIME("text/html"), 20<<20)
	assert.Equal(t, "5000 of 5000\n", result.Cells[2].Text(), "the progress line ends as")
}

// TestErrors pins what is said about bad input.
func TestErrors(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil || runtime.GOOS == "windows" {
		t.Skip("the kernel needs a Unix system")
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
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
			require.Error(t, err)
			fmt.Fprintf(&b, "%s:\n\t%s\n", c.name, strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir, "DIR"), "\n", "\n\t"))
		})
	}
	golden.Check(t, "testdata/errors.golden", b.String())
}
