package quire_test

import (
	"encoding/json"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/require"
)

// Exported means promised. api.txt lists all that is exported, with its types, in the form of Go's own api/*.txt, so that a change
// of what is promised shows in a review: go test . -run API -update rewrites it.
func TestAPIIsWhatIsListed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the list is compared on Linux: elsewhere the same names have other files")
	}
	golden.Check(t, "api.txt", strings.Join(apiLines(t), "\n")+"\n")
}

// What was released stays: each line of api/v*.txt is in api.txt still, or is an intended break, with its reason, in
// api/breaks.txt.
func TestAPIKeepsWhatWasReleased(t *testing.T) {
	files, err := filepath.Glob("api/v*.txt")
	require.NoError(t, err)
	released := map[string][]string{}
	for _, file := range files {
		released[strings.TrimSuffix(filepath.Base(file), ".txt")] = textLines(t, file)
	}
	for _, wrong := range broken(released, textLines(t, "api.txt"), textLines(t, "api/breaks.txt")) {
		t.Error(wrong)
	}
}

func textLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
}

// broken compares what was released, by version, with what is there and with the breaks that are meant, and returns what is wrong,
// in sentences. Each break stands below a comment that gives its reason.
func broken(released map[string][]string, now, breaks []string) (wrong []string) {
	there, meant := map[string]bool{}, map[string]bool{}
	for _, line := range now {
		there[line] = true
	}
	reason := false
	for _, line := range breaks {
		switch {
		case strings.HasPrefix(line, "#"):
			reason = true
		case line == "":
			reason = false
		case !reason:
			wrong = append(wrong, fmt.Sprintf("api/breaks.txt gives no reason for %q: it needs a comment above it", line))
		case there[line]:
			wrong = append(wrong, fmt.Sprintf("api/breaks.txt lists %q, which is there: remove the line", line))
		}
		meant[line] = true
	}
	for _, version := range slices.Sorted(maps.Keys(released)) {
		for _, line := range released[version] {
			if line != "" && !there[line] && !meant[line] {
				wrong = append(wrong, fmt.Sprintf("%s had %q, which is gone or changed: bring it back, or list it in api/breaks.txt with the reason, and in CHANGELOG.md with what a user edits", version, line))
			}
		}
	}
	return wrong
}

