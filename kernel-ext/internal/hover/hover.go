package hover

import (
	"context"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/gopls"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// Asker knows Go: a [gopls.Server].
type Asker interface {
	Hover(ctx context.Context, text string, offset int) (gopls.Hover, bool, error)
	Complete(ctx context.Context, text string, offset int) ([]gopls.Item, error)
	Signature(ctx context.Context, text string, offset int) (gopls.Signature, bool, error)
}

// Values knows what later cells would be given under a name, in a line: "float32[128 784], 401 kB".
type Values interface {
	Lookup(name string) (line string, ok bool)
}

// Options of New. All may be left out.
type Options struct {
	Gopls    Asker
	Program  Program       // the [Composer] of the cells that Ran, if nil
	Values   Values        // carried and kept ones
	Traces   *Traces       // shapes
	Magics   []relay.Magic // what % completes, with their help; the Inspector's own is added
	Packages []string      // paths of packages that cells need not import: goimports finds them
	Wait     time.Duration // how long gopls is waited for; what is known without it is shown then. 0 means 2 s
	Now      func() time.Time
}

// Inspector implements [relay.Inspector]. It is safe for several goroutines.
type Inspector struct {
	opts     Options
	own      *Composer
	history  history
	packages map[string]string // by name
}

var _ relay.Inspector = (*Inspector)(nil)

// wait is how long gopls is waited for: nobody waits longer for a tooltip.
const wait = 2 * time.Second

// New returns an Inspector.
func New(opts Options) *Inspector {
	i := &Inspector{opts: opts, own: &Composer{}, packages: map[string]string{}}
	if opts.Program == nil {
		i.opts.Program = i.own
	}
	if opts.Wait <= 0 {
		i.opts.Wait = wait
	}
	if opts.Now == nil {
		i.opts.Now = time.Now
	}
	i.opts.Magics = append(slices.Clone(opts.Magics), i.Magic())
	for _, p := range opts.Packages {
		i.packages[path.Base(p)] = p
	}
	return i
}

// Ran is told of each cell that was sent to be compiled: lines of it are looked for in what was traced, and its
// declarations are part of the programs of later cells.
func (i *Inspector) Ran(c relay.Cell) {
	i.history.add(c.Count, c.Source)
	i.own.Ran(c.Source)
}

// Inspect returns what is known of what stands at the cursor. Within the parentheses of a call where there is no name, that is the
// function.
func (i *Inspector) Inspect(ctx context.Context, code string, cursor, detail int) (data map[string]any, found bool) {
	at := offset(code, cursor)
	if m, ok := i.magicAt(code, at); ok {
		return card{markdown: magicHelp(m)}.bundle(), true
	}
	text := withoutCommands(code)
	p := placeAt(text, at)
	c := card{now: i.opts.Now()}
	ask := -1
	switch {
	case p.tok == token.COMMENT:
		return nil, false
	case p.tok == token.STRING && !p.imported:
		c.facts = i.stringFacts(p.text)
		ask = p.call
	case p.tok == token.IDENT, p.tok == token.STRING:
		ask = p.begin
	default:
		ask = p.call
	}
	if ask >= 0 {
		c.markdown = i.ask(ctx, code, ask, p.imported)
	}
	if ask >= 0 && ask == p.call && len(c.facts) == 0 {
		c.facts = i.argument(ctx, code, at)
	}
	if p.tok == token.IDENT {
		c.facts = i.nameFacts(code, p, c.markdown)
	}
	if len(c.facts) == 0 && c.markdown == "" {
		return nil, false
	}
	return c.bundle(), true
}

// ask returns what gopls says of a byte of a cell, "" if that is nothing.
func (i *Inspector) ask(ctx context.Context, code string, at int, imported bool) string {
	program, where, ok := i.program(code, at, imported)
	if i.opts.Gopls == nil || !ok {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, i.opts.Wait)
	defer cancel()
	h, _, err := i.opts.Gopls.Hover(ctx, program, where)
	if err != nil {
		return ""
	}
	return shown(h.Markdown)
}

// inserted are names that a composed program has for packages that the cell does not import: they end in a sign that nobody
// types, and perhaps a number.
var inserted = regexp.MustCompile(`(\w)` + mark + `\d*\.`)

const mark = "ʹ"

// shown returns a text with the names of packages as people know them.
func shown(text string) string { return inserted.ReplaceAllString(text, "$1.") }

// argument returns the parameter of the call around a byte of a cell that stands there.
func (i *Inspector) argument(ctx context.Context, code string, at int) []fact {
	program, where, ok := i.program(code, at, false)
	if i.opts.Gopls == nil || !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, i.opts.Wait)
	defer cancel()
	sig, found, err := i.opts.Gopls.Signature(ctx, program, where)
	if err != nil || !found || sig.Parameter == "" {
		return nil
	}
	return []fact{{name: "argument", text: sig.Parameter}}
}

