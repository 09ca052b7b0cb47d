package flow_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	seed      = flag.Uint64("seed", 1, "of the random notebooks")
	sequences = flag.Int("sequences", 24, "how many random notebooks")
)

// writer makes random statements about a few variables, whose types it knows.
type statements struct {
	*rand.Rand
	types map[string]string
	depth int // of blocks in the one program
}

var valueKinds = []string{"int", "string", "float64", "[]int", "map[string]int", "*node", "shape", "[]*node", "pair[int]", "struct{ A, B []int }", "counter", "*stack[int]"}

// value writes one of a type, out of variables of that type and others.
func (w *statements) value(kind string) string {
	n := w.IntN(100)
	ints := w.named("int")
	switch kind {
	case "int":
		if len(ints) > 0 && n < 50 {
			return fmt.Sprintf("%s*%d + 1", ints[w.IntN(len(ints))], n%5)
		}
		return fmt.Sprint(n)
	case "string":
		return fmt.Sprintf("%q + fmt.Sprint(%s)", "s", w.value("int"))
	case "float64":
		return fmt.Sprintf("float64(%s) / 4", w.value("int"))
	case "[]int":
		return fmt.Sprintf("[]int{%s, 2, 3}", w.value("int"))
	case "map[string]int":
		return fmt.Sprintf("map[string]int{\"a\": %s}", w.value("int"))
	case "*node":
		return fmt.Sprintf("&node{V: %s, Next: &node{V: 1}}", w.value("int"))
	case "shape":
		if n%2 == 0 {
			return fmt.Sprintf("shape(square(%s))", w.value("int"))
		}
		return fmt.Sprintf("shape(&circle{%s})", w.value("int"))
	case "[]*node":
		return fmt.Sprintf("func() []*node { n := &node{V: %s}; return []*node{n, n} }()", w.value("int"))
	case "pair[int]":
		return fmt.Sprintf("pair[int]{%s, 2}", w.value("int"))
	case "counter":
		return fmt.Sprintf("counter(%s)", w.value("int"))
	case "*stack[int]":
		return fmt.Sprintf("stackOf(%s, 4)", w.value("int"))
	default:
		return fmt.Sprintf("func() struct{ A, B []int } { a := []int{%s, 1, 2, 3}; return struct{ A, B []int }{a, a[1:3]} }()", w.value("int"))
	}
}

