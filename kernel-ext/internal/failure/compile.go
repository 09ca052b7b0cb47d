package failure

import (
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

var (
	// cellLine begins an error that gonb placed in a cell.
	cellLine = regexp.MustCompile(`^Cell\[(\d+)\]: Line (\d+)$`)
	// programPlace matches a place in the program that gonb made.
	programPlace = regexp.MustCompile(`^\S*main(_test)?\.go:(\d+):(\d+): `)
	// filePlace matches a place in another file.
	filePlace = regexp.MustCompile(`^(\S+\.(?:go|s|c|h)):(\d+):(?:(\d+):)? `)
	// more matches what the parser puts behind its first error.
	more = regexp.MustCompile(` \(and (\d+) more errors?\)$`)
	// wrapping matches what gonb puts before an error of the parser.
	wrapping = regexp.MustCompile(`^(executing special commands in cell|parsing go files in TempDir "[^"]*"|failed to run "[^"]*"|while composing main\.go with all declarations): `)
	// caret matches the line that gonb puts below the one in which an error is.
	caret = regexp.MustCompile(`^ *\^$`)
	// ofPackage matches the line that the compiler puts above the errors of a package.
	ofPackage = regexp.MustCompile(`^# \S+( \[\S+\])?$`)
)

// compiled makes problems of an error before the program ran, those of the cell that ran first.
func (r *report) compiled(f *jupyter.Failure) []problem {
	list := r.boxes
	if len(list) == 0 {
		list = r.book.traced(f.Traceback, r.cell)
	}
	if len(list) == 0 {
		list = []problem{r.book.other(f, r.cell)}
	}
	var here, elsewhere []problem
	for _, p := range list {
		if p.at.cell == r.cell {
			here = append(here, p)
		} else {
			elsewhere = append(elsewhere, p)
		}
	}
	list = append(here, elsewhere...)
	for i := range list {
		r.book.explain(&list[i], r.cell)
	}
	return list
}

// traced reads the errors that gonb writes as text.
func (b *Book) traced(traceback []string, cell int) (list []problem) {
	for _, entry := range traceback {
		entry = ansi.ReplaceAllString(entry, "")
		lines := strings.Split(strings.TrimRight(entry, "\n"), "\n")
		message := lines[len(lines)-1]
		at := cellLine.FindStringSubmatch(lines[0])
		program, column := excerpted(lines)
		switch {
		case len(lines) == 1 && ofPackage.MatchString(message), strings.TrimSpace(message) == "":
		case at != nil:
			list = append(list, b.placed(at[1], at[2], message, program, column))
		case column > 0: // within what gonb made around the cell
			list = append(list, b.atEnd(cell, message))
		default:
			list = b.add(list, message, cell)
		}
	}
	return list
}

// excerpted returns the line above gonb's caret, and the column of that.
func excerpted(lines []string) (program string, column int) {
	for i, line := range lines {
		if i > 0 && caret.MatchString(line) {
			return lines[i-1], len(line)
		}
	}
	return "", 0
}

// placed is a problem that gonb placed in a cell.
func (b *Book) placed(cell, line, message, program string, column int) problem {
	p := problem{kind: CompileError, sentence: message, code: program, column: column}
	p.at.cell, _ = strconv.Atoi(cell)
	p.at.line, _ = strconv.Atoi(line)
	if c, l, ok := cells.Mark(program); ok {
		p.at = spot{c, l}
	}
	if code, ok := b.line(p.at.cell, p.at.line); ok && program != "" {
		p.code, p.column = code, moved(code, program, column)
	} else if ok {
		p.code = code
	}
	return p
}

// moved returns the column in a line of a cell that is another one in the line that the program has in its place: the
// program's may be indented differently, or have code before or behind it. It is 0 if that cannot be told.
func moved(code, program string, column int) int {
	if text := strings.TrimSpace(code); text != "" {
		if i := strings.Index(program, text); i >= 0 && column > i && column <= i+len(text)+1 {
			return column - i + strings.Index(code, text)
		}
	}
	if column < 1 || column > len(program) {
		return 0
	}
	if word := wordAt.FindString(program[column-1:]); word != "" && strings.Count(code, word) == 1 {
		return strings.Index(code, word) + 1
	}
	return 0
}

// wordAt matches what stands at a place: a word, or a sign.
var wordAt = regexp.MustCompile(`^([\pL_][\pL\pN_]*|"[^"]*"|[\d.]+)`)

// atEnd is a problem that shows behind the cell: something in it has no end.
func (b *Book) atEnd(cell int, message string) problem {
	p := problem{kind: SyntaxError, sentence: message, at: spot{cell, 1}}
	for i, line := range b.lines(cell) {
		if strings.TrimSpace(line) != "" {
			p.at.line, p.code, p.column = i+1, line, len(strings.TrimRight(line, " \t"))+1
		}
	}
	return p
}

// add takes a line of the compiler that gonb did not place: a problem of another package, or what goes on with the one
// before.
func (b *Book) add(list []problem, line string, cell int) []problem {
	line = wrapping.ReplaceAllString(line, "")
	if m := filePlace.FindStringSubmatch(line); m != nil && !programPlace.MatchString(line) {
		return append(list, inFile(m[1], m[2], m[3], line[len(m[0]):]))
	}
	if strings.HasPrefix(line, "\t") && len(list) > 0 || line == "too many errors" && len(list) > 0 {
		last := &list[len(list)-1]
		last.notes = append(last.notes, line)
		return list
	}
	if m := programPlace.FindString(line); m != "" {
		return append(list, b.atEnd(cell, line[len(m):]))
	}
	return append(list, problem{kind: CompileError, sentence: line, at: spot{cell, 0}})
}

// inFile is a problem in a file of another package.
func inFile(path, line, column, message string) problem {
	p := problem{kind: CompileError, file: path + ":" + line, sentence: message}
	if column != "" {
		p.file += ":" + column
	}
	n, _ := strconv.Atoi(line)
	if text, err := os.ReadFile(path); err == nil && filepath.IsAbs(path) {
		if lines := strings.Split(string(text), "\n"); n >= 1 && n <= len(lines) {
			p.code = lines[n-1]
			p.column, _ = strconv.Atoi(column)
		}
	}
	return p
}

// other is whatever else gonb says.
func (b *Book) other(f *jupyter.Failure, cell int) problem {
	sentence := "it failed"
	for _, line := range plainLines(f.EValue) {
		if !ofPackage.MatchString(line) {
			sentence = wrapping.ReplaceAllString(line, "")
			break
		}
	}
	return problem{kind: KernelError, sentence: cells.Tame(Mask(sentence), false)}
}

// isBox reports whether HTML is gonb's own report of errors.
func isBox(text string) bool {
	return strings.Contains(text, "gonb-err-location") && strings.Contains(text, `data-mime-type="application/vnd.jupyter.stderr"`)
}

// boxLine begins each line of gonb's report, and boxPlace what it says of its place.
const boxLine = `<div style="white-space: pre-wrap;">`

var (
	boxPlace = regexp.MustCompile(`(?s)^\s*<span class="gonb-err-hover-area">(?:<span class="gonb-cell-line-info">([^<]*)</span> )?<span class="gonb-err-location">([^<]*)</span></span>(.*?)<div class="gonb-err-context">(.*)$`)
	boxCode  = regexp.MustCompile(`(?s)<div class="gonb-err-line">(.*?)\n?</div>`)
	boxEnd   = regexp.MustCompile(`(?s)</div>.*$`)
)

// boxed reads the errors that gonb writes as HTML.
func (b *Book) boxed(text string, cell int) (list []problem) {
	parts := strings.Split(text, boxLine)
	for _, part := range parts[1:] {
		m := boxPlace.FindStringSubmatch(part)
		if m == nil {
			line := strings.TrimRight(strings.TrimPrefix(boxEnd.ReplaceAllString(part, ""), " "), " \n")
			if line != "" && !ofPackage.MatchString(strings.TrimSpace(line)) {
				list = b.add(list, html.UnescapeString(line), cell)
			}
			continue
		}
		at, column := cellLine.FindStringSubmatch(m[1]), 0
		if place := programPlace.FindStringSubmatch(m[2]); place != nil {
			column, _ = strconv.Atoi(place[3])
		}
		if at == nil {
			list = append(list, b.atEnd(cell, m[3]))
			continue
		}
		program := ""
		if code := boxCode.FindStringSubmatch(m[4]); code != nil {
			program = html.UnescapeString(code[1])
		}
		list = append(list, b.placed(at[1], at[2], m[3], program, column))
	}
	return list
}
