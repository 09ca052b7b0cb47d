package flow

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/carry/kinds"
)

const (
	module  = "github.com/quire-ml/quire/"
	runtime = module + "kernel-ext/carry"
)

// never says of types that package kinds does not know why their values do not flow, and what to write instead.
var never = map[string][2]string{
	"iter.Seq":                    {"an iterator is a function, which lives only in the cell that made it", "collect what it gives, with slices.Collect"},
	"iter.Seq2":                   {"an iterator is a function, which lives only in the cell that made it", "collect what it gives, with maps.Collect"},
	"net.Conn":                    {"a connection belongs to the cell that opened it", "open it again here"},
	"net.Listener":                {"a listener belongs to the cell that opened it", "open it again here"},
	"bufio.Reader":                {"a reader belongs to what it reads", "keep what was read"},
	"bufio.Scanner":               {"a scanner belongs to what it reads", "keep what was read"},
	"bufio.Writer":                {"a writer belongs to what it writes to", "make it again here"},
	"sync.WaitGroup":              {"goroutines end with their cell", "wait for them in the cell that starts them"},
	"sync.Cond":                   {"goroutines end with their cell", "wait in the cell that starts them"},
	"reflect.Type":                {"a reflect.Type belongs to the program that made it", "ask for it again here"},
	"net/http.Client":             {"a client holds connections", "make it again here"},
	"net/http.Server":             {"a server runs only as long as its cell", "make it again here"},
	"net/http/httptest.Server":    {"a server runs only as long as its cell", "make it again here"},
	"testing.T":                   {"a test ends with its cell", "use it there"},
	"database/sql.DB":             {"a database handle holds connections", "open it again here"},
	"log.Logger":                  {"a logger belongs to what it writes to", "make it again here"},
	"encoding/json.Decoder":       {"a decoder belongs to what it reads", "keep what was read"},
	"encoding/json.Encoder":       {"an encoder belongs to what it writes to", "make it again here"},
	"encoding/csv.Reader":         {"a reader belongs to what it reads", "keep what was read"},
	"compress/gzip.Reader":        {"a reader belongs to what it reads", "keep what was read"},
	"text/template.Template":      {"a template is known to its package alone", "keep its text and parse it again here"},
	"html/template.Template":      {"a template is known to its package alone", "keep its text and parse it again here"},
	module + "graph.Graph":        {"a graph is only there while it is built", "build it again here"},
	module + "graph.Node":         {"a node is a part of a graph that is being built", "let the function that builds the graph return its value"},
	module + "ml/optimizers.Rule": {"a rule is code; what an optimizer knows is in the Store, which flows", "make it again here"},
	module + "viz.Area":           {"an area of the screen belongs to the cell that shows it", "make a new one here"},
}

// A form says what the values of a type need to flow.
type form struct {
	why, instead string          // they do not flow
	codecs       map[string]bool // packages that know how
	dynamic      bool            // there are interface values: what the cells declare must be known
	spelled      string          // the cells' own types in it, spelled out: they may be declared anew
}

// walker looks through a type.
type walker struct {
	form
	seen map[types.Type]bool
	b    strings.Builder
}

// formOf returns that of a type.
func formOf(t types.Type) form {
	w := &walker{form: form{codecs: map[string]bool{}}, seen: map[types.Type]bool{}}
	w.walk(t)
	w.spelled = w.b.String()
	return w.form
}

func (w *walker) not(why, instead string) bool {
	if w.why == "" {
		w.why, w.instead = why, instead
	}
	return false
}

// reason takes the sentence of package carry, or kinds, apart.
func reason(text string) (why, instead string) {
	why, instead, ok := strings.Cut(text, ": ")
	if !ok {
		instead = "make it again here"
	}
	return why, instead
}

