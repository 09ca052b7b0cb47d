package frames

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
)

// Module is the import path below which code is Quire's.
const Module = "github.com/quire-ml/quire/"

// teaching are the folders of this module whose code is written as a user writes it.
var teaching = []string{"tutorials"}

// IsUser reports whether a frame is the user's code: neither Quire's nor the standard library's. Quire's tests, with
// their examples, and its tutorials count as a user's.
func IsUser(f runtime.Frame) bool {
	if f.Function == "" || f.File == "" || standard(f, sourceRoot) {
		return false
	}
	path, ours := strings.CutPrefix(f.Function, Module)
	if !ours || strings.HasSuffix(f.File, "_test.go") {
		return true
	}
	for _, folder := range teaching {
		if rest, ok := strings.CutPrefix(path, folder); ok && (rest[0] == '/' || rest[0] == '.') {
			return true
		}
	}
	return false
}

// In reports whether a frame is library code of one of Quire's packages, named by its path below the module.
func In(f runtime.Frame, pkg string) bool {
	return strings.HasPrefix(f.Function, Module+pkg+".") && !IsUser(f)
}

// Of returns the calls of a stack, innermost first.
func Of(pcs []uintptr) []runtime.Frame {
	if len(pcs) == 0 {
		return nil
	}
	var out []runtime.Frame
	it := runtime.CallersFrames(pcs)
	for {
		f, more := it.Next()
		out = append(out, f)
		if !more {
			return out
		}
	}
}

// Calls returns the calls of the user's and of Quire's on a stack, innermost first, without those of the standard library
// between and around them.
func Calls(pcs []uintptr) []runtime.Frame {
	return slices.DeleteFunc(Of(pcs), func(f runtime.Frame) bool {
		return !IsUser(f) && !strings.HasPrefix(f.Function, Module)
	})
}

// User returns the innermost call of the user's own; not ok if there is none.
func User(pcs []uintptr) (f runtime.Frame, ok bool) {
	if len(pcs) == 0 {
		return runtime.Frame{}, false
	}
	it := runtime.CallersFrames(pcs)
	for {
		f, more := it.Next()
		if IsUser(f) {
			return f, true
		}
		if !more {
			return runtime.Frame{}, false
		}
	}
}

// sourceRoot is the folder of the standard library's source as the compiler wrote it into this program; "" if it
// shortened paths (-trimpath).
var sourceRoot = func() string {
	const file = "runtime/mgc.go"
	fn := runtime.FuncForPC(reflect.ValueOf(runtime.GC).Pointer())
	path, _ := fn.FileLine(fn.Entry())
	root, ok := strings.CutSuffix(path, file)
	if !ok {
		return ""
	}
	return root
}()

// standard reports whether a frame is the standard library's, whose source is below root. Without a root, packages whose path
// begins with a word without a dot count as such, but for package main; a user's module without a dot is then taken for one
// of the standard library.
func standard(f runtime.Frame, root string) bool {
	if root != "" {
		return strings.HasPrefix(f.File, root)
	}
	first, _, deep := strings.Cut(f.Function, "/")
	if deep {
		return !strings.Contains(first, ".")
	}
	return !strings.HasPrefix(f.Function, "main.") // sort.Slice, with no path before it
}

// Place says where a line is: "main.go:12", with the file's last element only; a line of a notebook's cell as front ends
// count them, "In[3]:5". It is "" without a file.
func Place(file string, line int) string {
	if file == "" {
		return ""
	}
	if place := Cell(file, line); place != "" {
		return place
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}
