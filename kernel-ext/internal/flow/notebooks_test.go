package flow_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

var only = flag.String("notebook", "", "run only those whose name has this")

// step is a cell of a notebook and what comes of it.
type step struct {
	id, source string
	want       string // what it prints
	mistake    string // a part of why it is not run
	note       string // a part of its notes
	fails      bool   // its program ends with an error
	places     string // that stand in its stderr, one a line
	any        bool   // it may note anything
	stale      string // what Stale returns afterwards
	line       int
}

type story struct {
	name  string
	steps []step
}

// stories reads a file of notebooks: "== name", then for each cell "-- cell ID --" and its source, and what is
// expected: "-- want --", "-- mistake --", "-- note --", "-- stale --" with lines, "-- fails --", "-- at --" with places
// that its panic names; "-- any --" lets it note anything. What prints "…"
// prints something, and the next cell the same.
func stories(t testing.TB, path string) (list []story) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var to *string
	for n, line := range strings.Split(string(text), "\n") {
		var last *step
		if len(list) > 0 && len(list[len(list)-1].steps) > 0 {
			last = &list[len(list)-1].steps[len(list[len(list)-1].steps)-1]
		}
		mark, isMark := strings.CutPrefix(line, "-- ")
		mark, isMark2 := strings.CutSuffix(mark, " --")
		switch {
		case strings.HasPrefix(line, "== "):
			list = append(list, story{name: line[3:]})
			to = nil
		case isMark && isMark2 && strings.HasPrefix(mark, "cell"):
			s := &list[len(list)-1]
			s.steps = append(s.steps, step{id: strings.TrimSpace(mark[4:]), line: n + 1})
			to = &s.steps[len(s.steps)-1].source
		case isMark && isMark2 && last != nil:
			switch mark {
			case "want":
				to = &last.want
			case "mistake":
				to = &last.mistake
			case "note":
				to = &last.note
			case "stale":
				to = &last.stale
			case "at":
				to = &last.places
			case "fails":
				last.fails, to = true, nil
			case "any":
				last.any, to = true, nil
			default:
				require.Failf(t, "the table", "line %d: %q", n+1, line)
			}
		case to != nil:
			if *to != "" || to == &last.source && line == "" {
				*to += "\n"
			}
			*to += line
		}
	}
	for i := range list {
		for k := range list[i].steps {
			s := &list[i].steps[k]
			for _, p := range []*string{&s.source, &s.want, &s.mistake, &s.note, &s.stale, &s.places} {
				*p = strings.TrimRight(*p, "\n")
			}
		}
	}
	return list
}

// root is the checkout.
var root = sync.OnceValue(func() string {
	dir, err := filepath.Abs("../../..")
	if err != nil {
		panic(err)
	}
	return dir
})

var env = sync.OnceValue(func() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
})

// exports is shared by all tests: a package is read once.
var exports = sync.OnceValue(func() *flow.Exports {
	e := flow.NewExports(root(), "go", env())
	if err := e.Warm(context.Background(), "std", "./kernel-ext/carry/...", "./graph/...", "./ml/...", "./backends", "./viz"); err != nil {
		panic(err)
	}
	return e
})

// runner runs notebooks side by side, the cells of one number at a time: so one go command builds many.
type runner struct {
	t   testing.TB
	dir string
	all []*running
}

// running is a notebook on its way.
type running struct {
	story   story
	session *flow.Session
	gonb    *gonb
	values  string
	at      int
	program string
	plan    flow.Plan
	failed  string
	sent    []cells.Cell // as the kernel's guard knows them
}

