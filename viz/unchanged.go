package viz

import (
	"regexp"
	"strings"
)

// A call that adds no node, such as Dropout in evaluation, leaves no trace in the graph. That it was made, and that it
// returned a value unchanged, can be told from the source in the common case:
//
//	x = layers.Dropout(scope, x, 0.5)

var (
	assignment = regexp.MustCompile(`^(\w+)(?:, \w+)* :?= `)
	passOn     = regexp.MustCompile(`^(\w+) = [\w.]+\((.*)\)$`)
	word       = regexp.MustCompile(`\w+`)
	comment    = regexp.MustCompile(`\s*//.*$`)
)

// findUnchanged notes the lines that pass a node on as it is: the node's own variable is assigned a call of it, and
// the line stands in a row of lines without a branch of which a later one computes something.
func (b *block) findUnchanged() {
	nodes := map[string]bool{} // variables that hold nodes
	for _, n := range b.inputs {
		nodes[n.GetParameterName()] = true
	}
	for k := 1; k < len(b.src.lines); k++ {
		line := b.src.start + k
		text := comment.ReplaceAllString(strings.TrimSpace(b.src.lines[k]), "")
		if b.visited(line) {
			if m := assignment.FindStringSubmatch(text); m != nil {
				nodes[m[1]] = true
			}
			continue
		}
		if m := passOn.FindStringSubmatch(text); m != nil && line != b.failed && onlyNode(m[2], m[1], nodes) && b.executed(k) {
			b.said[line] = "unchanged"
		}
	}
}

// onlyNode reports whether of all variables that hold nodes just the named one stands in the text of arguments.
func onlyNode(arguments, name string, nodes map[string]bool) bool {
	found := false
	for _, w := range word.FindAllString(arguments, -1) {
		if nodes[w] && w != name {
			return false
		}
		found = found || w == name && nodes[w]
	}
	return found
}

// executed reports whether a line was reached for sure: a line after it, with nothing but lines of the same depth
// and what they contain between, computes something.
func (b *block) executed(k int) bool {
	indent := indentOf(b.src.lines[k])
	for j := k + 1; j < len(b.src.lines); j++ {
		text := strings.TrimSpace(b.src.lines[j])
		at := indentOf(b.src.lines[j])
		if text == "" || strings.HasPrefix(text, "//") || at > indent {
			continue
		}
		if at < indent || strings.HasPrefix(text, "case ") || strings.HasPrefix(text, "default:") || strings.HasSuffix(text, ":") {
			return false
		}
		if line := b.src.start + j; b.visited(line) || line == b.failed || b.onlyReturn(j) {
			return true
		}
	}
	return false
}

// findReturn notes the results beside a return that computes nothing, if there is only that one.
func (b *block) findReturn(tr *traced) {
	for k, text := range b.src.lines {
		if b.onlyReturn(k) && tr.err == nil && len(tr.outputs) > 0 && strings.HasPrefix(strings.TrimSpace(text), "return ") {
			var parts []string
			for _, n := range tr.outputs {
				parts = append(parts, n.Shape().String())
			}
			b.said[b.src.start+k] = strings.Join(parts, ", ")
		}
	}
}

// onlyReturn reports whether the function has just one return, on that line.
func (b *block) onlyReturn(k int) bool {
	isReturn := func(text string) bool {
		return strings.HasPrefix(strings.TrimSpace(text)+" ", "return ") || strings.Contains(text, "{ return ")
	}
	for j, text := range b.src.lines {
		if isReturn(text) != (j == k) {
			return false
		}
	}
	return true
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
