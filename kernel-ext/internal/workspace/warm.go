package workspace

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Warm compiles, and with link also links, a program that imports the given packages, in a workspace
// like a kernel's: it fetches the modules that cells need while the network may be used, and fills the
// build cache, so that the first cell is as fast as the second. Packages of quire that do not exist are
// left out; anything else that is wrong is the cell's to report, better than could be done here.
func (w *Workspace) Warm(ctx context.Context, imports []string, link bool) error {
	own, err := scratch.New()
	if err != nil {
		return err
	}
	defer own.Close()
	dir := filepath.Join(own.Dir, "w")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(w.env.GOVERSION, "go"), " ") // "go1.26.1 X:experiment"
	out := os.DevNull                                                            // compiles without linking
	if link {
		out = filepath.Join(dir, "cell")
	}
	build := func(imports []string) error {
		for name, text := range map[string]string{
			"go.work": fmt.Sprintf("go %s\n\nuse (\n\t.\n\t%q\n)\n", version, w.Module),
			"go.mod":  fmt.Sprintf("module gonb_warm\n\ngo %s\n", version),
			"main.go": w.warmProgram(imports),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				return err
			}
		}
		return w.runGo(ctx, "compiling what cells import", dir, w.buildEnv(""), "build", "-o", out)
	}
	err = build(imports)
	ours := slices.DeleteFunc(slices.Clone(imports), func(p string) bool { return !strings.HasPrefix(p, ModulePath) })
	if err != nil && ctx.Err() == nil && len(ours) > 0 && len(ours) < len(imports) {
		err = build(ours) // a module that is not required anywhere, say
	}
	return err
}

// warmProgram returns the text of a program that imports everything that is there.
func (w *Workspace) warmProgram(imports []string) string {
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\t\"fmt\"\n")
	imports = slices.Sorted(slices.Values(imports))
	for _, path := range slices.Compact(imports) {
		if path != "fmt" && path != "C" && w.exists(path) {
			fmt.Fprintf(&b, "\t_ %q\n", path)
		}
	}
	b.WriteString(")\n\nfunc main() { fmt.Println() }\n")
	return b.String()
}

// exists reports whether a package of quire has a directory; packages of others are assumed to exist.
func (w *Workspace) exists(path string) bool {
	sub, ours := strings.CutPrefix(path, ModulePath)
	return !ours || holdsGo(filepath.Join(w.Module, filepath.FromSlash(sub)))
}

func holdsGo(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	return slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") })
}

// aside are folders whose packages cells do not import, or not often enough to compile them for everybody:
// xla needs a C compiler.
var aside = []string{"internal", "testdata", "graphtest", "xla", "session"}

// Usual returns the packages of quire that notebooks import: all below graph, backends, ml and viz, but
// for those set aside.
func (w *Workspace) Usual() []string {
	var list []string
	for _, root := range []string{"graph", "backends", "ml", "viz"} {
		_ = filepath.WalkDir(filepath.Join(w.Module, root), func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil // a folder that cannot be read is left out
			}
			if slices.Contains(aside, d.Name()) || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") {
				return fs.SkipDir
			}
			if rel, err := filepath.Rel(w.Module, dir); err == nil && holdsGo(dir) {
				list = append(list, ModulePath+"/"+filepath.ToSlash(rel))
			}
			return nil
		})
	}
	return list
}

// Beside returns the packages that are in cells beside those of [Workspace.Usual]: what the kernel links into them so that values flow and
// shapes are known, and what people import of kernel-ext.
func (w *Workspace) Beside() (list []string) {
	for _, dir := range []string{"carry", "keep", "jobs", "traces"} {
		list = append(list, ModulePath+"/kernel-ext/"+dir)
	}
	codecs, _ := filepath.Glob(filepath.Join(w.Module, "kernel-ext", "carry", "*codec"))
	for _, dir := range codecs {
		list = append(list, ModulePath+"/kernel-ext/carry/"+filepath.Base(dir))
	}
	return slices.DeleteFunc(list, func(p string) bool { return !w.exists(p) })
}

// Relative turns import paths of quire into patterns for Build, and drops the others.
func (w *Workspace) Relative(imports []string) []string {
	var list []string
	for _, path := range imports {
		if sub, ours := strings.CutPrefix(path, ModulePath); ours && w.exists(path) {
			list = append(list, "."+sub)
		}
	}
	return list
}
