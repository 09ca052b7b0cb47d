package failure

import (
	"fmt"
	"regexp"
	"strings"
)

// habit is a way of writing that other languages teach, which is known by the line in which the compiler stumbles.
type habit struct {
	code   *regexp.Regexp
	remedy string
}

func writes(code, remedy string) habit { return habit{regexp.MustCompile(code), remedy} }

// habits are asked in order. They are only asked about a line that is no Go, so that what Go allows need not be left out.
var habits = []habit{
	writes(`^\s*#`, "a comment begins with //"),
	writes(`^\s*def\s+\w+`, "a function is written func name(x float64) float64 { … }, with the types of what it takes and returns"),
	writes(`^\s*(pip3?|conda)\s+install\b`, "modules of Go are not installed: %require example.org/module@v1.2.3 pins one for this notebook"),
	writes(`^\s*(ls|cd|cat|pwd|mkdir|rm|git|go|echo|cp|mv|head|python3?)(\s|$)`, "a command of the shell begins with !, as in !ls"),
	writes(`^\s*from\s+\S+\s+import\b|^\s*import\s+[\w.]+(\s*,\s*[\w.]+)*(\s+as\s+\w+)?\s*$`, `a package is imported by its path, as in import "github.com/quire-ml/quire/graph"`),
	writes(`^\s*class\s+\w+`, "a type is written type Name struct { … }, and its methods are functions beside it"),
	writes(`^\s*(async\s+)?for\b.*\bin\b.*:?\s*$`, "a loop over numbers is written for i := range 10 { … }, one over a slice for i, x := range list { … }"),
	writes(`^\s*while\b`, "a loop is written for condition { … }"),
	writes(`^\s*elif\b`, "write } else if condition {"),
	writes(`^\s*(try|except|finally)\b.*:\s*$`, "a function that can fail returns an error: if err != nil { … }"),
	writes(`^\s*(if|else|for|with)\b.*:\s*$`, "what belongs together stands between { and }, not behind a colon: if x == 3 { … }"),
	writes(`^\s*(let|const|var|auto|int|float|double|char|string|str)\s+\w+\s*=[^=]`, "a variable is made by name := value, or by var name = value"),
	writes(`[=(,]\s*\[.*\bfor\b.*\bin\b.*\]`, "a list is made by a loop: for _, x := range list { out = append(out, 2*x) }"),
	writes(`[=(,]\s*\[\s*([\w."'-]+\s*(,\s*[\w."'-]+\s*)*,?)?\]\s*\)?\s*$`, "a list is written with the type of its elements: []float64{1, 2, 3}"),
	writes(`[=(,]\s*\{.*[:,].*\}\s*\)?\s*$`, `a map is written with its types: map[string]int{"a": 1}`),
	writes(`=.*\bif\b.*\belse\b|\?.*:`, "a choice is a statement: x := a, then if condition { x = b }"),
	writes(`(^\s*\?+\s*%?[\w.]+|[\w.)]\s*\?+)\s*$`, "Shift-Tab on a name shows what it is"),
	writes(`^\s*if\b.*\bin\b`, "a list is searched by slices.Contains(list, x), and a map by _, ok := m[x]"),
	writes(`(^|[=(,])\s*(\+\+|--)\s*\w|[=(,].*\w\s*(\+\+|--)`, "i++ is a statement of its own, behind the name"),
	writes(`^\s*\w+\s*:\s*[\w\[\]]+\s*=[^=]`, "a variable of a type is declared by var x float64 = 3, and mostly x := 3.0 is enough"),
	writes(`^\s*"""|^\s*\'\'\'`, "a comment begins with //; a text of several lines stands between backquotes"),
	writes(`[^"]*#[^"]*$`, "a comment begins with //"),
	writes(`^\s*(raise|throw)\b`, "panic(…) ends a cell; a function that can fail returns an error"),
	writes(`^\s*del\s+\w`, "delete(m, key) takes a key out of a map; a variable needs nothing of the kind"),
	writes(`^\s*assert\b`, `write if !condition { panic("…") }`),
	writes(`^\s*(public|private|static|struct)\b`, "a type is written type Name struct { … }, and its methods are functions beside it"),
	writes(`^\s*(if|for|while)\s*\(.*\)\s*\S`, "what belongs together stands between { and }, also one statement: if x == 3 { … }"),
	writes(`\(\(\s*[\w.]+\s*,`, "several sizes are several arguments: live.Zeros(2, 3)"),
	writes(`\.(map|forEach|each)\s*\(`, "a list is gone through by a loop: for _, x := range list { … }"),
	writes(`\btype\s*\(`, `a value's type is printed by fmt.Printf("%T\n", x)`),
	writes(`^\s*(let|const|var)\s*[{\[]`, "several results are taken by a, b := f(), and fields by their names: v.A"),
	writes(`\brange\s*\(`, "a loop over numbers is written for i := range 10 { … }"),
	writes(`\blambda\b`, "a function without a name is written func(x float64) float64 { return x * x }"),
	writes(`\b[fF]"[^"]*"`, `values are put into text by fmt.Sprintf("loss %.3f", loss)`),
	writes(`(^|[^\w'])'[^']{2,}'`, "a text stands between double quotes; single quotes hold one character"),
	writes(`\w\s*\*\*\s*\w`, "a power is written math.Pow(x, 3), of nodes graph.Pow"),
	writes(`^\s+func\s+\w+\s*\(`, "a function within a function is a value: name := func() { … }"),
	writes(`^\s*else\b`, "else stands in the line of the } before it: } else {"),
	writes(`^\s*(if|for)\b[^=]*[^=!<>:+*/-]=[^=]`, "= gives a variable a value, and == compares"),
	writes(`\bnot\s+\w|\w\s+(and|or)\s+\w`, "not, and, or are written !, &&, ||"),
}

