package irtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// carelessly is what each row says of the careless engine, or a part of it.
var carelessly = map[string]string{
	"a donated buffer is closed after a run":                       "reading a donated buffer: no error",
	"a donated buffer is closed after an error":                    "where the context has ended: Run: no error",
	"a buffer that is not donated keeps its value":                 "an input that was not donated: element 0 is 2, want 1",
	"a tensor keeps its value when its buffer is donated":          "the tensor whose buffer was donated: element 0 is 2, want 1",
	"what was read keeps its value when the buffer is donated":     "what was read before the donation: element 0 is 4, want 2",
	"a buffer is donated while another run reads it":               "donat",
	"a buffer is donated by two runs at once":                      "others were given too",
	"one buffer is given twice and donated once":                   "the result of a buffer that was given twice: element 0 is -6, want 6",
	"an output that is an input outlives it":                       "an output that is an input which was closed: tensor float32[5] was closed",
	"a value that is returned twice is two buffers":                "the second of two equal outputs, when the first was donated: element 0 is 4, want 2",
	"a constant that is returned does not change":                  "an output that is a constant: element 0 is 2, want 1",
	"what was read stays when all is closed":                       "what was read of an input: tensor float32[5] was closed",
	"a tensor is finalized after Put":                              "panicked: tensor float32[5] was closed",
	"a tensor is changed when its buffer is closed":                "the tensor of a closed buffer was finalized",
	"runs on equal inputs give equal bits":                         "output 0 has other bits in a run that repeats another",
	"the backend is closed, then the rest in every order":          "Put after closing backend: no error",
	"the executable is closed, then the rest in every order":       "Run after closing executable: no error",
	"the input is closed, then the rest in every order":            "panicked: tensor float32[5] was closed",
	"the output is closed, then the rest in every order":           "panicked: tensor float32[5] was closed",
	"the backend is closed twice, then the rest in every order":    "closing backend, backend, executable, executable: closed twice",
	"the executable is closed twice, then the rest in every order": "closing executable, executable: closed twice",
	"the input is closed twice, then the rest in every order":      "closing input, input: closed twice",
	"the output is closed twice, then the rest in every order":     "closing output, output: closed twice",
	"the executable is closed while programs run":                  "Run after the executable was closed: no error",
	"the buffer is closed while programs run":                      "panicked: tensor float32[5] was closed",
	"the backend is closed while programs run":                     "Run after the backend was closed: no error",
	"Run with a context that has ended":                            "Run returned 1 outputs and <nil>",
	"Compile with a context that has ended":                        "and <nil>, want none and context canceled",
	"a context ends while a program runs":                          "a run went on to its end though its context had ended",
	"inputs that do not fit are errors":                            "panicked",
	"a buffer of another engine is an error":                       "panicked: interface conversion",
	"a buffer of another instance is an error or works":            "another instance's buffer that was not donated: element 0 is 2, want 1",
	"Put of nil is an error":                                       "Put of nil: no error",
	"Put of a finalized tensor is an error":                        "Put of a finalized tensor: no error",
	"Compile of nil is an error":                                   "panicked: runtime error: invalid memory address",
	"runs of one executable overlap":                               "a result among runs at once",
	"programs are compiled at once":                                "",
	"integers of every dtype are divided by zero":                  "panicked: integer division by zero",
	"integers are divided by zero inside of bodies":                "panicked: integer division by zero",
	"what is not divided is no error":                              "panicked: integer division by zero",
	"constants are divided by zero":                                "panicked: integer division by zero",
	"values of every dtype and odd shapes go through a program":    "panicked: runtime error: index out of range [0] with length 0",
	"a program has no inputs":                                      "panicked: runtime error: index out of range [0] with length 0",
	"absurd sizes are errors":                                      "panicked: tensor float32[1048576 1048576]: no memory for 4 TiB",
	"a program is not changed":                                     "Compile changed the program: ",
	"the name is one":                                              `Name is "careless1", then "careless3"`,
	"a tensor is put on a mesh":                                    "PutOn returned neither a buffer nor an error",
}

// racing are the sentences whose rows run the engine in several goroutines before they find anything else.
var racing = []string{heldIsUntouched, closeMeanwhile, runsOverlap, compilesOverlap}

