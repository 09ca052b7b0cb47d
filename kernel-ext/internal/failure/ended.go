package failure

import (
	"fmt"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

var (
	failedTest = regexp.MustCompile(`^\s*--- FAIL: (\S+)`)
	logged     = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(\.\d+)? `)
	lineOfCell = regexp.MustCompile(`^\s*(In\[\d+\]:\d+): (.*)$`)
)

// ended is the problem of a program that ended with a status or by a signal, without a panic.
func (r *report) ended(status string) problem {
	switch {
	case strings.HasPrefix(r.status, "^C"), status == "signal: interrupt":
		return problem{kind: Interrupted, sentence: "interrupted", remedy: afterInterrupt}
	case strings.HasPrefix(status, "signal: killed"):
		return killed(r.cell)
	case strings.HasPrefix(status, "signal: "):
		return problem{kind: Killed, at: spot{r.cell, 0}, sentence: "the program ended by a " + status}
	}
	if p, ok := r.test(); ok {
		return p
	}
	p := problem{kind: Exit, sentence: "the program ended with " + status}
	call := "os.Exit"
	said := r.said.shown.lines()
	if len(said) > 0 {
		last := said[len(said)-1]
		if logged.MatchString(last) && status == "exit status 1" {
			call = "log.Fatal"
		}
		last = logged.ReplaceAllString(last, "")
		p.sentence = last + " (" + status + ")"
		if r.book.graphError(&p, last) {
			p.code, _ = r.book.line(p.at.cell, p.at.line)
			p.pointAtOp()
			return p
		}
	}
	if !r.stood(&p, call) {
		r.point(&p, call)
	}
	if said := remedyOfWords(p.sentence); said != "" {
		p.remedy = said
	}
	return p
}

// afterInterrupt is the remedy of who interrupts.
const afterInterrupt = "what it had shown and saved by then is there; package train ends a training that is interrupted after its step"

// stood places a problem where the program said that it ends, or where a helper was called that ends it. It reports whether the program
// said so.
func (r *report) stood(p *problem, call string) bool {
	var c crash
	c.dump(strings.Split(ansi.ReplaceAllString(string(r.said.stack), ""), "\n"))
	_, frames := r.book.stackOfInterest(c)
	if len(frames) == 0 {
		return false
	}
	r.book.blame(p, frames, call)
	if _, name, _ := strings.Cut(call, "."); p.kind == Exit && strings.Contains(p.code, "."+name) {
		p.remedy = call + " ends the program at once: deferred calls do not run"
	}
	return true
}

// point looks for the only call of a function in the cell, which ended it.
func (r *report) point(p *problem, call string) {
	line, ok := onlyCall(r.book.lines(r.cell), call)
	if !ok {
		r.pointAtHelper(p, call)
		return
	}
	p.at = spot{r.cell, line}
	p.code, _ = r.book.line(r.cell, line)
	p.column = strings.Index(p.code, call) + 1
	if p.kind == Exit {
		p.remedy = call + " ends the program at once: deferred calls do not run"
	}
}

// pointAtHelper looks for the only call of a function of cells that may have ended the program, such as check(err). If there
// are several of them, which it was is not known, and the place is the cell.
func (r *report) pointAtHelper(p *problem, call string) {
	p.at = spot{r.cell, 0}
	lines := r.book.lines(r.cell)
	at, name := 0, ""
	for _, helper := range r.book.enders(r.cell, call) {
		calls := linesOf(lines, func(_ [2]string, word string) bool { return word == helper })
		switch {
		case len(calls) == 0:
		case len(calls) > 1 || at > 0:
			return
		default:
			at, name = calls[0], helper
		}
	}
	if at == 0 {
		return
	}
	p.at.line = at
	p.code, _ = r.book.line(r.cell, at)
	p.column = strings.Index(p.code, name) + 1
}

// functionBegins matches the line in which a function begins that is declared at the left edge, as gofmt has it.
var functionBegins = regexp.MustCompile(`^func (\w+)[\[(]`)

// enders returns the functions of earlier cells that call what ends a program.
func (b *Book) enders(cell int, call string) (names []string) {
	pkg, method, _ := strings.Cut(call, ".")
	ends := regexp.MustCompile(`\b` + pkg + `\.` + method)
	for _, n := range b.before(cell) {
		name := ""
		for _, line := range b.lines(n) {
			if m := functionBegins.FindStringSubmatch(line); m != nil {
				name = m[1]
			}
			if name != "" && ends.MatchString(line) && !slices.Contains(names, name) {
				names = append(names, name)
			}
			if strings.HasPrefix(line, "}") {
				name = ""
			}
		}
	}
	return names
}

// onlyCall returns the line of the only place in which a cell's code has a name of a package, in any of its forms: log.Fatal
// is log.Fatalf too.
func onlyCall(lines []string, call string) (line int, ok bool) {
	pkg, name, _ := strings.Cut(call, ".")
	found := linesOf(lines, func(before [2]string, word string) bool {
		return strings.HasPrefix(word, name) && before == [2]string{pkg, "."}
	})
	if len(found) != 1 {
		return 0, false
	}
	return found[0], true
}

// linesOf returns the lines of a cell's code in which there is a name that is meant, by what stands before it.
func linesOf(lines []string, meant func(before [2]string, word string) bool) (found []int) {
	commands := cells.Commands(lines)
	var code []string
	for i, l := range lines {
		if commands[i] {
			l = ""
		}
		code = append(code, l)
	}
	src := []byte(strings.Join(code, "\n"))
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, func(token.Position, string) {}, 0)
	var last [2]string
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return found
		}
		if tok == token.IDENT && meant(last, lit) {
			found = append(found, set.Position(pos).Line)
		}
		if tok != token.IDENT {
			lit = tok.String()
		}
		last = [2]string{last[1], lit}
	}
}

// killed is the problem of a program that was ended by signal 9.
func killed(cell int) problem {
	return problem{
		kind: Killed, at: spot{cell, 0},
		sentence: "the program was killed (signal 9)",
		remedy:   "if nobody killed it, the system did, since memory ran out: use smaller batches or fewer values at once, and close what other programs hold (dmesg tells)",
	}
}

// test is the problem of a test that failed.
func (r *report) test() (p problem, ok bool) {
	var names, said []string
	for _, line := range r.tests.lines() {
		if m := failedTest.FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
		} else if lineOfCell.MatchString(line) {
			said = append(said, line)
		}
	}
	if len(names) == 0 {
		return p, false
	}
	p = problem{kind: TestFailed, sentence: names[0] + " failed", at: spot{r.cell, 0}}
	if len(names) > 1 {
		p.sentence = fmt.Sprintf("%s and %d more failed", names[0], len(names)-1)
	}
	if len(said) > 0 {
		m := lineOfCell.FindStringSubmatch(said[0])
		_, _ = fmt.Sscanf(m[1], "In[%d]:%d", &p.at.cell, &p.at.line)
		p.sentence += ": " + m[2]
		p.code, _ = r.book.line(p.at.cell, p.at.line)
	}
	return p, true
}
