package quire_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/quire-ml/quire"

// mayImport is the import law: what each package, named by its path below the module or by a folder that
// holds it ("ml/..."), may import of the module. A package that is not named may be imported by nobody
// and must be added here. Test files are free.
var mayImport = map[string][]string{
	"internal/testenv":            {},
	"graph/dtypes/float16":        {},
	"graph/dtypes/bfloat16":       {},
	"graph/dtypes":                {"graph/dtypes/float16", "graph/dtypes/bfloat16"},
	"graph/shapes":                {"graph/dtypes"},
	"graph/tensors":               {"graph/dtypes/...", "graph/shapes"},
	"graph/tensors/...":           {"graph/dtypes/...", "graph/shapes", "graph/tensors"},
	"graph":                       {"graph/dtypes/...", "graph/shapes", "graph/tensors"},
	"graph/graphtest":             {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors"},
	"backends":                    {"graph", "backends/gocpu"},
	"backends/gocpu":              {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "backends/gocpu/..."},
	"backends/gocpu/internal/...": {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "backends/gocpu/internal/..."},
	"ml/data":                     {"graph/dtypes/...", "graph/shapes", "graph/tensors/...", "ml/data/internal/..."},
	"ml/data/...":                 {"graph/dtypes/...", "graph/shapes", "graph/tensors/...", "ml/data/..."},
	"ml/model":                    {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "internal/..."},
	"ml/layers":                   {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/model"},
	"ml/losses":                   {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/model"},
	"ml/metrics":                  {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/model"},
	"ml/optimizers":               {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/model"},
	"ml/train":                    {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/model", "ml/data", "ml/losses", "ml/metrics", "ml/optimizers"},
	"ml/checkpoints":              {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/model", "ml/data", "ml/train"},
	"viz":                         {"graph", "graph/dtypes/...", "graph/shapes", "graph/tensors", "ml/data", "ml/model", "ml/train", "viz/internal/..."},
	"viz/internal/...":            {"graph/dtypes/...", "graph/shapes", "graph/tensors", "viz/internal/..."},
	"viz/plots":                   {"graph/dtypes/...", "graph/shapes", "graph/tensors", "viz", "viz/internal/..."},
	"kernel-ext/...":              {"kernel-ext/...", "viz/..."},
}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	var all []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p listedPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// within reports whether path is what the pattern names: itself, or with /... itself or anything below it.
func within(pattern, path string) bool {
	root, deep := strings.CutSuffix(pattern, "/...")
	return path == root || deep && strings.HasPrefix(path, root+"/")
}

// law returns the entry of mayImport for a package: its own, or that of the longest folder around it.
func law(path string) (allowed []string, ok bool) {
	best := ""
	for pattern, list := range mayImport {
		if pattern == path {
			return list, true
		}
		if within(pattern, path) && len(pattern) > len(best) {
			best, allowed, ok = pattern, list, true
		}
	}
	return allowed, ok
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range list(t, "./...") {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, ok := law(path)
		if !ok && p.ImportPath != module {
			t.Errorf("package %s has no place in the import law: add it to mayImport in layers_test.go", path)
			continue
		}
		for _, imp := range p.Imports {
			rest, ours := strings.CutPrefix(imp, module+"/")
			if ours && !slices.ContainsFunc(allowed, func(a string) bool { return within(a, rest) }) {
				t.Errorf("%s imports %s: the import law does not allow it", path, rest)
			}
		}
	}
}

// What a notebook cell pulls in by graph, ml and viz: the standard library, golang.org/x/sys and gonbui alone.
// Every package more is linked into every cell again.
func TestCellsStayLight(t *testing.T) {
	allowed := []string{module, "golang.org/x/sys", "github.com/janpfeifer/gonb/gonbui", "github.com/janpfeifer/gonb/common"}
	heavy := []string{"net/http", "runtime/cgo", "html/template", "text/template", "go/types", "testing"}
	for _, p := range list(t, "./graph", "./graph/tensors/...", "./backends", "./backends/gocpu", "./ml/...", "./viz") {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		if path == "ml/data/fetch" { // opt-in, for downloads
			continue
		}
		for _, dep := range p.Deps {
			if slices.Contains(heavy, dep) {
				t.Errorf("%s pulls in %s: too heavy for a cell", path, dep)
			}
			first, _, _ := strings.Cut(dep, "/")
			if strings.Contains(first, ".") && !slices.ContainsFunc(allowed, func(a string) bool { return within(a+"/...", dep) }) {
				t.Errorf("%s pulls in %s: cells may link the standard library, golang.org/x/sys and gonbui only", path, dep)
			}
		}
	}
}