// walk reports whether values of t flow.
func (w *walker) walk(t types.Type) bool {
	if w.seen[t] {
		return true
	}
	w.seen[t] = true
	if n, ok := types.Unalias(t).(*types.Named); ok {
		if known, flows := w.named(n); known {
			return flows
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.UnsafePointer || u.Kind() == types.Uintptr && isNamed(t) {
			return w.not("an address means nothing to another process", "keep what it points to")
		}
	case *types.Chan:
		return w.not("a channel lives only in the cell that made it", "receive what it brings there, into a slice")
	case *types.Signature:
		return w.not("a function lives only in the cell that made it", "declare it outside of the statements, with func and a name")
	case *types.Interface:
		w.dynamic = true
	case *types.Pointer:
		return w.walk(u.Elem())
	case *types.Slice:
		return w.walk(u.Elem())
	case *types.Array:
		return w.walk(u.Elem())
	case *types.Map:
		return w.walk(u.Key()) && w.walk(u.Elem())
	case *types.Struct:
		return w.fields(t, u)
	}
	return true
}

func isNamed(t types.Type) bool { _, ok := types.Unalias(t).(*types.Named); return ok }

// named decides what a type's name decides.
func (w *walker) named(n *types.Named) (known, flows bool) {
	o := n.Obj()
	if o.Pkg() == nil { // error
		w.dynamic = true
		return true, true
	}
	path := o.Pkg().Path()
	if c, ok := kinds.Codec(path, o.Name()); ok {
		w.codecs[c] = true
		w.dynamic = w.dynamic || types.IsInterface(n)
		return true, true
	}
	if why := kinds.Why(path, o.Name()); why != "" {
		return true, w.not(reason(why))
	}
	if reason, ok := never[path+"."+o.Name()]; ok {
		return true, w.not(reason[0], reason[1])
	}
	if path != "main" && kinds.Open(path, o.Name()) {
		return true, true
	}
	if path == "main" {
		if o.Parent() != o.Pkg().Scope() && n.TypeArgs().Len() == 0 {
			return true, w.not(fmt.Sprintf("its type %s is declared within a function", o.Name()), "declare the type outside of the function")
		}
		if saves(n) {
			return true, true
		}
		fmt.Fprintf(&w.b, "%s=%s;", o.Name(), types.TypeString(n.Underlying(), func(p *types.Package) string { return p.Path() }))
		return false, false
	}
	if !o.Exported() {
		return true, w.not(fmt.Sprintf("its type %s.%s has no name outside its package", o.Pkg().Name(), o.Name()), "make it again here")
	}
	if has(n, "SaveCarry", "LoadCarry") {
		return true, true
	}
	if encodes(n) {
		if _, ok := n.Underlying().(*types.Struct); ok {
			w.codecs[kinds.Methods] = true
		}
		return true, true
	}
	return false, true
}

// saves reports whether a type has two methods that make bytes or text of it and the reverse.
func saves(n *types.Named) bool { return has(n, "SaveCarry", "LoadCarry") || encodes(n) }

// encodes reports whether two of these are of the standard library's encoding packages. Of those for JSON, which package methodcodec knows
// too, nobody can tell whether they make the same value again in another program: a graph.Program needs the ops of its own.
func encodes(n *types.Named) bool {
	return has(n, "GobEncode", "GobDecode") || has(n, "MarshalBinary", "UnmarshalBinary") || has(n, "MarshalText", "UnmarshalText")
}

// has reports whether a pointer to a type has methods of these names.
func has(n *types.Named, names ...string) bool {
	methods := types.NewMethodSet(types.NewPointer(n))
	for _, name := range names {
		if methods.Lookup(nil, name) == nil {
			return false
		}
	}
	return true
}

func (w *walker) fields(t types.Type, u *types.Struct) bool {
	for f := range u.Fields() {
		if !f.Exported() && f.Pkg().Path() != "main" {
			if plain(u) {
				return true
			}
			return w.not(fmt.Sprintf("%s has fields that only its package knows", short(t)), "keep what is needed of it, or make it again here")
		}
	}
	for f := range u.Fields() {
		if !w.walk(f.Type()) {
			return false
		}
	}
	return true
}

// plain reports whether values of a type are memory without addresses.
func plain(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&types.IsString == 0 && u.Kind() != types.UnsafePointer && u.Kind() != types.Uintptr
	case *types.Array:
		return plain(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !plain(f.Type()) {
				return false
			}
		}
		return true
	}
	return false
}

// short writes a type as people do.
func short(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		return p.Name()
	})
}

// hidden says that a type cannot be written in another cell.
func hidden(t types.Type) bool {
	found := false
	seen := map[types.Type]bool{}
	var look func(types.Type)
	look = func(t types.Type) {
		if found || seen[t] {
			return
		}
		seen[t] = true
		if n, ok := types.Unalias(t).(*types.Named); ok {
			o := n.Obj()
			if o.Pkg() != nil && (o.Pkg().Path() != "main" && (!token.IsExported(o.Name()) || internal(o.Pkg().Path())) || o.Pkg().Path() == "main" && o.Parent() != o.Pkg().Scope() && n.TypeArgs().Len() == 0) {
				found = true
			}
			for a := range n.TypeArgs().Types() {
				look(a)
			}
			return
		}
		switch u := types.Unalias(t).(type) {
		case *types.Pointer:
			look(u.Elem())
		case *types.Slice:
			look(u.Elem())
		case *types.Array:
			look(u.Elem())
		case *types.Chan:
			look(u.Elem())
		case *types.Map:
			look(u.Key())
			look(u.Elem())
		case *types.Signature:
			for v := range u.Params().Variables() {
				look(v.Type())
			}
			for v := range u.Results().Variables() {
				look(v.Type())
			}
		case *types.Struct:
			for f := range u.Fields() {
				if !f.Exported() && f.Pkg().Path() != "main" {
					found = true // two structs of different packages
				}
				look(f.Type())
			}
		case *types.TypeParam:
			found = true
		}
	}
	look(t)
	return found
}

func internal(path string) bool { return strings.Contains("/"+path+"/", "/internal/") }