// habitual returns the remedy of a habit, "" if the line shows none.
func habitual(code string) string {
	for _, h := range habits {
		if h.code.MatchString(code) {
			return h.remedy
		}
	}
	return ""
}

// haveWant matches the lines in which the compiler puts what a call or a return has below what it wants.
var haveWant = regexp.MustCompile(`\n\thave (\(.*\))\n\twant (\(.*\))$`)

// oneSentence makes a sentence of what the compiler says in several lines.
func oneSentence(s string) string {
	s = haveWant.ReplaceAllString(s, ": have $1, want $2")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n\t", " "), "\n", " ")
}

// compute is the remedy of those who calculate with tensors and nodes as with numbers.
const compute = "operators work on numbers: nodes of a graph are added by graph.Add and graph.AddScalar, values of tensors by methods of package live, as live.Of(x).Add(1), or within graph.CallOnce(backend, func(x *graph.Node) *graph.Node { … }, x)"

// mismatched explains an operator between two types.
func mismatched(_ *Book, p *problem, m []string, _ int) {
	x, y := strings.TrimPrefix(m[1], "untyped "), strings.TrimPrefix(m[2], "untyped ")
	switch {
	case isValue(x) || isValue(y):
		p.remedy = compute
	case (x == "string" || y == "string") && strings.Contains(p.sentence, " * "):
		p.remedy = "a text is repeated by strings.Repeat(text, 3)"
	case (x == "string" || y == "string") && strings.Contains(p.sentence, " % "):
		p.remedy = `values are put into text by fmt.Sprintf("%d of %d", a, b)`
	case x == "string" || y == "string":
		p.remedy = "make a text of both: fmt.Sprint(a, b), or fmt.Sprintf with a format"
	case numbers[x] && numbers[y]:
		p.remedy = fmt.Sprintf("Go converts no number by itself: write %s(…) around the other", wider(x, y))
	default:
		p.remedy = "both sides must be of one type: convert one of them"
	}
}

