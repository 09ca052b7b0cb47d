package failure_test

import (
	"strings"
)

// kind is a way in which cells fail, with the cells that show it: all but the last prepare it.
type kind struct {
	name  string
	cells []string
}

// kinds are run in one kernel, in this order, so that new ones belong at the end.
var kinds = []kind{
	{"a cell that does not fail", []string{"%%\nfmt.Println(\"out\")\nfmt.Fprintln(os.Stderr, \"panic: no, only a line\")\nfmt.Fprintln(os.Stderr, \"err\")"}},
	{"a statement outside of a function", []string{"x := 5\nfmt.Println(x)"}},
	{"a call outside of a function", []string{"fmt.Println(1)"}},
	{"a value of an earlier cell", []string{"%%\npictures, labels := []int{1}, []int{2}\nfmt.Println(pictures, labels)", "%%\nfmt.Println(len(pictures))"}},
	{"a value of the main part in a function", []string{"func shown() int {\n\treturn len(pictures)\n}\n\n%%\nfmt.Println(shown())"}},
	{"a name with a slip", []string{"func normalise(x float64) float64 { return x / 255 }", "%%\nfmt.Println(normalize(3))"}},
	{"a name that nobody declares", []string{"%%\nfmt.Println(1, widgets)"}},
	{"a package that is not imported", []string{"%%\nx := tensors.FromValue(float32(1))\nfmt.Println(x)"}},
	{"a module that is not there", []string{"import \"github.com/quire-ml/absent/pkg\"\n\n%%\nfmt.Println(pkg.X)"}},
	{"a package of the standard library that is not there", []string{"import \"math/wrong\"\n\n%%\nfmt.Println(wrong.X)"}},
	{"a package of quire that is not there", []string{"import \"github.com/quire-ml/quire/ml/wrong\"\n\n%%\nfmt.Println(wrong.X)"}},
	{"an unused variable", []string{"%%\nunused := 3\nfmt.Println(\"x\")"}},
	{"an unused import", []string{"import other \"os\"\n\n%%\nfmt.Println(\"x\")"}},
	{"a wrong type", []string{"func broken() int {\n\treturn \"text\"\n}"}},
	{"two mistakes", []string{"func first() int {\n\treturn \"text\"\n}\n\nfunc second() string {\n\treturn 1\n}"}},
	{"a missing return", []string{"func third() int {\n}"}},
	{"wrong arguments", []string{"%%\nfmt.Println(strings.Repeat(\"x\"))"}},
	{"a method that is not there", []string{"%%\nvar b strings.Builder\nb.Writestring(\"x\")"}},
	{"a brace that is missing", []string{"%%\nfor i := range 3 {\n\tfmt.Println(i)"}},
	{"a string without an end", []string{"%%\nfmt.Println(\"abc)"}},
	{"characters that are not Go", []string{"%%\nfmt.Println(“hello”)"}},
	{"an index out of range", []string{"%%\nfmt.Println(\"hi\")\nvar a []int\n_ = a[len(a)+5]"}},
	{"a slice out of range", []string{"%%\na := make([]int, 2)\nn := 7\nfmt.Println(a[1:n])"}},
	{"a nil map", []string{"%%\nvar m map[string]int\nm[\"a\"] = 1"}},
	{"a nil pointer", []string{"type point struct{ x int }\n\nfunc (p *point) get() int {\n\treturn p.x\n}", "%%\nvar p *point\nfmt.Println(p.get())"}},
	{"a division by zero", []string{"%%\nn := 0\nfmt.Println(1 / n)"}},
	{"a wrong assertion", []string{"%%\nvar v any = 3\nfmt.Println(v.(string))"}},
	{"a panic of its own", []string{"func deep(n int) {\n\tif n == 0 {\n\t\tpanic(\"deep\")\n\t}\n\tdeep(n - 1)\n}", "%%\ndeep(3)"}},
	{"a panic with an error of several lines", []string{"%%\npanic(errors.New(\"first\\nsecond\"))"}},
	{"a panic in a goroutine", []string{"%%\ngo func() {\n\tpanic(\"in a goroutine\")\n}()\nselect {}"}},
	{"a panic in a package", []string{"%%\nstrings.Repeat(\"x\", -1)"}},
	{"a panic again", []string{"%%\ndefer func() {\n\tpanic(fmt.Sprint(\"again: \", recover()))\n}()\npanic(\"first\")"}},
	{"a deadlock", []string{"%%\nc := make(chan int)\nc <- 1"}},
	{"a deadlock of a wait group", []string{"%%\nvar wg sync.WaitGroup\nwg.Add(1)\nwg.Wait()"}},
	{"a send to a closed channel", []string{"%%\nc := make(chan int)\nclose(c)\nc <- 1"}},
	{"maps written at once", []string{"%%\nm := map[int]int{}\nfor k := range 8 {\n\tgo func() {\n\t\tfor i := 0; ; i++ {\n\t\t\tm[i*8+k%2] = i\n\t\t}\n\t}()\n}\ntime.Sleep(time.Minute)"}},
	{"a recursion without end", []string{"func endless(n int) int {\n\treturn endless(n+1) + 1\n}", "%%\nfmt.Println(endless(0))"}},
	{"log.Fatal", []string{"%%\nlog.Print(\"begins\")\nlog.Fatal(\"no such model\")"}},
	{"an exit after words", []string{"%%\nfmt.Fprintln(os.Stderr, \"it went wrong\")\nos.Exit(3)"}},
	{"an exit without words", []string{"%%\nif true {\n\tos.Exit(7)\n}"}},
	{"a failing test", []string{"%test\nfunc TestSum(t *testing.T) {\n\tif 1+1 != 3 {\n\t\tt.Fatal(\"sum is 2\")\n\t}\n}"}},
	{"a program that is killed", []string{"%%\nsyscall.Kill(os.Getpid(), syscall.SIGKILL)\nselect {}"}},
	{"memory that is not there", []string{"%%\nvar all [][]byte\nfor {\n\tall = append(all, make([]byte, 1<<46))\n}"}},
	{"a length that cannot be", []string{"%%\nn := -1\n_ = make([]int, n)"}},
	{"a disk that is full", []string{"%%\npanic(&os.PathError{Op: \"write\", Path: \"/data/model.bin\", Err: syscall.ENOSPC})"}},
	{"a graph whose axes differ", []string{graphCell, "%%\nx := tensors.FromScalarAndDimensions(float32(1), 32, 784)\nw := tensors.FromScalarAndDimensions(float32(1), 10, 784)\ny, err := graph.CallOnce(backends.MustNew(), product, x, w)\nif err != nil {\n\tpanic(err)\n}\nfmt.Println(y)"}},
	{"a graph's error that is wrapped", []string{"%%\nx := tensors.FromScalarAndDimensions(float32(1), 32, 784)\n_, err := graph.CallOnce(backends.MustNew(), product, x, x)\nif err != nil {\n\tlog.Fatal(fmt.Errorf(\"step 3: %w\", err))\n}"}},
	{"a graph with named axes", []string{"%%\nx := tensors.FromScalarAndDimensions(float32(1), 4, 3)\ng := graph.NewGraph(nil, \"g\")\nfmt.Println(x.Shape())\ngraph.Add(graph.Parameter(g, \"a\", shapes.Make(dtypes.Float32, 4, 3).WithAxisNames(\"batch\", \"pixel\")), graph.Parameter(g, \"b\", shapes.Make(dtypes.Float32, 5, 3).WithAxisNames(\"batch\", \"pixel\")))"}},
	{"a variable whose value panics", []string{"var model = func() int {\n\tpanic(\"no model\")\n}()"}},
	{"an unknown command", []string{"%rm model\n%%\n%foo"}},
	{"a shell command that fails", []string{"!echo words >&2; false"}},
	{"a mistake in a package of one's own", []string{"!*go work use $QUIRE_TEST_MODULE", "import \"example.org/own\"\n\n%%\nfmt.Println(own.Wrong())"}},
	{"a segmentation fault", []string{"%%\np := (*int)(unsafe.Pointer(uintptr(8)))\nfmt.Println(*p)"}},
	{"an interrupted cell", []string{"%%\nfmt.Println(\"begun\"); select { case <-time.After(time.Minute): }"}},
}

// graphCell declares a function that returns an error of a graph.
var graphCell = strings.Join([]string{
	"import (",
	"\t\"github.com/quire-ml/quire/backends\"",
	"\t\"github.com/quire-ml/quire/graph\"",
	"\t\"github.com/quire-ml/quire/graph/dtypes\"",
	"\t\"github.com/quire-ml/quire/graph/shapes\"",
	"\t\"github.com/quire-ml/quire/graph/tensors\"",
	")",
	"",
	"func product(x, w *graph.Node) *graph.Node {",
	"\treturn graph.MatMul(x, w)",
	"}",
}, "\n")
