package failure

import (
	"regexp"
	"strings"
)

// blame places a problem where the first frame is, or where the helper was called that it is in: check(err) is to be read as what is
// checked. call is what ended the program there, "" for a panic.
func (b *Book) blame(p *problem, frames []frame, call string) {
	word := call
	for len(frames) > 1 && b.helps(frames[0]) {
		word, frames = called(frames[0]), frames[1:]
	}
	p.at, p.file = frames[0].at, frames[0].file
	p.code, _ = b.line(p.at.cell, p.at.line)
	if i := strings.Index(p.code, word); word != "" && i >= 0 {
		p.column = i + 1
	}
	p.frames = callers(frames)
}

// interrupted is the problem of a program that was interrupted, and said where it was.
func (b *Book) interrupted(c crash) problem {
	p := problem{kind: Interrupted, sentence: "interrupted", remedy: afterInterrupt}
	for _, g := range c.stacks { // what main does is what the cell does
		if g.number != 1 {
			continue
		}
		c.stacks = []goroutine{g}
		if _, frames := b.stackOfInterest(c); len(frames) > 0 {
			b.blame(&p, frames, "")
		}
	}
	return p
}

var (
	// header matches where a function begins, with its name, if it has one, and its parameters.
	header = regexp.MustCompile(`\bfunc\b(?: \([^()]*\))? ?(\w*)(?:\[[^\]]*\])?\(([^()]*)\)`)
	// takesError matches a parameter that is an error.
	takesError = regexp.MustCompile(`(\w+) error\b`)
	// literalName matches the name of a function that has none.
	literalName = regexp.MustCompile(`^func\d+$`)
)

// helps reports whether a frame is in a function of a cell that does something about an error that it is given, such as check(err) or
// must(f()): that is where the error arrives, not where it comes from.
func (b *Book) helps(f frame) bool {
	lines := b.lines(f.at.cell)
	if f.at.line < 1 || f.at.line > len(lines) {
		return false
	}
	name := called(f)
	if literalName.MatchString(name) {
		name = ""
	}
	for i := f.at.line - 1; i >= 0; i-- {
		for _, m := range header.FindAllStringSubmatch(lines[i], -1) {
			if m[1] != name {
				continue
			}
			given := takesError.FindStringSubmatch(m[2])
			body := strings.Replace(strings.Join(lines[i:f.at.line], "\n"), m[0], "", 1) // until the frame's line
			return given != nil && regexp.MustCompile(`\b`+given[1]+`\b`).MatchString(body)
		}
	}
	return false
}

// called returns the name by which the function of a frame is called.
func called(f frame) string {
	name, _, _ := strings.Cut(f.function, "[")
	return name[strings.LastIndexByte(name, '.')+1:]
}