func TestABreakOfTheAPIIsFound(t *testing.T) {
	const add, sub, sub2 = "pkg graph, func Add(*Node, *Node) *Node", "pkg graph, func Sub(*Node, *Node) *Node", "pkg graph, func Sub(*Node) *Node"
	for _, c := range []struct {
		name        string
		now, breaks []string
		want        string
	}{
		{"all is there", []string{add, sub}, nil, ""},
		{"more is there", []string{add, sub, sub2}, []string{"# none yet"}, ""},
		{"a function is gone", []string{add}, nil, "v0.1.0 had \"pkg graph, func Sub"},
		{"a signature changed", []string{add, sub2}, nil, "v0.1.0 had \"pkg graph, func Sub"},
		{"the change is meant", []string{add, sub2}, []string{"# one operand is enough", sub}, ""},
		{"no reason", []string{add, sub2}, []string{"# of another", "", sub}, "gives no reason"},
		{"a break that is none", []string{add, sub}, []string{"# gone", sub}, "which is there"},
	} {
		got := strings.Join(broken(map[string][]string{"v0.1.0": {add, sub}}, c.now, c.breaks), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// apiLines returns a line for each exported name, field and method of the packages that people may import.
func apiLines(t *testing.T) []string {
	t.Helper()
	if cgo, err := exec.Command("go", "env", "CGO_ENABLED").Output(); err != nil || strings.TrimSpace(string(cgo)) != "1" {
		testenv.Missing(t, "cgo", "without it backends/xla is a stand-in that refuses to open")
	}
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Export", "./...").Output()
	if err != nil {
		why := err.Error()
		if exit, ok := err.(*exec.ExitError); ok {
			why = string(exit.Stderr)
		}
		testenv.Missing(t, "cgo", "the list of the API needs all packages compiled, and backends/xla a C compiler: "+why)
	}
	exports := map[string]string{}
	var ours []string
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct{ ImportPath, Name, Export string }
		require.NoError(t, dec.Decode(&p))
		exports[p.ImportPath] = p.Export
		if p.Export != "" && within(module+"/...", p.ImportPath) && p.Name != "main" && !strings.Contains(p.ImportPath+"/", "/internal/") {
			ours = append(ours, p.ImportPath)
		}
	}
	from := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var lines []string
	for _, path := range ours {
		pkg, err := from.Import(path)
		require.NoError(t, err)
		lines = append(lines, packageLines(pkg)...)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// packageLines returns the lines of a package.
func packageLines(pkg *types.Package) (lines []string) {
	w := &apiWriter{pkg}
	path := strings.TrimPrefix(pkg.Path(), module+"/")
	add := func(format string, args ...any) { lines = append(lines, "pkg "+path+", "+fmt.Sprintf(format, args...)) }
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		switch o := object.(type) {
		case *types.Const:
			add("const %s %s = %s", name, w.typ(o.Type()), o.Val())
		case *types.Var:
			add("var %s %s", name, w.typ(o.Type()))
		case *types.Func:
			add("func %s%s", name, w.signature(o.Signature()))
		case *types.TypeName:
			w.typeLines(name, o, add)
		}
	}
	return lines
}

// typeLines adds a type's line, and those of its fields and methods.
func (w *apiWriter) typeLines(name string, o *types.TypeName, add func(string, ...any)) {
	if o.IsAlias() {
		target := o.Type()
		if alias, ok := target.(*types.Alias); ok {
			target = alias.Rhs()
		}
		add("type %s = %s", name, w.typ(target))
		return
	}
	named := o.Type().(*types.Named)
	params := w.params(named.TypeParams())
	switch u := named.Underlying().(type) {
	case *types.Struct:
		add("type %s%s struct", name, params)
		for f := range u.Fields() {
			if f.Embedded() && f.Exported() {
				add("type %s struct, embedded %s", name, w.typ(f.Type()))
			} else if f.Exported() {
				add("type %s struct, %s %s", name, f.Name(), w.typ(f.Type()))
			}
		}
	case *types.Interface:
		add("type %s%s %s", name, params, w.typ(u))
		return // its methods are in it: one more is a break for those who implement it
	default:
		add("type %s%s %s", name, params, w.typ(u))
	}
	values := types.NewMethodSet(named)
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		if !m.Obj().Exported() {
			continue
		}
		receiver := "*" + name
		if values.Lookup(w.pkg, m.Obj().Name()) != nil {
			receiver = name
		}
		add("method (%s) %s%s", receiver, m.Obj().Name(), w.signature(m.Type().(*types.Signature)))
	}
}

// apiWriter writes types as package pkg would, without the names of parameters, which are no promise.
type apiWriter struct{ pkg *types.Package }

func (w *apiWriter) name(p *types.Package) string {
	if p == w.pkg {
		return ""
	}
	return p.Name()
}

func (w *apiWriter) typ(t types.Type) string {
	switch t := t.(type) {
	case *types.Pointer:
		return "*" + w.typ(t.Elem())
	case *types.Slice:
		return "[]" + w.typ(t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), w.typ(t.Elem()))
	case *types.Map:
		return "map[" + w.typ(t.Key()) + "]" + w.typ(t.Elem())
	case *types.Chan:
		return map[types.ChanDir]string{types.SendRecv: "chan ", types.SendOnly: "chan<- ", types.RecvOnly: "<-chan "}[t.Dir()] + w.typ(t.Elem())
	case *types.Signature:
		return "func" + w.signature(t)
	case *types.Interface:
		return w.contract(t)
	case *types.Named:
		return w.instance(t, t.TypeArgs())
	case *types.Alias:
		return w.instance(t, t.TypeArgs())
	}
	return types.TypeString(t, w.name) // basic types, parameters of types, unions, structs without a name
}

// instance writes a named type with its arguments.
func (w *apiWriter) instance(t interface{ Obj() *types.TypeName }, args *types.TypeList) string {
	name := t.Obj().Name()
	if p := t.Obj().Pkg(); p != nil && p != w.pkg {
		name = p.Name() + "." + name
	}
	if args.Len() == 0 {
		return name
	}
	var list []string
	for a := range args.Types() {
		list = append(list, w.typ(a))
	}
	return name + "[" + strings.Join(list, ", ") + "]"
}

// contract writes an interface. That it has methods which others cannot have is a part of it.
func (w *apiWriter) contract(t *types.Interface) string {
	var list []string
	hidden := false
	for m := range t.Methods() {
		if m.Exported() {
			list = append(list, m.Name()+w.signature(m.Signature()))
		} else {
			hidden = true
		}
	}
	for e := range t.EmbeddedTypes() {
		if _, union := e.(*types.Union); union || !types.IsInterface(e) {
			list = append(list, w.typ(e))
		} else if t.NumMethods() == 0 {
			list = append(list, w.typ(e))
		}
	}
	if hidden {
		list = append(list, "unexported methods")
	}
	if len(list) == 0 {
		return "interface{}"
	}
	return "interface { " + strings.Join(list, "; ") + " }"
}

func (w *apiWriter) signature(s *types.Signature) string {
	results := w.tuple(s.Results(), false)
	switch s.Results().Len() {
	case 0:
		results = ""
	case 1:
		results = " " + results
	default:
		results = " (" + results + ")"
	}
	return w.params(s.TypeParams()) + "(" + w.tuple(s.Params(), s.Variadic()) + ")" + results
}

func (w *apiWriter) tuple(list *types.Tuple, variadic bool) string {
	var all []string
	for i := range list.Len() {
		t := list.At(i).Type()
		if slice, ok := t.(*types.Slice); ok && variadic && i == list.Len()-1 {
			all = append(all, "..."+w.typ(slice.Elem()))
		} else {
			all = append(all, w.typ(t))
		}
	}
	return strings.Join(all, ", ")
}

func (w *apiWriter) params(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var all []string
	for p := range list.TypeParams() {
		all = append(all, p.Obj().Name()+" "+w.typ(p.Constraint()))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

var (
	declared = regexp.MustCompile(`^pkg (\S+), (?:const|var|func|type) (\w+)`)
	method   = regexp.MustCompile(`^pkg (\S+), method \(\*?(\w+)\) (\w+)`)
)

// apiNames returns the names that api.txt lists, as "graph Add" and "graph Exec.Call".
func apiNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	for _, line := range textLines(t, "api.txt") {
		if m := declared.FindStringSubmatch(line); m != nil {
			names[m[1]+" "+m[2]] = true
		} else if m := method.FindStringSubmatch(line); m != nil {
			names[m[1]+" "+m[2]+"."+m[3]] = true
		}
	}
	return names
}
