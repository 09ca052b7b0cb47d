package origin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Origin is what a function is made of.
type Origin struct {
	Func  string            // its name, with the path of its package: "main.load", "main.main.func1" for a literal
	Parts map[string]string // what is covered, by name ("func load", "module example.com/x"), with a hash or a version; nil without source
	Free  []string          // variables whose content no source tells, in order
}

// programPart is the name of the part that stands for all others where there is no source.
const programPart = "the program"

// goPart is the name of the part that is Go's version.
const goPart = "Go"

// Of says what a function is made of. It returns an error if f is none, or if there is neither source nor a program file.
func Of(f any) (*Origin, error) {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil, fmt.Errorf("want a function, not %T", f)
	}
	fn := runtime.FuncForPC(v.Pointer())
	if fn == nil {
		return nil, errors.New("the program does not say which function this is")
	}
	file, line := fn.FileLine(fn.Entry())
	o := &Origin{Func: fn.Name()}
	if method, ok := strings.CutSuffix(o.Func, "-fm"); ok { // the value of a method: it holds its receiver
		o.Free = append(o.Free, "the receiver of "+method[strings.LastIndexByte(method, '/')+1:])
		file = "" // it has no place
	}
	if o.find(file, line) {
		return o, nil
	}
	hash, err := Program()
	if err != nil {
		return nil, err
	}
	o.Parts = map[string]string{programPart: hash}
	return o, nil
}

// find looks for the source; false if there is none that can be believed.
func (o *Origin) find(file string, line int) bool {
	path, rest := splitName(o.Func)
	b, err := builtFrom()
	if err != nil {
		return false
	}
	switch m := b.moduleOf(path); { // what nobody edits
	case m.fixed():
		o.Parts = map[string]string{goPart: runtime.Version(), "module " + m.Path: m.version()}
		return true
	case m == nil && path != "main" && standard(path):
		o.Parts = map[string]string{goPart: runtime.Version()}
		return true
	}
	pkg := b.packageOf(file)
	if pkg == nil {
		return false
	}
	w := newWalk(b, pkg)
	if !w.start(rest, file, line) {
		return false
	}
	o.Free = append(o.Free, w.freed()...)
	o.Parts = w.parts
	return w.believed
}

// Named says what a function of the package of a file is made of, by its name as Of gives it; ok is false if there is no such function,
// or no source.
func Named(file, name string) (o *Origin, ok bool) {
	s, ok := sourceAt(file)
	if !ok {
		return nil, false
	}
	return s.Named(name)
}

// Argument says what the function literal is made of that is the second argument of a call, in the package of a file, of a function with one of
// these names whose first argument is a text; ok is false if there is no such call, or no source.
func Argument(file, text string, functions ...string) (o *Origin, ok bool) {
	s, ok := sourceAt(file)
	if !ok {
		return nil, false
	}
	return s.Argument(text, functions...)
}

// Differs returns what has changed since the origin had other parts, by name and in order; those of the program, where one of them
// is only known by its program, are compared with this program.
func (o *Origin) Differs(old map[string]string) (names []string) {
	if hash, ok := old[programPart]; ok && len(old) == 1 || o.Parts[programPart] != "" {
		if now, err := Program(); err == nil && (now == hash || now == old[programPart]) {
			return nil
		}
		return []string{programPart}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Parts)) {
		if old[name] != o.Parts[name] {
			names = append(names, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, still := o.Parts[name]; !still && name != programPart {
			names = append(names, name)
		}
	}
	return names
}

// WithProgram returns the parts, and with them the hash of the program, by which a run without source will know that nothing has
// changed.
func (o *Origin) WithProgram() map[string]string {
	parts := maps.Clone(o.Parts)
	if hash, err := Program(); err == nil {
		parts[programPart] = hash
	}
	return parts
}

// splitName takes a function's name apart: path of the package, and what is behind it.
func splitName(name string) (path, rest string) {
	slash := strings.LastIndexByte(name, '/') + 1
	pkg, rest, _ := strings.Cut(name[slash:], ".")
	return strings.ReplaceAll(name[:slash]+pkg, "%2e", "."), rest
}

// Program returns a hash of the file of this program.
func Program() (string, error) { return program() }

var program = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return short(h.Sum(nil)), nil
})

// short writes a hash: 128 bits of it.
func short(sum []byte) string { return hex.EncodeToString(sum[:16]) }
