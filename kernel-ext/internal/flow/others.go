package flow

import "fmt"

// elsewhere are words of other languages, with Go's for the same.
var elsewhere = map[string]string{
	"True": "true", "False": "false", "None": "nil", "null": "nil", "NULL": "nil", "nullptr": "nil", "undefined": "nil",
	"float": "float64", "double": "float64", "boolean": "bool", "char": "byte", "long": "int64", "Integer": "int", "String": "string",
	"str":  "string, and fmt.Sprint(x) for the text of a value",
	"void": "nothing in its place", "self": "the name of the method's receiver", "this": "the name of the method's receiver",
	"elif": "else if", "while": "for", "pass": "nothing in its place", "lambda": "func(x float64) float64 { return x * x }",
	"dict": "map[string]T", "list": "[]T", "array": "[]T", "tuple": "a struct, or several results of a function", "set": "map[T]bool", "object": "any",
	"sum": "a loop: for _, x := range list { total += x }", "all": "slices.ContainsFunc(list, func(x T) bool { … })",
	"sorted": "slices.Sort(list), or slices.Sorted(slices.Values(list)) for a copy", "reversed": "slices.Reverse(list), or for _, x := range slices.Backward(list) { … }",
	"enumerate": "for i, x := range list { … }", "zip": "for i := range a { … a[i], b[i] … }", "filter": "a loop with if and append",
	"isinstance": "v, ok := x.(T)", "typeof": "%T: fmt.Printf(\"%T\\n\", x)", "sizeof": "unsafe.Sizeof(x)", "hasattr": "v, ok := x.(interface{ Name() T })",
	"input": "fmt.Scanln(&text)", "printf": "fmt.Printf", "puts": "fmt.Println", "echo": "fmt.Println", "open": "os.Open(name), and os.ReadFile(name) for all that is in it",
	"foreach": "for _, x := range list { … }", "raise": "panic(…), or return an error", "assert": "if !condition { panic(\"…\") }",
	"exit": "nothing in its place: a cell ends with its last line, and os.Exit(1) ends it before", "quit": "nothing in its place: a cell ends with its last line, and os.Exit(1) ends it before",
	"dir":   "nothing of the kind: Tab behind the dot lists what a value or a package has",
	"help":  "nothing of the kind: Shift-Tab on a name shows what it is",
	"round": "math.Round", "pow": "math.Pow", "chr": "string(rune(n))", "ord": "int('a')",
	"Out": "no numbers of outputs: give the value a name, which later cells have", "In": "no numbers of cells: copy the line",
}

// shell are names of commands of the shell, which begin with !.
var shell = map[string]bool{"ls": true, "pwd": true, "cd": true, "cat": true, "git": true, "pip": true, "python": true, "python3": true, "mkdir": true, "rm": true}

// library is a package of another language, with what is like it here.
type library struct {
	says string
	in   []string // packages that may have a function of the same name
}

const (
	arrays   = "arrays to calculate with are those of package live, as live.Of([]float32{1, 2}).Add(3)"
	networks = arrays + "; layers, losses and optimizers are packages of ml"
	pictures = "pictures are made by package plots and shown at the end of a cell, as plots.Lines(plots.Options{}, plots.Points{X: x, Y: y})"
)

// libraries are such packages by the names that people give them.
var libraries = map[string]library{
	"np": {arrays, calculator}, "numpy": {arrays, calculator}, "jnp": {arrays, calculator}, "cp": {arrays, calculator}, "mx": {arrays, calculator},
	"torch": {networks, calculator}, "tf": {networks, calculator}, "jax": {networks, calculator}, "keras": {networks, layers},
	"nn": {"layers are functions of package layers, as layers.Dense(scope, x, true, 64)", layers}, "F": {"they are functions of packages graph and losses", layers},
	"plt": {pictures, plots}, "sns": {pictures, plots}, "ax": {pictures, plots},
	"pd":      {"tables are read by csv.Load of package ml/data/csv", []string{module + "ml/data/csv"}},
	"random":  {"numbers by chance are those of package math/rand/v2, as rand.Float64()", []string{"math/rand/v2"}},
	"console": {"Go prints by fmt.Println", nil}, "System": {"Go prints by fmt.Println", nil},
	"sys":  {"Go has it in package os, as os.Args and os.Exit", []string{"os"}},
	"Math": {"Go writes it in small letters: math", []string{"math"}},
	"re":   {"Go has it in package regexp, as regexp.MustCompile(`a+`).FindString(text)", nil},
}

var (
	calculator = []string{module + "graph/live", "math"}
	layers     = []string{module + "ml/layers", module + "ml/losses", module + "graph"}
	plots      = []string{module + "viz/plots"}
)

// like says what is like a library of another language here, and what may be meant by the names selected from it.
func (c *checked) like(l library, selected []string) string {
	for _, name := range selected {
		if found := c.exportedAs(name, l.in...); found != "" {
			return fmt.Sprintf("did you mean %s? %s", found, l.says)
		}
	}
	return l.says
}
