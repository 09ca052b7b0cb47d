package failure_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// beginners are mistakes that people make in their first hours, with what shows them: all cells but the last prepare it.
// They run in one notebook, in this order.
var beginners = []struct {
	kind
	runs bool // the last cell ends well: what it says stands in its outputs
}{
	{kind: kind{"the first cell", []string{firstCell}}, runs: true},
	{kind: kind{"a missing import", []string{"fmt.Println(sparse.New())"}}},
	{kind: kind{"an undeclared name", []string{"fmt.Println(pictures)"}}},
	{kind: kind{"= without a declaration", []string{"x = 3\nfmt.Println(x)"}}},
	{kind: kind{"a name without its package", []string{"Println(3)"}}},
	{kind: kind{"a small letter", []string{"fmt.println(3)"}}},
	{kind: kind{"a name that a package has not", []string{"b := backends.MustNewWithConfig()\nfmt.Println(b)"}}},
	{kind: kind{"a text for a number", []string{"var n int = \"three\"\nfmt.Println(n)"}}},
	{kind: kind{"a number for a text", []string{"var s string = 3\nfmt.Println(s)"}}},
	{kind: kind{"text and number", []string{"fmt.Println(\"a\" + 1)"}}},
	{kind: kind{"an operator on tensors", []string{"x := tensors.FromValue([]float32{1, 2})\nfmt.Println(x + 1)"}}},
	{kind: kind{"an operator on nodes", []string{"func twice(x *graph.Node) *graph.Node { return x + x }"}}},
	{kind: kind{"an int as a tensor", []string{"fmt.Println(tensors.FromScalarAndDimensions(1, 2, 2))"}}},
	{kind: kind{"a value for a pointer", []string{"func mlp(scope model.Scope, x *graph.Node) *graph.Node {\n\treturn layers.Dense(scope, x, true, 3)\n}"}}},
	{kind: kind{"a wrong shape", []string{"func product(x, y *graph.Node) *graph.Node {\n\treturn graph.MatMul(x, y)\n}", "a := tensors.FromScalarAndDimensions(float32(1), 2, 3)\nc, err := graph.CallOnce(backend, product, a, a)\ncheck(err)\nfmt.Println(c)"}}},
	{kind: kind{"two dtypes", []string{"func sum(x, y *graph.Node) *graph.Node {\n\treturn graph.Add(x, y)\n}", "c, err := graph.CallOnce(backend, sum, float32(1), float64(1))\ncheck(err)\nfmt.Println(c)"}}},
	{kind: kind{"a label out of range", []string{"func small(scope *model.Scope, x *graph.Node) *graph.Node {\n\treturn layers.Dense(scope, x, true, 3)\n}", "trainer := train.NewTrainer(backend, model.NewStore(), small, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())\nbatch := data.Batch{Inputs: []*tensors.Tensor{tensors.FromScalarAndDimensions(float32(1), 1, 3)}, Labels: []*tensors.Tensor{tensors.FromValue([][]int32{{7}})}}\n_, err := trainer.TrainStep(batch)\ncheck(err)"}}},
	{kind: kind{"a nil store", []string{"var store *model.Store\ntrainer := train.NewTrainer(backend, store, small, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())\n_, err := trainer.TrainStep(data.Batch{})\ncheck(err)"}}},
	{kind: kind{"an unknown engine", []string{"b, err := backends.New(\"tpuu\")\ncheck(err)\nfmt.Println(b)"}}},
	{kind: kind{"an unknown engine of all cells", []string{"%backend cudaa", "%backend -"}}, runs: true},
	{kind: kind{"a file that is not there", []string{"table, err := csv.Load(\"nothere.csv\", csv.Options{})\ncheck(err)\nfmt.Println(table)"}}},
	{kind: kind{"a file that is not there, with several checks", []string{"a, err := csv.Load(\"nothere.csv\", csv.Options{})\ncheck(err)\nb, err := csv.Load(\"nothere.csv\", csv.Options{})\ncheck(err)\nfmt.Println(a, b)"}}},
	{kind: kind{"a file that is not there, and a panic", []string{"f, err := os.Open(\"nothere.txt\")\nif err != nil {\n\tpanic(err)\n}\nfmt.Println(f)"}}},
	{kind: kind{"a brace that is missing", []string{"for i := range 3 {\n\tfmt.Println(i)"}}},
	{kind: kind{"a bracket that is missing", []string{"fmt.Println(\"a\""}}},
	{kind: kind{"a comma that is missing", []string{"x := []int{\n\t1,\n\t2\n}\nfmt.Println(x)"}}},
	{kind: kind{"else in a line of its own", []string{"if true {\n\tfmt.Println(1)\n}\nelse {\n\tfmt.Println(2)\n}"}}},
	{kind: kind{"= for ==", []string{"x := 1\nif x = 2 {\n\tfmt.Println(x)\n}"}}},
	{kind: kind{"a function in a function", []string{"func outer() {\n\tfunc inner() {}\n\tinner()\n}"}}},
	{kind: kind{"a result that the function does not name", []string{"func add(a, b int) { return a + b }"}}},
	{kind: kind{"return in a cell", []string{"return 3"}}},
	{kind: kind{"one variable for two results", []string{"x := fmt.Sscan(\"1\")\nfmt.Println(x)"}}},
	{kind: kind{"Python's for", []string{"for i in range(10):\n    print(i)"}}},
	{kind: kind{"Python's if", []string{"x := 3\nif x == 3:\n    fmt.Println(x)"}}},
	{kind: kind{"Python's while", []string{"while true {\n}"}}},
	{kind: kind{"Python's def", []string{"def f(x):\n    return x + 1"}}},
	{kind: kind{"Python's import", []string{"import numpy as np"}}},
	{kind: kind{"Python's from", []string{"from quire import graph"}}},
	{kind: kind{"Python's comment", []string{"# a comment\nfmt.Println(1)"}}},
	{kind: kind{"Python's text", []string{"fmt.Println('hello')"}}},
	{kind: kind{"Python's format", []string{"fmt.Println(f\"{1}\")"}}},
	{kind: kind{"Python's power", []string{"fmt.Println(2 ** 3)"}}},
	{kind: kind{"Python's constants", []string{"fmt.Println(None)"}}},
	{kind: kind{"Python's numpy", []string{"fmt.Println(np.zeros(2, 3))"}}},
	{kind: kind{"a function that NumPy alone has", []string{"fmt.Println(np.array(1))"}}},
	{kind: kind{"Python's torch", []string{"t := torch.arange(3)\nfmt.Println(t)"}}},
	{kind: kind{"Python's layers", []string{"layer := nn.Linear(3, 2)\nfmt.Println(layer)"}}},
	{kind: kind{"Python's plot", []string{"plt.plot(1)"}}},
	{kind: kind{"Python's random", []string{"fmt.Println(random.random())"}}},
	{kind: kind{"Python's zip", []string{"fmt.Println(zip([]int{1}, []int{2}))"}}},
	{kind: kind{"Python's sorted", []string{"fmt.Println(sorted([]int{1, 2}))"}}},
	{kind: kind{"Python's len of a tensor", []string{"fmt.Println(len(tensors.FromValue([]float32{1})))"}}},
	{kind: kind{"Python's index of a tensor", []string{"fmt.Println(tensors.FromValue([]float32{1})[0])"}}},
	{kind: kind{"Python's method of a tensor", []string{"fmt.Println(tensors.FromValue([]float32{1}).mean())"}}},
	{kind: kind{"Python's shape", []string{"fmt.Println(tensors.FromValue([]float32{1}).shape)"}}},
	{kind: kind{"Python's list", []string{"list3 := [1, 2, 3]"}}},
	{kind: kind{"Python's list in a call", []string{"fmt.Println([1, 2])"}}},
	{kind: kind{"Python's dict", []string{"d := {\"a\": 1}"}}},
	{kind: kind{"Python's sizes", []string{"a := np.zeros((2, 3))"}}},
	{kind: kind{"Python's import of a package alone", []string{"import torch"}}},
	{kind: kind{"Python's import of several", []string{"import os, sys"}}},
	{kind: kind{"Python's type", []string{"type(numbers)"}}},
	{kind: kind{"Python's max", []string{"fmt.Println(max([]int{1, 2}))"}}},
	{kind: kind{"Python's many times", []string{"fmt.Println(\"a\" * 3)"}}},
	{kind: kind{"Python's old format", []string{"fmt.Println(\"%d\" % 3)"}}},
	{kind: kind{"JavaScript's map", []string{"numbers.map(3)"}}},
	{kind: kind{"brackets that were forgotten", []string{"tensors.FromValue([]float32{1}).Shape"}}},
	{kind: kind{"a tensor for a node", []string{"graph.Add(tensors.FromValue([]float32{1}), nil)"}}},
	{kind: kind{"a number for a node", []string{"func more(x *graph.Node) *graph.Node { return graph.Add(x, 1) }"}}},
	{kind: kind{"a function without a result for a graph", []string{"graph.CallOnce(backend, func(x *graph.Node) { graph.Sin(x) }, float32(1))"}}},
	{kind: kind{"a variable of a cell that did not run", []string{"fmt.Println(lines.Count)"}}},
	{kind: kind{"Python's comprehension", []string{"ys := [2*x for x in list3]"}}},
	{kind: kind{"Python's choice", []string{"a := 1 if true else 2"}}},
	{kind: kind{"C's choice", []string{"a := true ? 1 : 2"}}},
	{kind: kind{"Python's in", []string{"if 3 in list3 {\n}"}}},
	{kind: kind{"Python's append", []string{"numbers := []int{1}\nnumbers.append(2)"}}},
	{kind: kind{"Python's keys", []string{"ages := map[string]int{}\nfor name := range ages.keys() {\n\tfmt.Println(name)\n}"}}},
	{kind: kind{"Python's upper", []string{"fmt.Println(\"a\".upper())"}}},
	{kind: kind{"a method that nothing has", []string{"numbers := []int{1}\nnumbers.frobnicate()"}}},
	{kind: kind{"Python's last element", []string{"fmt.Println([]int{1}[-1])"}}},
	{kind: kind{"Python's int", []string{"fmt.Println(int(\"3\"))"}}},
	{kind: kind{"Python's float", []string{"fmt.Println(float64(\"3.5\"))"}}},
	{kind: kind{"Python's comment behind a line", []string{"three := 3 # as it is"}}},
	{kind: kind{"Python's docstring", []string{"\"\"\"what the cell does\"\"\""}}},
	{kind: kind{"Python's assert", []string{"assert 1 == 2"}}},
	{kind: kind{"Python's del", []string{"del three"}}},
	{kind: kind{"Python's raise", []string{"raise ValueError(\"no\")"}}},
	{kind: kind{"Python's annotation", []string{"three: float = 3"}}},
	{kind: kind{"Python's pip", []string{"pip install numpy"}}},
	{kind: kind{"a command of the shell without its sign", []string{"ls -l"}}},
	{kind: kind{"IPython's time of a cell", []string{"%%time\nfmt.Println(1)"}}},
	{kind: kind{"a measured panic", []string{"%timeit func() { var m map[string]int; m[\"a\"] = 1 }()"}}},
	{kind: kind{"a command of gonb without its words", []string{"%env"}}},
	{kind: kind{"a shell command that Go reads as a statement", []string{"go get example.org/x"}}},
	{kind: kind{"IPython's question", []string{"%who?"}}},
	{kind: kind{"IPython's help", []string{"fmt.Println?"}}},
	{kind: kind{"JavaScript's let", []string{"let three = 3"}}},
	{kind: kind{"JavaScript's console", []string{"console.log(\"a\")"}}},
	{kind: kind{"Java's declaration", []string{"int three = 3;"}}},
	{kind: kind{"C's increment", []string{"i := 0\nj := i++\nfmt.Println(j)"}}},
	{kind: kind{"C's if", []string{"if (3 > 2) fmt.Println(3)"}}},
	{kind: kind{"a letter of a text", []string{"s := \"abc\"\ns[0] = 'x'"}}},
	{kind: kind{"a number that is too large", []string{"var small byte = 300"}}},
	{kind: kind{"a value for an interface of a pointer's methods", []string{"type sounds interface{ sound() string }\n\ntype dog struct{}\n\nfunc (d *dog) sound() string { return \"woof\" }", "var s sounds = dog{}\nfmt.Println(s.sound())"}}},
	{kind: kind{"a method that is missing", []string{"var s sounds = 3\nfmt.Println(s.sound())"}}},
	{kind: kind{"break outside of a loop", []string{"break"}}},
	{kind: kind{"a constant that changes", []string{"const limit = 3\nlimit = 4"}}},
	{kind: kind{"an error of the last call", []string{"strconv.Atoi(\"three\")"}}, runs: true},
	{kind: kind{"IPython's command", []string{"%matplotlib inline"}}},
	{kind: kind{"a module that is not required", []string{"import \"github.com/quire-ml/absent/pkg\"\n\nfmt.Println(pkg.X)"}}},
	{kind: kind{"an unused variable", []string{"unused := 3\nfmt.Println(\"it may be used later\")"}}, runs: true},
	{kind: kind{"an unused variable of a function", []string{"func f() {\n\tunused := 3\n}"}}},
	{kind: kind{"a shadowed err", []string{"var err error\nif true {\n\tn, err := fmt.Sscan(\"\")\n\tfmt.Println(n)\n}\ncheck(err)"}}},
	{kind: kind{"a name declared twice", []string{"a, err := fmt.Sscan(\"\")\na, err := fmt.Sscan(\"\")\nfmt.Println(a, err)"}}},
	{kind: kind{"a quotient of ints", []string{"n := 5\nvar half float64 = n / 2\nfmt.Println(half)"}}},
	{kind: kind{"int and float64", []string{"n, x := 3, 2.5\nfmt.Println(n * x)"}}},
	{kind: kind{"a division by 0", []string{"fmt.Println(1 / 0)"}}},
	{kind: kind{"a division by a variable that is 0", []string{"n := 0\nfmt.Println(1 / n)"}}},
	{kind: kind{"an index out of range", []string{"list := []int{1, 2, 3}\nfmt.Println(list[3])"}}},
	{kind: kind{"a nil tensor", []string{"var t *tensors.Tensor\nfmt.Println(t.Shape())"}}},
	{kind: kind{"a panic in a goroutine", []string{"done := make(chan bool)\ngo func() {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n\tdone <- true\n}()\n<-done"}}},
	{kind: kind{"a huge tensor", []string{"fmt.Println(tensors.FromScalarAndDimensions(float32(1), 1000, 1000))"}}, runs: true},
	{kind: kind{"a stale value", []string{"func scale(x int) int { return 2 * x }", "scaled := scale(21)", "func scale(x int) int { return 3 * x }", "fmt.Println(scaled)"}}, runs: true},
}

