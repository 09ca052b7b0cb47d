package traces

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/internal/traces"
	"github.com/quire-ml/quire/internal/visits"
)

func init() {
	if dir := os.Getenv(traces.Dir); dir != "" {
		graph.Observe(newCollector(dir).graph)
	}
}

// maxVariables bounds how many variables are noted.
const maxVariables = 1000

// collector notes the lines of a program's graphs. It is safe for several goroutines.
type collector struct {
	dir   string
	begun time.Time

	mu     sync.Mutex
	path   string // of the file; "" before the first
	file   traces.File
	lines  map[string]int // index in file.Lines by place
	vars   map[string]int // index in file.Variables by path
	calls  map[*uintptr][]call
	texts  map[string][]string // lines of source files
	writes writes
}

func newCollector(dir string) *collector {
	return &collector{dir: dir, begun: time.Now(), lines: map[string]int{}, vars: map[string]int{}, texts: map[string][]string{}}
}

// call is one call of the user's on the way to a node.
type call struct {
	function string
	file     string
	line     int
	key      string
}

// graph notes what a graph computes.
func (c *collector) graph(g *graph.Graph) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = map[*uintptr][]call{} // nodes of one graph share their stacks
	functions := map[string]*visits.Lines{}
	var order []spot
	fresh := false
	for _, n := range g.Nodes() {
		if n.IsDerived() { // a gradient stands at the line that it is of
			continue
		}
		fresh = c.variable(n) || fresh
		for _, at := range c.callsOf(n) {
			name := at.function + "\x00" + at.file
			lines := functions[name]
			if lines == nil {
				lines = &visits.Lines{}
				functions[name] = lines
			}
			if len(lines.ByLine[at.line]) == 0 {
				order = append(order, spot{lines, at})
			}
			lines.Add(at.line, at.key, n)
		}
	}
	c.calls = nil
	for _, s := range order {
		for _, v := range s.lines.ByLine[s.at.line] {
			fresh = c.visit(s.at, v) || fresh
		}
	}
	c.write(fresh)
}

// spot is a line of a function.
type spot struct {
	lines *visits.Lines
	at    call
}

// callsOf returns the user's calls on the way to a node, innermost first, as far as they build the graph.
func (c *collector) callsOf(n *graph.Node) []call {
	pcs := n.Callers()
	if len(pcs) == 0 {
		return nil
	}
	if list, ok := c.calls[&pcs[0]]; ok {
		return list
	}
	var list []call
	key := ""
	for _, f := range frames.Of(pcs) {
		if begins(f) {
			break
		}
		key = visits.Key(key, f)
		if frames.IsUser(f) {
			list = append(list, call{f.Function, f.File, f.Line, key})
		}
	}
	c.calls[&pcs[0]] = list
	return list
}

// begins reports whether a call is where an Exec asks for a graph: what is around it does not compute the graph's values.
func begins(f runtime.Frame) bool {
	return frames.In(f, "graph") && strings.HasSuffix(f.Function, ".(*Exec).build")
}

// variable notes a model's variable; fresh says that it was not known.
func (c *collector) variable(n *graph.Node) (fresh bool) {
	path, ok := strings.CutPrefix(n.GetParameterName(), variable)
	if !ok {
		return false
	}
	path = traces.Cut(path)
	i, known := c.vars[path]
	if known {
		fresh = !c.file.Variables[i].Shape.Identical(n.Shape())
		c.file.Variables[i].Shape = n.Shape()
		return fresh
	}
	if len(c.file.Variables) >= maxVariables {
		return false
	}
	c.vars[path] = len(c.file.Variables)
	c.file.Variables = append(c.file.Variables, traces.Variable{Path: path, Shape: n.Shape()})
	return true
}

// variable begins the names of a graph's parameters that stand for variables; a test holds it to what model.VariablePath
// takes away. Package model itself would be linked into cells that have no model.
const variable = "var:"

// visit notes an execution of a line; fresh says that it is unlike those before.
func (c *collector) visit(at call, v visits.Visit) (fresh bool) {
	seen := traces.Seen{Out: v.Results(), In: operands(v), Op: v.Op(), Count: 1}
	for _, s := range seen.Out {
		if !s.Ok() {
			return false // a node that only joins others
		}
	}
	seen.Vars = variables(v)
	place := frames.Place(at.file, at.line)
	i, known := c.lines[place]
	if !known {
		if len(c.file.Lines) >= traces.MaxLines {
			c.file.Dropped++
			return false
		}
		i = len(c.file.Lines)
		c.lines[place] = i
		c.file.Lines = append(c.file.Lines, traces.Line{Place: place, Text: c.text(at)})
	}
	line := &c.file.Lines[i]
	for k := range line.Seen {
		if line.Seen[k].Same(seen) {
			line.Seen[k].Count++
			return false
		}
	}
	if len(line.Seen) >= traces.MaxSeen {
		line.More++
		return false
	}
	line.Seen = append(line.Seen, seen)
	return true
}

// operands returns the shapes of what a line takes, without variables: these have no name in the line.
func operands(v visits.Visit) (list []shapes.Shape) {
	for _, n := range v.Operands() {
		if !strings.HasPrefix(n.GetParameterName(), variable) && len(list) < maxVars {
			list = append(list, n.Shape())
		}
	}
	return list
}

// maxVars bounds how many values and variables are noted of a line: a whole model may be built in it.
const maxVars = 8

// variables returns the paths of the variables that a line uses.
func variables(v visits.Visit) (paths []string) {
	named := map[string]bool{}
	for _, n := range v.Nodes {
		for _, x := range n.Inputs() {
			path, ok := strings.CutPrefix(x.GetParameterName(), variable)
			if ok && !named[path] && len(paths) < maxVars {
				named[path] = true
				paths = append(paths, traces.Cut(path))
			}
		}
	}
	return paths
}

// text returns the text of a line.
func (c *collector) text(at call) string {
	lines, ok := c.texts[at.file]
	if !ok {
		if data, err := os.ReadFile(at.file); err == nil {
			lines = strings.Split(string(data), "\n")
		}
		c.texts[at.file] = lines
	}
	if at.line < 1 || at.line > len(lines) {
		return ""
	}
	return traces.Cut(strings.TrimSpace(lines[at.line-1]))
}
