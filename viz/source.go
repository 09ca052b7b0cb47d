package viz

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"github.com/quire-ml/quire/internal/frames"
)

// funcName returns the name of a function without its package's path.
func funcName(f reflect.Value) string {
	if fn := runtime.FuncForPC(f.Pointer()); fn != nil {
		return shortFunc(fn.Name())
	}
	return "func"
}

// builderSuffix is what names of types end in whose method Done makes what the rest of the name says: readers call
// layers.(*ConvolutionBuilder).Done a layers.Convolution. A test of package layers holds its types to that.
const builderSuffix = "Builder"

// shortFunc turns "example.com/x/y.(*T).f" into "y.(*T).f", "y.(*TBuilder).Done" (DoneWithState) into "y.T", and drops package main.
func shortFunc(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if pkg, rest, ok := strings.Cut(name, ".(*"); ok {
		if t, _, ok := strings.Cut(rest, builderSuffix+").Done"); ok { // or DoneWithState
			return strings.TrimPrefix(pkg+"."+t, "main.")
		}
	}
	return strings.TrimPrefix(strings.TrimSuffix(name, "[...]"), "main.")
}

// source is the text of one function.
type source struct {
	file       string
	start, end int      // first and last line, from 1
	lines      []string // with tabs expanded
	params     []string // names of the parameters
}

// readSource returns the text of the function that begins at a line of a file; nil if the file cannot be
// read. The function may be a literal in the middle of a line.
func readSource(file string, start int) *source {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	s := &source{file: file, start: start}
	lines := strings.Split(string(text), "\n")
	if start < 1 || start > len(lines) {
		return nil
	}
	rest := []byte(strings.Join(lines[start-1:], "\n"))
	fset := token.NewFileSet()
	tf := fset.AddFile(file, -1, len(rest))
	var sc scanner.Scanner
	sc.Init(tf, rest, func(token.Position, string) {}, 0) // a cut file still has tokens
	s.end = start + s.scan(&sc, tf) - 1
	for _, l := range lines[s.start-1 : min(s.end, len(lines))] {
		s.lines = append(s.lines, strings.TrimRight(strings.ReplaceAll(l, "\t", "    "), " \r"))
	}
	return s
}

// scan finds the body of the first function in the tokens, notes its parameters' names, and returns the
// number of the line that its last brace is on.
func (s *source) scan(sc *scanner.Scanner, tf *token.File) int {
	depth, parens := 0, 0
	inFunc, lists, named := false, 0, true
	braceless := 0 // braces of interface{} and struct{} in the signature
	var last token.Token
	for {
		pos, tok, lit := sc.Scan()
		switch tok {
		case token.EOF:
			return tf.LineCount()
		case token.FUNC:
			inFunc = true
		case token.LPAREN:
			if inFunc && depth == 0 {
				if parens == 0 {
					lists++
				}
				parens++
			}
		case token.RPAREN:
			if inFunc && depth == 0 && parens > 0 {
				parens--
			}
		case token.IDENT:
			// names come first or after a comma; a receiver's list is told by the name that follows it
			if inFunc && depth == 0 && parens == 0 && lists == 1 && last == token.RPAREN && s.params != nil {
				s.params, lists = nil, 0 // that was the receiver
			}
			if inFunc && depth == 0 && parens == 1 && lists == 1 && named && (last == token.LPAREN || last == token.COMMA) {
				s.params = append(s.params, lit)
			}
		case token.LBRACE:
			if !inFunc {
				break
			}
			if depth == 0 && (parens > 0 || last == token.INTERFACE || last == token.STRUCT) {
				braceless++
				break
			}
			depth++
		case token.RBRACE:
			if braceless > 0 {
				braceless--
				break
			}
			if depth--; inFunc && depth == 0 {
				return tf.Line(pos)
			}
			depth = max(depth, 0)
		}
		last = tok
	}
}

// paramNames returns the names of f's parameters, as far as its source can be read.
func paramNames(f reflect.Value) []string {
	fn := runtime.FuncForPC(f.Pointer())
	if fn == nil {
		return nil
	}
	file, line := fn.FileLine(fn.Entry())
	s := readSource(file, line)
	if s == nil || len(s.params) != f.Type().NumIn() {
		return nil
	}
	var names []string
	for i, n := range s.params {
		if f.Type().In(i) == nodeType {
			names = append(names, n)
		}
	}
	for _, n := range names {
		if n == "_" {
			return nil
		}
	}
	return names
}

// place says where a line is: its file and number, or, in a notebook's cell, the line itself, since numbers
// in the file that the kernel makes of the cells mean nothing to the reader.
func place(file string, line int) string {
	if file == "" {
		return ""
	}
	if frames.IsCell(file) {
		if text := fileLines(file); line >= 1 && line <= len(text) {
			return short(strings.TrimSpace(text[line-1]), 48)
		}
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}

// short cuts s to n characters.
func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func fileLines(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}
