package hostile

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/require"
)

// attack is one call: a function or method with one argument, or all, not as they should be.
type attack struct {
	name     string // graph.Add
	odd      string // "operand 1 is nil"
	receiver string // how a method's receiver was made, "" for ordinary
	run      func(e *env) []reflect.Value
}

func (a attack) String() string {
	if a.odd == "" {
		return a.name
	}
	return a.name + ": " + a.odd
}

// excused are calls that are not made.
var excused = map[string]string{}

// attacks returns every call, in a fixed order.
func attacks() (list []attack) {
	for _, name := range sortedKeys(functions) {
		f := reflect.ValueOf(functions[name])
		list = append(list, vary(name, f.Type(), 0, func(*env) reflect.Value { return f })...)
	}
	for _, t := range named {
		if t.Kind() == reflect.Interface {
			continue
		}
		p := reflect.PointerTo(t)
		pkg := strings.TrimPrefix(t.PkgPath(), "github.com/quire-ml/quire/")
		for i := range p.NumMethod() {
			m := p.Method(i)
			name := pkg + "." + t.Name() + "." + m.Name
			receivers := values(p)
			if len(makers[p]) == 0 && len(makers[t]) > 0 {
				receivers = pointersTo(t)
			}
			for k, r := range receivers {
				calls := vary(name, m.Type, 1, func(e *env) reflect.Value {
					recv := e.value(p, r)
					return reflect.MakeFunc(signature(m.Type), func(args []reflect.Value) []reflect.Value {
						return call(m.Func, append([]reflect.Value{recv}, args...))
					})
				})
				if k > 0 { // with an odd receiver, ordinary arguments will do
					calls = calls[:1]
					calls[0].odd, calls[0].receiver = "the receiver is "+r.name, r.name
				}
				list = append(list, calls...)
			}
		}
	}
	if only := os.Getenv("QUIRE_HOSTILE"); only != "" {
		list = slices.DeleteFunc(list, func(a attack) bool { return !strings.HasPrefix(a.name, only) })
	}
	return list
}

// pointersTo returns makers of pointers to what the makers of t make.
func pointersTo(t reflect.Type) (list []maker) {
	for _, m := range makers[t] {
		list = append(list, maker{m.name, func(e *env) any {
			p := reflect.New(t)
			p.Elem().Set(e.value(t, m))
			return p.Interface()
		}})
	}
	return list
}

// signature is a method's type without the receiver.
func signature(m reflect.Type) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < m.NumIn(); i++ {
		in = append(in, m.In(i))
	}
	for i := range m.NumOut() {
		out = append(out, m.Out(i))
	}
	return reflect.FuncOf(in, out, m.IsVariadic())
}

// vary returns the calls of a function: as it should be, with each argument odd in each way, and with zeros alone.
func vary(name string, f reflect.Type, skip int, get func(e *env) reflect.Value) []attack {
	if excused[name] != "" {
		return nil
	}
	make := func(odd string, args func(e *env) []reflect.Value) attack {
		return attack{name: name, odd: odd, run: func(e *env) []reflect.Value { return call(get(e), args(e)) }}
	}
	ordinary := func(e *env) (args []reflect.Value) {
		for i := skip; i < f.NumIn(); i++ {
			args = append(args, e.value(f.In(i), values(f.In(i))[0]))
		}
		return args
	}
	list := []attack{make("", ordinary)}
	for i := skip; i < f.NumIn(); i++ {
		for _, m := range values(f.In(i))[1:] {
			list = append(list, make(fmt.Sprintf("argument %d is %s", i-skip, m.name), func(e *env) []reflect.Value {
				args := ordinary(e)
				args[i-skip] = e.value(f.In(i), m)
				return args
			}))
		}
	}
	if f.NumIn() > skip+1 {
		list = append(list, make("all arguments are zero", func(e *env) (args []reflect.Value) {
			for i := skip; i < f.NumIn(); i++ {
				args = append(args, reflect.Zero(f.In(i)))
			}
			return args
		}))
	}
	return list
}

// fault makes a's call and returns what is wrong with how it ended, "" for nothing.
func (a attack) fault() (fault string) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if f := raw(r); f != "" && a.receiver == "" {
			fault = f + " at " + innermost()
		}
	}()
	e := newEnv()
	for _, out := range a.run(e) {
		if !out.IsValid() || !out.CanInterface() {
			continue
		}
		if k := out.Kind(); (k == reflect.Pointer || k == reflect.Interface) && out.IsNil() {
			continue
		}
		switch v := out.Interface().(type) {
		case error:
			if strings.Contains(v.Error(), "runtime error") || strings.Contains(v.Error(), "kernel broke") {
				return "it returns " + v.Error()
			}
			_ = v.Error()
		case *graph.Node:
			if err := runNode(e.g, v); err != nil {
				return "running it: " + err.Error()
			}
		case data.Dataset:
			_, _ = data.First(v)
		case fmt.Stringer:
			_ = v.String()
		}
	}
	return ""
}