func newRunner(t testing.TB, list []story) *runner {
	r := &runner{t: t, dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "go.mod"), []byte("module cells\n\ngo 1.26.0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "go.work"), fmt.Appendf(nil, "go 1.26.0\n\nuse (\n\t.\n\t%s\n)\n", root()), 0o600))
	for _, s := range list {
		values := t.TempDir()
		require.NoError(t, os.Chmod(values, 0o700))
		r.all = append(r.all, &running{story: s, gonb: newGonb(), values: values, session: flow.New(flow.Options{Exports: exports(), Carry: values})})
	}
	return r
}

// run runs all to their ends.
func (r *runner) run() {
	for wave := 0; ; wave++ {
		var programs []*running
		more := false
		for i, n := range r.all {
			if n.failed != "" || n.at >= len(n.story.steps) {
				continue
			}
			more = true
			if n.prepare() {
				dir := filepath.Join(r.dir, "cells", fmt.Sprintf("n%d", i))
				require.NoError(r.t, os.MkdirAll(dir, 0o700))
				require.NoError(r.t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(n.program), 0o600))
				programs = append(programs, n)
			} else {
				require.NoError(r.t, os.RemoveAll(filepath.Join(r.dir, "cells", fmt.Sprintf("n%d", i))))
				n.at++
			}
		}
		if !more {
			return
		}
		if len(programs) == 0 {
			continue
		}
		said := r.build(wave)
		for i, n := range r.all {
			if n.program == "" {
				continue
			}
			n.execute(filepath.Join(r.dir, fmt.Sprintf("bin%d", wave), fmt.Sprintf("n%d", i)), filepath.Join("cells", fmt.Sprintf("n%d", i)), said)
			n.program = ""
			n.at++
			_ = os.RemoveAll(filepath.Join(r.dir, "cells", fmt.Sprintf("n%d", i)))
		}
		_ = os.RemoveAll(filepath.Join(r.dir, fmt.Sprintf("bin%d", wave)))
	}
}

func (r *runner) build(wave int) string {
	bin := filepath.Join(r.dir, fmt.Sprintf("bin%d", wave))
	require.NoError(r.t, os.Mkdir(bin, 0o700))
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin+"/", "./cells/...")
	cmd.Dir = r.dir
	cmd.Env = append(env(), "GOWORK="+filepath.Join(r.dir, "go.work"))
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// prepare reports whether the next cell is to be run.
func (n *running) prepare() bool {
	s := n.story.steps[n.at]
	plan, err := n.session.Prepare(context.Background(), flow.Cell{Number: n.at + 1, ID: s.id, Source: s.source})
	var mistake *flow.Mistake
	switch {
	case err != nil && !errors.As(err, &mistake):
		n.fail("%v", err)
	case s.mistake != "" && err == nil:
		n.fail("there should be a mistake: %s", plan.Code)
	case s.mistake != "" && !strings.Contains(err.Error(), s.mistake):
		n.fail("the mistake is %q, not %q", err, s.mistake)
	case s.mistake == "" && err != nil:
		n.fail("%v", err)
	case err == nil && strings.Count(plan.Code, "\n") < strings.Count(s.source, "\n"):
		n.fail("it has lost lines:\n%s", plan.Code)
	case err == nil && s.note != "" && !strings.Contains(strings.Join(plan.Notes, "\n"), s.note):
		n.fail("the notes are %q, not %q", plan.Notes, s.note)
	case err == nil && s.note == "" && !s.any && len(plan.Notes) > 0:
		n.fail("it notes %q", plan.Notes)
	}
	if n.failed != "" || err != nil {
		return false
	}
	n.plan = plan
	n.sent = append(n.sent, cells.Cell{Count: n.at + 1, Lines: strings.Split(plan.Code, "\n")})
	n.gonb.forget(plan.Forget)
	n.program, err = n.gonb.program(plan.Code)
	if strings.Contains(s.source, "%test") {
		n.program = testMain(n.program)
	}
	if err != nil {
		n.fail("%v", err)
		return false
	}
	return true
}

// testMain makes of a program with tests one that runs them, as "go test -c" does.
func testMain(program string) string {
	var list strings.Builder
	for line := range strings.Lines(program) {
		if name, ok := strings.CutPrefix(line, "func Test"); ok {
			name, _, _ = strings.Cut(name, "(")
			fmt.Fprintf(&list, "{Name: %q, F: Test%s}, ", "Test"+name, name)
		}
	}
	main := "func main() { testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{" + list.String() + "}, nil, nil) }\n"
	program = strings.Replace(program, "import \"flag\"\n", "", 1)
	return strings.Replace(program, "func main() { flag.Parse() }\n", main, 1)
}

func (n *running) fail(format string, args ...any) {
	if n.failed == "" {
		n.failed = fmt.Sprintf("line %d: cell %d: ", n.story.steps[n.at].line, n.at+1) + fmt.Sprintf(format, args...)
	}
}