// program returns a program with a cell in it and where in it a byte of the cell stands. The path of an import is looked at in
// a program of nothing else, since composing may move imports.
func (i *Inspector) program(code string, at int, imported bool) (program string, where int, ok bool) {
	number, begin, end := lineAt(code, at)
	column := at - begin
	if imported {
		line := code[begin:end]
		if !strings.Contains(line[:column], "import") {
			line = "import " + line
			column += len("import ")
		}
		const head = "package main\n"
		return head + line + "\n", len(head) + column, true
	}
	program, line := i.opts.Program.Compose(code)
	to := line(number - 1)
	if to < 1 {
		return "", 0, false
	}
	program = addImports(program, i.packages)
	where = 0
	for range to {
		k := strings.IndexByte(program[where:], '\n')
		if k < 0 {
			return "", 0, false
		}
		where += k + 1
	}
	_, _, last := lineAt(program, where)
	if where+column > last {
		return "", 0, false
	}
	return program, where + column, true
}

// node is how gopls writes that a variable holds a node, or several. Of other variables what their line computed is not the
// value.
var node = regexp.MustCompile(`^` + "```go" + `\n(var|field) \S+ (\[\])?\*(graph\.)?Node\b`)

// nameFacts returns what is known of a name besides its type.
func (i *Inspector) nameFacts(code string, p place, markdown string) (facts []fact) {
	isNode := node.MatchString(markdown)
	if markdown == "" || isNode {
		number, begin, _ := lineAt(code, p.begin)
		s := newSyntax(code, i.history.finder(code, i.opts.Traces))
		if f, ok := s.shape(number, p.begin-begin+1); ok {
			facts = append(facts, f)
			facts = append(facts, i.opts.Traces.variables(f.vars...)...)
		}
	}
	if isNode || selected(code, p.begin) || isFunction(markdown) { // nodes are of no use to a later cell
		return facts
	}
	if i.opts.Values != nil {
		if line, ok := i.opts.Values.Lookup(p.text); ok {
			facts = append(facts, fact{name: p.text, text: line})
		}
	}
	return facts
}

// selected reports whether the name at a byte of code belongs to another, as in x.Name.
func selected(code string, begin int) bool {
	return strings.HasSuffix(strings.TrimRight(code[:begin], " \t"), ".")
}

func isFunction(markdown string) bool {
	return strings.HasPrefix(markdown, "```go\nfunc ") || strings.HasPrefix(markdown, "```go\npackage ")
}

// stringFacts returns what is known of the variables of models whose path or name is written in a string.
func (i *Inspector) stringFacts(literal string) (facts []fact) {
	name, err := strconv.Unquote(literal)
	if err != nil || name == "" {
		return nil
	}
	facts = i.opts.Traces.variables(name)
	if i.opts.Values != nil {
		if line, ok := i.opts.Values.Lookup(name); ok {
			facts = append(facts, fact{name: name, text: line})
		}
	}
	return facts
}
