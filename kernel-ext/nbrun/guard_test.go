package nbrun

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wrong declares, in cell 1, a function that returns an error of a graph, made in line 9.
const wrong = `import (
	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/viz"
)

func product(x, w *graph.Node) *graph.Node {
	return graph.MatMul(x, w)
}

func wrong() error {
	x := tensors.FromScalarAndDimensions(float32(1), 32, 784)
	w := tensors.FromScalarAndDimensions(float32(1), 10, 784)
	_, err := graph.CallOnce(backends.MustNew(), product, x, w)
	return err
}

func shown(v any) { viz.Show(v) }`

// An error names the cell and the line in which it was made by every way of printing, and none of them harms the
// kernel.
func TestEveryWayOfPrintingNamesTheCellsLine(t *testing.T) {
	needKernel(t)
	inMain := "backend := backends.MustNew()\nx := tensors.FromScalarAndDimensions(float32(1), 32, 784)\n_, err := graph.CallOnce(backend, func(x *graph.Node) *graph.Node {\n\treturn graph.MatMul(x, x)\n}, x)\n"
	ways := []struct {
		name, code string
		places     []string
	}{
		{"ways that go on", strings.Join([]string{"%%", "err := wrong()", "fmt.Println(\"Println\", err)", "fmt.Printf(\"v %v\\nplus %+v\\nq %q\\n\", err, err, err.Error())",
			"fmt.Println(\"wrapped\", fmt.Errorf(\"step 3: %w\", err))", "shown(err)", "log.Print(\"log \", err)", "slog.Error(\"slog\", \"err\", err)",
			"done := make(chan error)", "go func() { done <- wrong() }()", "fmt.Println(\"goroutine\", <-done)"}, "\n"),
			[]string{"Println In[1]:9", "v In[1]:9", "plus In[1]:9", "q \"In[1]:9", "wrapped step 3: In[1]:9", "error: In[1]:9", "log In[1]:9", "err=\"In[1]:9", "goroutine In[1]:9"}},
		{"in the main part", "%%\n" + inMain + "fmt.Println(err)", []string{"In[3]:5"}},
		{"after arguments", "!true\n%% a b\n" + inMain + "fmt.Println(err)", []string{"In[4]:6"}},
		{"after a comment on commands", "//gonb:%%\n" + inMain + "fmt.Println(err)", []string{"In[5]:5"}},
		{"log with a file", "%%\nlog.SetFlags(log.Lshortfile)\nlog.Print(\"x\")", []string{"In[6]:3: x"}},
		{"log.Fatal", "#raises-exception\n%%\nlog.Fatal(wrong())", []string{"In[1]:9"}},
		{"panic", "#raises-exception\n%%\npanic(wrong())", []string{"In[1]:9: MatMul", "it became a panic in In[8]:2"}},
		{"a panic of its own", "#raises-exception\n%%\nvar a []int\n_ = a[len(a)+5]", []string{"In[9]:3: panic: "}},
		{"a panic in a goroutine", "#raises-exception\n%%\ngo func() {\n\tpanic(wrong())\n}()\nselect {}", []string{"In[1]:9: MatMul", "it became a panic in In[10]:3"}},
		{"an exit after words", "#raises-exception\n%%\nfmt.Fprintln(os.Stderr, wrong())\nos.Exit(3)", []string{"In[1]:9"}},
		{"a variable's value", "#raises-exception\nvar model = func() int {\n\tpanic(wrong())\n}()", []string{"In[12]:2"}},
		{"a failing test", "#raises-exception\n%test\n%rm model\nfunc TestX(t *testing.T) {\n\tt.Fatal(wrong())\n}", []string{"In[13]:4: In[1]:9"}},
	}
	sources := []string{wrong}
	for _, w := range ways {
		sources = append(sources, w.code)
	}
	result, err := Run(within(t, 5*time.Minute), Options{Notebook: write(t, sources...)})
	require.NoError(t, err)
	for i, w := range ways {
		text := ""
		for _, o := range result.Cells[i+1].Outputs {
			text += o.Text + o.EValue + strings.Join(o.Traceback, "\n") + fmt.Sprint(o.Data["text/plain"])
		}
		for _, place := range w.places {
			if !strings.Contains(text, place) || strings.Contains(text, "main.go") || strings.Contains(text, "main_test.go") {
				t.Errorf("%s: want %q in\n%s", w.name, place, text)
			}
		}
	}
}

// Whatever a cell writes to stderr, the kernel lives.
func TestHostileLinesDoNotHarmTheKernel(t *testing.T) {
	needKernel(t)
	words := []string{"main.go:", "main_test.go:", "main", ".go:", ":", " ", "0", "7", "12", "99999999999999999999", "9223372036854775807", "2026/11/29 01:02:03 ", "\\t",
		"./", "/tmp/", "x", "日", "\\xff", "\\x00", "\\r", "[[ Cell [1] Line 2 ]] ", "panic: ", "goroutine 1 [running]:\\n", "\\x1b[7m", "exit status 2"}
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("%%\nfor _, line := range []string{\n")
	for range 400 {
		b.WriteString("\t\"")
		for range 1 + rng.IntN(7) {
			b.WriteString(words[rng.IntN(len(words))])
		}
		b.WriteString("\",\n")
	}
	b.WriteString("} {\n\tif len(line)%3 == 0 { os.Stderr.WriteString(line); continue }\n\tfmt.Fprintln(os.Stderr, line)\n}\nos.Exit(1)")
	sources := []string{
		"#raises-exception\n%%\nlog.Fatal(errors.New(\"see main.go:12, please\"))",
		"#raises-exception\n" + b.String(),
		"#raises-exception\n%%\nvar x int = \"main.go:99999999999999999999:1: x\"",
		"func f() int { return 7 }",
		"#raises-exception\n%%\npanic(\"main.go:5:0: \\nmain.go:99999999999999999999\")",
		"%%\nos.Stderr.WriteString(strings.Repeat(\"x\", 3<<20))",
		"%%\nfmt.Println(\"lives\", f())",
	}
	result, err := Run(within(t, 5*time.Minute), Options{Notebook: write(t, sources...)})
	require.NoError(t, err)
	assert.Equal(t, "lives 7\n", result.Cells[6].Text(), "the last cell")
	assert.Equal(t, 7, result.Cells[6].ExecutionCount, "the last cell")
	assert.Contains(t, result.Cells[0].Outputs[0].Text, "see main.go line 12, please")
}