func (n *running) execute(bin, pkg, said string) {
	s := n.story.steps[n.at]
	if _, err := os.Stat(bin); err != nil {
		n.fail("it does not build: %s\n%s", about(said, pkg), n.program)
		n.session.Ended(n.at+1, false)
		return
	}
	cmd := exec.Command(bin)
	if strings.Contains(s.source, "%test") { // n.program has its tests as a main of their own
		cmd = exec.Command(bin, "-test.run=.")
	}
	cmd.Env = append(os.Environ(), "QUIRE_CARRY="+n.values)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	n.session.Ended(n.at+1, err == nil)
	switch {
	case s.fails && err == nil:
		n.fail("it should fail; it printed %q", stdout.String())
	case s.places != "" && !n.names(stderr.String(), strings.Fields(s.places)):
		n.fail("it does not name %s:\n%s\n%s", s.places, stderr.String(), n.program)
	case !s.fails && err != nil:
		n.fail("%v: %s\n%s", err, stderr.String(), n.program)
	case s.want == "…" && stdout.Len() > 0: // the next one says the same
		for i := range n.story.steps[n.at:][:2] {
			n.story.steps[n.at+i].want = strings.TrimRight(stdout.String(), "\n")
		}
	case strings.TrimSpace(stdout.String()) != strings.TrimSpace(s.want):
		n.fail("it printed %q, not %q\n%s", stdout.String(), s.want, n.program)
	case s.stale != "" && s.stale != strings.Trim(fmt.Sprint(n.session.Stale()), "[]"):
		n.fail("stale are %v, not %s", n.session.Stale(), s.stale)
	}
}

// names reports whether a dump has frames at places of cells, in this order.
func (n *running) names(dump string, want []string) bool {
	places := cells.Places(n.program, n.sent)
	for _, m := range programLine.FindAllStringSubmatch(dump, -1) {
		line, _ := strconv.Atoi(m[1])
		if len(want) > 0 && line <= len(places) && places[line-1] == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}

var programLine = regexp.MustCompile(`/main\.go:(\d+)`)

// about returns what the compiler said of a package.
func about(said, pkg string) string {
	var b strings.Builder
	for line := range strings.Lines(said) {
		if strings.Contains(line, pkg) {
			b.WriteString(line)
		}
	}
	if b.Len() == 0 {
		return said
	}
	return b.String()
}

// Notebooks of cells do what they are expected to do.
func TestNotebooks(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and links some hundred programs")
	}
	files, err := filepath.Glob("testdata/notebooks*.txt")
	require.NoError(t, err)
	var list []story
	for _, f := range files {
		for _, s := range stories(t, f) {
			if strings.Contains(s.name, *only) {
				list = append(list, s)
			}
		}
	}
	r := newRunner(t, list)
	r.run()
	for _, n := range r.all {
		t.Run(n.story.name, func(t *testing.T) { require.Empty(t, n.failed) })
	}
	t.Run("as one program", func(t *testing.T) { checkExports(t, r) })
}

// plain reports whether the cells of a notebook ran once each to their ends, so that one program does the same.
func (s *story) plain() bool {
	ids := map[string]bool{}
	for _, c := range s.steps {
		if c.fails || c.mistake != "" || c.id != "" && ids[c.id] || strings.Contains(c.source, "os.Exit") || strings.Contains(c.source, "%") {
			return false
		}
		ids[c.id] = true
	}
	return true
}

// The exported program of a notebook prints what its cells print.
func checkExports(t *testing.T, r *runner) {
	dir := filepath.Join(r.dir, "cells")
	require.NoError(t, os.RemoveAll(dir))
	errs := map[int]error{}
	for i, n := range r.all {
		if n.failed != "" || !n.story.plain() {
			continue
		}
		var b bytes.Buffer
		if errs[i] = n.session.Export(&b); errs[i] == nil {
			pkg := filepath.Join(dir, fmt.Sprintf("n%d", i))
			require.NoError(t, os.MkdirAll(pkg, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(pkg, "main.go"), b.Bytes(), 0o600))
		}
	}
	said := r.build(-1)
	for i, n := range r.all {
		err, ok := errs[i]
		if !ok {
			continue
		}
		t.Run(n.story.name, func(t *testing.T) {
			require.NoError(t, err)
			program, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("n%d", i), "main.go"))
			out, err := exec.Command(filepath.Join(r.dir, "bin-1", fmt.Sprintf("n%d", i))).Output()
			require.NoError(t, err, "%s\n%s", about(said, fmt.Sprintf("cells/n%d/", i)), program)
			var want strings.Builder
			for _, s := range n.story.steps {
				if s.want != "" {
					want.WriteString(s.want + "\n")
				}
			}
			require.Equal(t, want.String(), string(out), "%s", program)
		})
	}
}
