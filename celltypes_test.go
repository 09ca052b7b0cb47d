package quire_test

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reached are the generic types whose methods a cell compiles that names one of our types, with the reason for each.
var reached = map[string]string{
	"sync/atomic.(*Pointer[":                              "methods of one instruction",
	"github.com/quire-ml/quire/ml/optimizers.(*settings[": "what all optimizers' builders have: it is the API",
}

// A cell compiles all methods of every instance of a generic type that it reaches from a type that it names, through fields,
// methods and their arguments, exported or not: 240 functions and a tenth of a second for a *train.Trainer, until such types were
// hidden. So does every package, and the linker reads them all. What is generic stands behind an interface, or has functions in
// the place of methods. A mention of reflect.Type counts for fifty such methods: it names iter.Seq.
func TestTypesBringFewFunctionsToCells(t *testing.T) {
	exports := exportsOf(t, "./graph/...", "./backends", "./ml/...", "./viz/...", "./kernel-ext/carry", "./kernel-ext/jobs", "./kernel-ext/keep")
	program, number := programOfTypes(t, exports)
	require.Greater(t, number, 200, "types")
	dir := t.TempDir()
	source, config, object := filepath.Join(dir, "main.go"), filepath.Join(dir, "importcfg"), filepath.Join(dir, "main.a")
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	var list strings.Builder
	for path, file := range exports {
		fmt.Fprintf(&list, "packagefile %s=%s\n", path, file)
	}
	require.NoError(t, os.WriteFile(config, []byte(list.String()), 0o600))
	output(t, "go", "tool", "compile", "-p", "main", "-importcfg", config, "-pack", "-o", object, source)
	functions, met := 0, map[string]bool{}
	for line := range strings.Lines(output(t, "go", "tool", "nm", object)) {
		_, name, isFunction := strings.Cut(strings.TrimSpace(line), " T ")
		if !isFunction || strings.HasPrefix(name, "main.") {
			continue
		}
		functions++
		head := name
		if i := strings.IndexByte(name, '['); i >= 0 {
			head = name[:i+1]
		}
		met[head] = true
		if reached[head] == "" && !strings.HasPrefix(name, "type:.eq.") {
			assert.True(t, strings.HasPrefix(name, "go.shape."), "a cell that names some type of ours compiles %s", name)
		}
	}
	// Of these, the settings of 13 optimizers are 150; nearly all others compare structs, not each of which holds something to compare.
	assert.Less(t, functions, 150+number/2, "functions, of %d types", number)
	for head := range reached {
		assert.True(t, met[head], "%s is not reached any more: take it from the list", head)
	}
}

// exportsOf returns the files of the export data of packages and all that they import.
func exportsOf(t *testing.T, patterns ...string) map[string]string {
	files := map[string]string{}
	for line := range strings.Lines(output(t, "go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "--"}, patterns...)...)) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			files[path] = file
		}
	}
	return files
}

// programOfTypes returns a program that names all exported types of our packages that are not generic, and how many these are. Those of
// engines cells do not name.
func programOfTypes(t *testing.T, exports map[string]string) (text string, number int) {
	known := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var imports, values strings.Builder
	for path := range exports {
		if !strings.HasPrefix(path, "github.com/quire-ml/quire/") || strings.Contains(path+"/", "/internal/") || strings.Contains(path, "/backends/") {
			continue
		}
		p, err := known.Import(path)
		require.NoError(t, err)
		var names []string
		for _, name := range p.Scope().Names() {
			typ, isType := p.Scope().Lookup(name).(*types.TypeName)
			if !isType || !typ.Exported() || typ.IsAlias() {
				continue
			}
			named, ok := typ.Type().(*types.Named)
			constraint, isInterface := typ.Type().Underlying().(*types.Interface)
			if ok && named.TypeParams().Len() == 0 && (!isInterface || constraint.IsMethodSet()) {
				names = append(names, name)
			}
		}
		if len(names) == 0 || p.Name() == "main" {
			continue
		}
		as := fmt.Sprintf("p%d", strings.Count(imports.String(), "\n"))
		fmt.Fprintf(&imports, "import %s %q\n", as, path)
		for _, name := range names {
			fmt.Fprintf(&values, "\tprintln(new(%s.%s))\n", as, name)
		}
		number += len(names)
	}
	return "package main\n\n" + imports.String() + "\nfunc main() {\n" + values.String() + "}\n", number
}

// output runs a command and returns its stdout.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), said.String()+string(out))
	return string(out)
}
