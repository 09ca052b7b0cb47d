package cells

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// Places returns for each line of gonb's program the place from which it came, such as "In[3]:5", or "". gonb copies
// declarations as they are, so each is found by its text, in the last cell that has it. A line that is [Marked] says it itself.
func Places(program string, cells []Cell) []string {
	places, _ := match(program, cells)
	return places
}

// match is [Places]; it also says which of the cells were met.
func match(program string, cells []Cell) (places []string, met []bool) {
	type origin struct{ cell, line int } // line counts in the cell's Go file
	known := map[string]origin{}
	from := make([][]int, len(cells))
	for i, c := range cells {
		if len(c.Lines) > 0 && c.Lines[0] == restored {
			continue
		}
		text, lines := goFile(c.Lines)
		from[i] = lines
		for _, p := range pieces(text) {
			known[p.key] = origin{i, p.line}
		}
	}
	places = make([]string, strings.Count(program, "\n")+1)
	met = make([]bool, len(cells))
	for _, p := range pieces(program) {
		o, ok := known[p.key]
		if !ok {
			continue
		}
		met[o.cell] = true
		for k := range p.lines {
			if at, to := o.line+k, p.line+k; at < len(from[o.cell]) && to < len(places) {
				if line := from[o.cell][at]; line != none {
					places[to] = fmt.Sprintf("In[%d]:%d", cells[o.cell].Count, line+1)
				}
			}
		}
	}
	for i, line := range strings.Split(program, "\n") {
		if cell, at, ok := Mark(line); ok {
			places[i] = fmt.Sprintf("In[%d]:%d", cell, at)
		}
	}
	return places, met
}

// mark matches the comment of a line that did not stand where it was sent.
var mark = regexp.MustCompile(`//ʹIn\[(\d+)\]:(\d+)$`)

// Marked returns the comment that says of a line in which cell and line it stands for people. Nobody types its apostrophe (U+02B9).
func Marked(cell, line int) string { return fmt.Sprintf("//ʹIn[%d]:%d", cell, line) }

// Mark reads the comment with which a line ends.
func Mark(text string) (cell, line int, ok bool) {
	m := mark.FindStringSubmatch(strings.TrimRight(text, " \t\r"))
	if m == nil {
		return 0, 0, false
	}
	cell, err := strconv.Atoi(m[1])
	line, err2 := strconv.Atoi(m[2])
	return cell, line, err == nil && err2 == nil
}

// piece is a part of a file that gonb copies whole.
type piece struct {
	key         string // what it is and its text
	line, lines int    // its first line, from 0, and how many
}

// pieces returns what a Go file declares: functions, and the values of variables, are code that runs.
func pieces(text string) (list []piece) {
	set := token.NewFileSet()
	file, _ := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if file == nil {
		return nil
	}
	at := func(p token.Pos) int { return set.PositionFor(p, false).Line - 1 }
	slice := func(n ast.Node) string {
		i, k := set.PositionFor(n.Pos(), false).Offset, set.PositionFor(n.End(), false).Offset
		if i < 0 || k > len(text) || i > k {
			return ""
		}
		return text[i:k]
	}
	add := func(key string, n ast.Node) {
		list = append(list, piece{key, at(n.Pos()), at(n.End()) - at(n.Pos()) + 1})
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			body := slice(d)
			if d.Recv == nil && strings.HasPrefix(d.Name.Name, "init_") { // gonb makes functions init of these
				body = strings.Replace(body, d.Name.Name, "init", 1)
			}
			add("func "+body, d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				addSpec(add, slice, d.Tok, s)
			}
		}
	}
	return list
}

// addSpec adds what an import, a type, a constant or a variable is made of, as far as gonb copies it as it is.
func addSpec(add func(string, ast.Node), slice func(ast.Node) string, kind token.Token, s ast.Spec) {
	switch s := s.(type) {
	case *ast.ImportSpec:
		name := ""
		if s.Name != nil {
			name = s.Name.Name
		}
		add("import "+name+" "+s.Path.Value, s)
	case *ast.TypeSpec:
		add("type "+slice(s), s)
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if i < len(s.Values) {
				add(kind.String()+" "+name.Name+" "+slice(s.Values[i]), s.Values[i])
			} else if len(s.Values) == 0 {
				add(kind.String()+" "+name.Name, name)
			}
		}
	}
}

// Book is what is remembered of the cells of a kernel.
type Book struct {
	Count int    // requests that gonb has counted
	Cells []Cell // those of which the program has something, in their order
}

// Compiled remembers a cell that was compiled to a program, and forgets those of which nothing is left in it.
func (b *Book) Compiled(program string, cell *Cell) {
	all := b.Cells
	if cell != nil {
		all = append(all, *cell)
	}
	_, met := match(program, all)
	var kept []Cell
	for i, c := range all {
		if met[i] {
			kept = append(kept, c)
		}
	}
	b.Cells = kept
}