// raw returns what a panic says if it is the runtime's or a package's below us, not a sentence of ours.
func raw(r any) string {
	var e *graph.Error
	if err, ok := r.(error); ok && errors.As(err, &e) {
		if strings.Contains(err.Error(), "runtime error") {
			return err.Error()
		}
		return ""
	}
	text := fmt.Sprint(r)
	if _, ok := r.(runtime.Error); ok {
		return text
	}
	if err, ok := r.(error); ok {
		var re runtime.Error
		if errors.As(err, &re) {
			return text
		}
	}
	for _, prefix := range []string{"reflect", "strings", "bytes", "sync", "slices", "unsafe", "rand", "invalid argument", "bufio", "call of", "BUG"} {
		if strings.HasPrefix(text, prefix+":") || strings.HasPrefix(text, prefix+".") || strings.HasPrefix(text, prefix+" ") {
			return text
		}
	}
	return ""
}

// innermost returns the innermost line of ours of the stack that panicked.
func innermost() string {
	lines := strings.Split(string(debug.Stack()), "\n")
	seen := false
	for _, l := range lines {
		if strings.HasPrefix(l, "panic(") {
			seen = true
		}
		if seen && strings.HasPrefix(l, "\t") && strings.Contains(l, "/") && !strings.Contains(l, "/src/runtime/") && !strings.Contains(l, "internal/hostile/") {
			f := strings.Fields(l)[0]
			if i := strings.LastIndex(f, "/"); i >= 0 {
				if j := strings.LastIndex(f[:i], "/"); j >= 0 {
					return f[j+1:]
				}
			}
			return f
		}
	}
	return "an unknown place"
}

// runNode runs a graph for a result of ordinary size, or of one that no machine has.
func runNode(g *graph.Graph, y *graph.Node) error {
	if y == nil || y.Graph() != g || y.Function() != g.CurrentFunc() || g.IsCompiled() || len(y.Inputs()) == 0 {
		return nil
	}
	if n := y.Shape().ByteSize(); n > 1<<26 && n < 1<<40 {
		return nil
	}
	var inputs []any
	for _, p := range g.Parameters() {
		if p.Shape().ByteSize() > 1<<20 {
			return nil
		}
		t, err := tensors.New(p.Shape())
		if err != nil {
			return nil
		}
		inputs = append(inputs, t)
	}
	if err := g.Compile(y); err != nil {
		return bad(err)
	}
	_, err := g.Run(inputs...)
	return bad(err)
}

func bad(err error) error {
	if err != nil && (strings.Contains(err.Error(), "runtime error") || strings.Contains(err.Error(), "broke")) {
		return err
	}
	return nil
}

const (
	childVariable = "QUIRE_HOSTILE_FROM"
	memory        = 6 << 30 // of the child: what Go's runtime reserves counts too
	patience      = 60 * time.Second
)

func TestMain(m *testing.M) {
	if from, err := strconv.Atoi(os.Getenv(childVariable)); err == nil {
		child(from)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child makes the calls from number from on, and tells of each on file 3: its number before, and its fault after.
func child(from int) {
	limitMemory(memory)
	report := bufio.NewWriter(os.NewFile(3, "report"))
	for i, a := range attacks() {
		if i < from {
			continue
		}
		fmt.Fprintf(report, "call %d\n", i)
		report.Flush()
		done := make(chan string)
		go func() {
			fault := "it ended its goroutine"
			defer func() { done <- fault }()
			fault = a.fault()
		}()
		if fault := <-done; fault != "" {
			fmt.Fprintf(report, "fault %d %q\n", i, fault)
		}
	}
	fmt.Fprintln(report, "end")
	report.Flush()
}

// TestNothingEndsTheProcess makes all calls in child processes.
func TestNothingEndsTheProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("17,000 calls; some ask for all the memory that there is")
	}
	list := attacks()
	t.Logf("%d calls of %d functions and the methods of %d types", len(list), len(functions), len(named))
	for from := 0; from < len(list); {
		from = watch(t, list, from)
	}
}

// watch runs one child and returns the number of the call to go on with.
func watch(t *testing.T, list []attack, from int) int {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	var output strings.Builder
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+strconv.Itoa(from), "GOTRACEBACK=single", "HOME="+t.TempDir(), "QUIRE_DATA=", "QUIRE_CACHE="+t.TempDir())
	cmd.Dir, cmd.ExtraFiles, cmd.Stderr = t.TempDir(), []*os.File{w}, &output
	require.NoError(t, cmd.Start())
	w.Close()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	at, complete, hangs := from, false, false
	for open := true; open && !complete; {
		select {
		case line, ok := <-lines:
			var text string
			switch {
			case !ok:
				open = false
			case line == "end":
				complete = true
			case strings.HasPrefix(line, "call "):
				fmt.Sscanf(line, "call %d", &at)
			default:
				fmt.Sscanf(line, "fault %d %q", &at, &text)
				t.Errorf("%s: %s", list[at], text)
			}
		case <-time.After(patience):
			hangs, open = true, false
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	r.Close()
	switch {
	case complete:
		return len(list)
	case hangs:
		t.Errorf("%s: it hangs", list[at])
	default:
		first, _, _ := strings.Cut(output.String(), "\n")
		t.Errorf("%s: it ends the process: %s", list[at], first)
	}
	return at + 1
}