// A row that the careless engine passes could not find what it is there for.
func TestEachRowFindsTheCarelessEngine(t *testing.T) {
	long := contextTime
	contextTime = long / 20
	defer func() { contextTime = long }()
	known := map[string]bool{}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			assert.False(t, known[r.name], "two rows have this name")
			known[r.name] = true
			if testing.Short() && slices.Contains(racing, r.sentence) {
				t.Skip("the careless engine has data races here, and short runs look for those")
			}
			want, ok := carelessly[r.name]
			if r.sentence == checkedFirst {
				want, ok = "Compile of a program with "+strings.TrimPrefix(r.name, "Compile refuses ")+": no error", true
			}
			require.True(t, ok, "carelessly does not say what the careless engine does wrong here")
			err := r.holds(func() ir.Backend { return &careless{} })
			require.Error(t, err, "the careless engine passes: the row cannot fail")
			assert.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "\n", "one sentence")
		})
	}
	for name := range carelessly {
		assert.True(t, known[name], "there is no row %q", name)
	}
}

// The careless engine is no strawman: its values are right where nobody looks closely.
func TestTheCarelessEngineComputesWell(t *testing.T) {
	c := &check{open: func() ir.Backend { return &careless{} }}
	require.NoError(t, c.try(func() {
		b := c.engine()
		in := []ir.Buffer{c.put(b, tensors.FromScalar(int32(3))), c.put(b, ramp(5, 1)), c.put(b, ramp(5, 0))}
		out := c.run(c.compile(b, []shapes.Shape{in[0].Shape(), in[1].Shape(), in[2].Shape()}, counting), in...)
		c.isRamp(out[1], -1, "x after three passes")
		c.isRamp(c.run(c.compile(b, shapesOf(ramp(5, 1)), twice), c.put(b, ramp(5, 1)))[0], 2, "2x")
	}))
}

// The contract is stated once, in docs/backend.md: each sentence of it has rows, and each row a sentence.
func TestRowsAreOfTheContract(t *testing.T) {
	page, err := os.ReadFile("../../../docs/backend.md")
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(page), "\n## The contract\n")
	require.True(t, ok, "docs/backend.md has no section \"The contract\"")
	text, _, _ = strings.Cut(text, "\n## ")
	stated := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^- (.*(?:\n  .*)*)`).FindAllStringSubmatch(text, -1) {
		stated[strings.Join(strings.Fields(m[1]), " ")] = false
	}
	for _, r := range rules() {
		_, ok := stated[r.sentence]
		assert.True(t, ok, "docs/backend.md does not state %q, of the row %q", r.sentence, r.name)
		stated[r.sentence] = true
	}
	for s, tested := range stated {
		assert.True(t, tested, "no row tests %q", s)
	}
}

// Every sentence with which Program.Check refuses is that of a forgery: they are read from its source.
func TestForgeriesBreakEveryRuleOfCheck(t *testing.T) {
	var said []string
	for _, f := range forgeries {
		c := &check{}
		var err error
		require.NoError(t, c.try(func() { err = f.forged(c, graphtest.Reference()).Check() }))
		require.Error(t, err, "Program.Check takes a program with %s", f.name)
		said = append(said, err.Error())
	}
	formats := checkFormats(t, "..")
	require.Greater(t, len(formats), 12, "the functions of Program.Check were not found")
	for _, format := range formats {
		pattern := regexp.MustCompile(regexp.MustCompile(`%[a-z]`).ReplaceAllString(regexp.QuoteMeta(format), `(?s:.*)`))
		found := false
		for _, s := range said {
			found = found || pattern.MatchString(s)
		}
		assert.True(t, found, "no forgery is refused with %q", format)
	}
}

// checkFormats returns the texts of the errors that the functions which check programs make, from the sources in the given
// folders.
func checkFormats(t *testing.T, dirs ...string) (formats []string) {
	checks := regexp.MustCompile(`^(Check|check|checkPlacement|checkMesh|checkRegion|results)$`)
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "check.go"))
		require.NoError(t, err)
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && checks.MatchString(fn.Name.Name) {
					formats = append(formats, errorFormats(fn)...)
				}
			}
		}
	}
	return formats
}

// errorFormats returns the first arguments of calls of fmt.Errorf and errors.New.
func errorFormats(fn *ast.FuncDecl) (formats []string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Errorf" && f.Sel.Name != "New" {
			return true
		}
		if lit, ok := call.Args[0].(*ast.BasicLit); ok {
			text, _ := strconv.Unquote(lit.Value)
			if text != "the program is nil" { // which is no program to forge, and a row of its own
				formats = append(formats, text)
			}
		}
		return true
	})
	return formats
}