func isValue(t string) bool {
	return strings.HasSuffix(t, "graph.Node") || strings.HasSuffix(t, "tensors.Tensor")
}

// numbers are Go's types of numbers; the constant kinds among them have no size.
var numbers = map[string]bool{
	"int": true, "int8": true, "int16": true, "int32": true, "int64": true, "uint": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
	"float32": true, "float64": true, "float": true, "rune": true, "byte": true,
}

// wider returns that of two types of numbers to which one converts without losing a fraction.
func wider(x, y string) string {
	if strings.HasPrefix(y, "float") && !strings.HasPrefix(x, "float") || y == "float64" {
		return y
	}
	return x
}

// cannotUse explains a value of another type than the one that is wanted there.
func cannotUse(_ *Book, p *problem, m []string, _ int) {
	value, about, want := m[1], m[2], m[3]
	have := about
	if i := strings.LastIndex(about, "type "); i >= 0 {
		have = about[i+len("type "):]
	}
	switch {
	case want == "*graph.Node" && isValue(have):
		p.remedy = fmt.Sprintf("values of tensors come into a graph as what its function takes: graph.CallOnce(backend, func(x *graph.Node) *graph.Node { … }, %s); package live computes with them at once, as live.Of(%[1]s).Add(1)", value)
	case want == "*graph.Node" && strings.Contains(about, "untyped"):
		p.remedy = fmt.Sprintf("a number becomes a node by graph.Const(x.Graph(), float32(%s)); graph.AddScalar and graph.MulScalar take one", value)
	case want == "*"+have:
		p.remedy = fmt.Sprintf("a pointer is wanted: give &%s, or declare it as %s", value, want)
	case have == "*"+want:
		p.remedy = fmt.Sprintf("the value behind the pointer is wanted: *%s", value)
	case strings.HasPrefix(about, "untyped string") && numbers[want]:
		p.remedy = "a text is no number: strconv.Atoi and strconv.ParseFloat read one out of a text"
	case want == "string":
		p.remedy = fmt.Sprintf("make a text of it: fmt.Sprint(%s)", value)
	case numbers[have] && numbers[want] && strings.Contains(value, "/"):
		p.remedy = fmt.Sprintf("Go converts no number by itself, and drops the fraction of a quotient of integers: convert before dividing, as in %s(n) / 2", want)
	case numbers[have] && numbers[want]:
		p.remedy = fmt.Sprintf("Go converts no number by itself: write %s(%s)", want, value)
	case strings.Contains(about, "untyped float") && numbers[want]:
		p.remedy = fmt.Sprintf("%s holds no fraction: declare it as float64", want)
	default:
		p.remedy = "hover (Shift-Tab) shows what a function takes and of which type a variable is"
	}
}

// noDType explains a type of Go that tensors do not hold.
func noDType(_ *Book, p *problem, m []string, _ int) {
	p.sentence = fmt.Sprintf("%s does not satisfy %s: tensors hold no %s", m[1], m[2], m[1])
	p.remedy = "say how large the numbers are: float32(1), int32(1) or int64(1) in the place of 1"
}

// noGraphFunction explains what is no function that builds a graph: the compiler lists all kinds of these.
func noGraphFunction(_ *Book, p *problem, m []string, _ int) {
	p.sentence = fmt.Sprintf("%s does not satisfy %s", m[1], m[2])
	p.remedy = "a function of nodes is wanted, which returns what it makes: func(x *graph.Node) *graph.Node { … }"
}

// returns explains a return with another number of values than the function has.
func returns(_ *Book, p *problem, _ []string, _ int) {
	switch code := strings.TrimSpace(p.code); {
	case strings.HasPrefix(code, "func "):
		p.remedy = "say what the function returns, behind its parameters: func name(a, b int) int { … }"
	case strings.HasSuffix(p.sentence, "want ()"):
		p.remedy = "a function names what it returns behind its parameters; a cell returns nothing, and shows the value of its last expression"
	default:
		p.remedy = "return what the function names behind its parameters"
	}
}
