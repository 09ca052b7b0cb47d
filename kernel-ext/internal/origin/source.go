package origin

import (
	"debug/buildinfo"
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Source is the source of a package, in which functions are found by name.
type Source struct {
	build *build
	pkg   *pkg
}

// sourceAt returns that of the package of a file of this program.
func sourceAt(file string) (s Source, ok bool) {
	b, err := builtFrom()
	if err != nil {
		return s, false
	}
	p := b.packageOf(file)
	return Source{b, p}, p != nil
}

// Read returns the source of a program of one file that another process looks at: text is what the program would be now, and executable
// the program that was built from an earlier text, beside its main.go. It says of which versions modules are, and main.go what
// packages names stand for whose import a tool has added.
func Read(text []byte, executable string) (s Source, err error) {
	info, err := buildinfo.ReadFile(executable)
	if err != nil {
		return s, err
	}
	main := filepath.Join(filepath.Dir(executable), "main.go")
	p := newPkg(filepath.Dir(main))
	f, err := parseFile(p.set, main, text)
	if err != nil {
		return s, err
	}
	before, err := os.ReadFile(main)
	if err != nil {
		return s, err
	}
	old, err := parseFile(token.NewFileSet(), main, before)
	if err != nil {
		return s, fmt.Errorf("%s: %w", main, err)
	}
	for _, i := range old.imports {
		if !slices.Contains(f.imports, i) {
			f.imports = append(f.imports, i)
		}
	}
	p.files = []*file{f}
	p.resolve(f.syntax.Name.Name)
	return Source{newBuild(info, info.GoVersion, time.Now()), p}, nil
}

// Named says what a function is made of, by its name as Of gives it; ok is false if it is not found.
func (s Source) Named(name string) (o *Origin, ok bool) {
	_, rest := splitName(name)
	if strings.Contains(rest, ".func") || strings.HasSuffix(rest, "-fm") {
		return nil, false
	}
	w := newWalk(s.build, s.pkg)
	if !w.start(rest, "", 0) || !w.believed {
		return nil, false
	}
	return &Origin{Func: name, Parts: w.parts, Free: w.freed()}, true
}

// Argument says what the function literal is made of that is the second argument of a call of a function with one of these names
// whose first argument is a text; ok is false if there is no such call.
func (s Source) Argument(text string, functions ...string) (o *Origin, ok bool) {
	d := s.pkg.argument(text, functions)
	if d == nil {
		return nil, false
	}
	w := newWalk(s.build, s.pkg)
	w.add(d)
	w.run()
	return &Origin{Parts: w.parts, Free: w.freed()}, w.believed
}

// ByProgram reports whether parts say nothing but which program it was: what has changed cannot be known by another process.
func ByProgram(parts map[string]string) bool { return len(parts) == 1 && parts[programPart] != "" }