// firstCell is what README's first cell has.
const firstCell = `import (
	"fmt"
	"log"
	"os"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

var backend = backends.MustNew()

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}`

// placed begins what is said of a mistake: it names the cell.
var placed = regexp.MustCompile(`^In\[\d+\](:\d+)?: \S`)

// Each mistake of a beginner, in a notebook as people have it, is answered by one sentence that names cell and line, and by what
// to do.
func TestMistakesOfBeginnersReadWell(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	nb := notebook.New()
	for _, m := range beginners {
		for i, source := range m.cells {
			c := &notebook.Cell{Kind: notebook.Code, Source: source}
			if i == len(m.cells)-1 && !m.runs {
				c.Metadata = map[string]any{"tags": []any{"raises-exception"}}
			}
			nb.Cells = append(nb.Cells, c)
		}
	}
	path := filepath.Join(t.TempDir(), "nb.ipynb")
	require.NoError(t, nb.Write(path))
	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: path})
	require.NoError(t, err)
	var b strings.Builder
	n := 0
	for _, m := range beginners {
		fmt.Fprintf(&b, "==== %s\n", m.name)
		for i := range m.cells {
			last := i == len(m.cells)-1
			for _, o := range result.Cells[n].Outputs {
				b.WriteString(outputText(o))
				if o.Kind != notebook.Error {
					continue
				}
				assert.True(t, last, "%s: a cell that prepares it fails: %s", m.name, o.EValue)
				assert.Regexp(t, placed, o.EValue, m.name)
				assert.NotContains(t, o.EValue, "\n", m.name)
				trace := strings.Join(o.Traceback, "\n")
				// A message of Quire's own may end with what to do.
				own := strings.HasSuffix(strings.TrimSuffix(o.EValue, " (exit status 1)"), ")") || strings.Contains(o.EValue, " (mask it away")
				assert.True(t, own || strings.Contains(trace, "→ ") || o.EName == "graph error", "%s: nothing says what to do: %s", m.name, trace)
			}
			n++
		}
		b.WriteString("\n")
	}
	golden.Check(t, "testdata/beginners.golden", masked(b.String()))
}

// outputText writes an output as text.
func outputText(o *notebook.Output) string {
	switch o.Kind {
	case notebook.Error:
		return fmt.Sprintf("%s: %s\n%s", o.EName, o.EValue, indented(strings.Join(o.Traceback, "\n")))
	case notebook.Stream:
		return fmt.Sprintf("%s:\n%s", o.Name, indented(o.Text))
	}
	text, _ := o.MIME("text/plain")
	return "display:\n" + indented(text)
}