func (w *statements) named(kind string) (list []string) {
	for n, t := range w.types {
		if t == kind {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// change writes a statement that changes a variable.
func (w *statements) change(name string) string {
	v := w.value("int")
	if text := w.around(name, v); text != "" && w.IntN(3) == 0 {
		return text
	}
	switch w.types[name] {
	case "counter":
		return fmt.Sprintf("%s.up(%s)", name, v)
	case "*stack[int]":
		return fmt.Sprintf("%s.push(%s); %s.items[0]++", name, v, name)
	case "int":
		return fmt.Sprintf("for i := range 3 { %s += i + %s%%7 }; %s %%= 1000", name, v, name)
	case "string":
		return fmt.Sprintf("%s += \"x\"; if len(%s) > 20 { %s = %s[:4] }", name, name, name, name)
	case "float64":
		return fmt.Sprintf("%s = %s/2 + 1", name, name)
	case "[]int":
		return fmt.Sprintf("%s[0] = %s; %s = append(%s, len(%s))", name, v, name, name, name)
	case "map[string]int":
		return fmt.Sprintf("%s[fmt.Sprint(%s)] = len(%s)", name, v, name)
	case "*node":
		return fmt.Sprintf("%s.Next.V += %s; %s.count()", name, v, name)
	case "shape":
		return fmt.Sprintf("if c, ok := %s.(*circle); ok { c.r++ }", name)
	case "[]*node":
		return fmt.Sprintf("%s[0].V++", name)
	case "pair[int]":
		return fmt.Sprintf("func() { %s.A, %s.B = %s.B, %s.A + 1 }()", name, name, name, name)
	default:
		return fmt.Sprintf("%s.A[1] = %s; %s.B[1]++", name, v, name)
	}
}

// around writes one that changes a number by way of a closure, a goroutine, a pointer, a method or a generic function, or in a loop.
func (w *statements) around(name, v string) string {
	one := map[string]string{"int": "1", "float64": "0.5", "counter": "2"}[w.types[name]]
	if one == "" {
		return ""
	}
	kind := w.types[name]
	switch w.IntN(9) {
	case 0:
		return fmt.Sprintf("func() { %s += %s }()", name, one)
	case 1:
		return fmt.Sprintf("{ add := func(x %s) { %s += x }; add(%s); each([]%s{%s, %s}, add) }", kind, name, one, kind, one, one)
	case 2:
		return fmt.Sprintf("{ done := make(chan bool); go func() { %s += %s; close(done) }(); <-done }", name, one)
	case 3:
		return fmt.Sprintf("{ var wg sync.WaitGroup; var mu sync.Mutex; for range 3 { wg.Go(func() { mu.Lock(); defer mu.Unlock(); %s += %s }) }; wg.Wait() }", name, one)
	case 4:
		return fmt.Sprintf("{ p := &%s; *p += %s }", name, one)
	case 5:
		return fmt.Sprintf("%s = sum(%s, %s, %s)", name, name, one, one)
	case 6:
		return fmt.Sprintf("for i := 0; i < 4; i++ { if i == 2 { continue }; %s += %s; switch { case i == 3: %s -= %s } }", name, one, name, one)
	case 7:
		return fmt.Sprintf("func() { defer func() { _ = recover() }(); %s += %s; panic(%s) }()", name, one, v)
	default:
		return fmt.Sprintf("for %s = range []%s{%s, 3 * %s} {}", "_, "+name, kind, one, one)
	}
}

// show writes a statement that prints a variable.
func (w *statements) show(name string) string {
	switch w.types[name] {
	case "*node":
		return fmt.Sprintf("fmt.Println(%q, %s.V, *%s.Next)", name, name, name)
	case "shape":
		return fmt.Sprintf("fmt.Println(%q, %s.area())", name, name)
	case "[]*node":
		return fmt.Sprintf("fmt.Println(%q, %s[0].V, %s[1].V)", name, name, name)
	case "*stack[int]":
		return fmt.Sprintf("fmt.Println(%q, %s.items, %s.top())", name, name, name)
	}
	return fmt.Sprintf("fmt.Println(%q, %s)", name, name)
}

const shared = `type node struct {
	V    int
	Next *node
}

func (n *node) count() { n.V++ }

type pair[T any] struct{ A, B T }

type shape interface{ area() int }

type square int

func (s square) area() int { return int(s * s) }

type circle struct{ r int }

func (c *circle) area() int { return 3 * c.r }

type counter int

func (c *counter) up(by int) { *c += counter(by % 100) }

type stack[T any] struct{ items []T }

func stackOf[T any](items ...T) *stack[T] { return &stack[T]{items} }

func (s *stack[T]) push(x T) { s.items = append(s.items, x) }

func (s *stack[T]) top() T { return s.items[len(s.items)-1] }

func each[T any](list []T, f func(T)) {
	for _, x := range list {
		f(x)
	}
}

func sum[T ~int | ~float64](list ...T) (total T) {
	each(list, func(x T) { total += x })
	return total
}
`

// randomCells makes cells, and the same statements as one program, which prints a line of dashes behind each cell.
func randomCells(r *rand.Rand) (list []string, program string) {
	w := &statements{Rand: r, types: map[string]string{}}
	var all strings.Builder
	for range 3 + r.IntN(3) {
		var cell []string
		declared := map[string]bool{}
		for range 1 + r.IntN(5) {
			names := make([]string, 0, len(w.types))
			for n := range w.types {
				names = append(names, n)
			}
			slices.Sort(names)
			name := fmt.Sprintf("v%d", r.IntN(6))
			switch {
			case (len(names) == 0 || r.IntN(3) == 0) && !declared[name]:
				kind := valueKinds[r.IntN(len(valueKinds))]
				text := fmt.Sprintf("%s := %s", name, w.value(kind))
				if r.IntN(3) == 0 && kind != "shape" {
					text = fmt.Sprintf("var %s %s = %s", name, kind, w.value(kind))
				}
				cell = append(cell, text)
				fmt.Fprintf(&all, "{ %s\n_ = %s\n", text, name)
				w.depth++
				w.types[name], declared[name] = kind, true
			case len(names) > 0:
				n := names[r.IntN(len(names))]
				text := w.change(n)
				if r.IntN(2) == 0 {
					text = w.show(n)
				}
				cell = append(cell, text)
				all.WriteString(text + "\n")
			}
		}
		if len(cell) == 0 {
			cell = append(cell, "_ = 0")
		}
		all.WriteString("fmt.Println(\"--\")\n")
		list = append(list, strings.Join(cell, "\n"))
	}
	var last []string
	for n := range w.types {
		last = append(last, w.show(n))
	}
	slices.Sort(last)
	list = append(list, strings.Join(last, "\n"))
	all.WriteString(strings.Join(last, "\n") + "\n")
	return list, "package main\n\nimport (\n\t\"fmt\"\n\t\"sync\"\n)\n\nvar _ sync.Mutex\n\n" + shared + "\nfunc main() {\n" + all.String() + strings.Repeat("}", w.depth) + "\n}\n"
}

// Random cells print what the same statements print as one program.
func TestRandomCellsAreOneProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and links some hundred programs")
	}
	t.Logf("-seed %d", *seed)
	var list []story
	var programs []string
	for i := range *sequences {
		cells, program := randomCells(rand.New(rand.NewPCG(*seed, uint64(i))))
		s := story{name: fmt.Sprint("random ", i)}
		s.steps = append(s.steps, step{source: shared})
		for _, c := range cells {
			s.steps = append(s.steps, step{source: c, any: true})
		}
		list, programs = append(list, s), append(programs, program)
	}
	r := newRunner(t, list)
	for i, p := range programs {
		dir := filepath.Join(r.dir, "cells", fmt.Sprintf("n%d", i))
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(p), 0o600))
	}
	said := r.build(-1)
	for i := range programs {
		out, err := exec.Command(filepath.Join(r.dir, "bin-1", fmt.Sprintf("n%d", i))).Output()
		require.NoError(t, err, "%s\n%s", about(said, fmt.Sprintf("cells/n%d/", i)), programs[i])
		for k, part := range strings.Split(string(out), "--\n") {
			r.all[i].story.steps[k+1].want = part
		}
	}
	r.run()
	for i, n := range r.all {
		var text []string
		for _, s := range n.story.steps {
			text = append(text, s.source)
		}
		require.Empty(t, n.failed, "-seed %d, notebook %d:\n%s", *seed, i, strings.Join(text, "\n-- cell --\n"))
	}
}
