package failure

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// crash is what Go wrote when it ended a program.
type crash struct {
	word    string   // "panic", "fatal error", or quit
	message []string // its lines
	again   []string // panics that came before this one, while which it came
	stacks  []goroutine
}

// quit is the word of a program that was asked where it is, as one is that is interrupted.
const quit = "SIGQUIT"

// goroutine is the stack of one.
type goroutine struct {
	number int
	state  string // "running", "chan send"
	frames []frame
	made   *frame // where it was started
}

// frame is a call.
type frame struct {
	function string
	at       spot
	file     string // if it is in no cell
}

var (
	goroutineLine = regexp.MustCompile(`^goroutine (\d+) .*\[([^\]]*)\]:$`)
	createdBy     = regexp.MustCompile(`^created by (.*?)( in goroutine \d+)?$`)
	inCell        = regexp.MustCompile(`\bIn\[(\d+)\]:(\d+)`)
	gonbCell      = regexp.MustCompile(`\[\[ Cell \[(\d+)\] Line (\d+) \]\]`)
	inFileLine    = regexp.MustCompile(`^\t(\S+:\d+)`)
	arguments     = regexp.MustCompile(`\([^()]*(\([^()]*\)[^()]*)*\)$`)
	messageLine   = regexp.MustCompile(`^\t?(panic|fatal error|SIGQUIT): (.*?)( \[recovered(, repanicked)?\])?$`)
)

// readCrash reads the last dump in what a program said.
func readCrash(said string) (c crash, ok bool) {
	lines := strings.Split(ansi.ReplaceAllString(said, ""), "\n")
	begin := -1
	for i, line := range lines {
		if messageLine.MatchString(line) && !strings.HasPrefix(line, "\t") {
			begin = i
		}
	}
	if begin < 0 {
		return c, false
	}
	i := begin
	for ; i < len(lines) && !stack.MatchString(lines[i]); i++ {
		c.said(lines[i])
	}
	if i == len(lines) { // words that look like a panic's
		return crash{}, false
	}
	c.dump(lines[i:])
	return c, true
}

// said takes a line before the first stack.
func (c *crash) said(line string) {
	if m := messageLine.FindStringSubmatch(line); m != nil {
		if len(c.message) > 0 {
			c.again = append(c.again, c.message[0])
		}
		c.word, c.message = m[1], []string{strings.TrimPrefix(m[2], "runtime: ")} // which it says of some, now and then
		return
	}
	if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "[signal ") && !strings.HasPrefix(line, "runtime: ") {
		c.message = append(c.message, line)
	}
}

// dump takes the lines of the stacks.
func (c *crash) dump(lines []string) {
	var g *goroutine
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if m := goroutineLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			c.stacks = append(c.stacks, goroutine{number: n, state: m[2]})
			g = &c.stacks[len(c.stacks)-1]
			continue
		}
		if g == nil || line == "" {
			continue
		}
		if i+1 >= len(lines) || !strings.HasPrefix(lines[i+1], "\t") {
			continue
		}
		if m := createdBy.FindStringSubmatch(line); m != nil {
			made := newFrame(m[1], lines[i+1])
			g.made = &made
		} else {
			g.frames = append(g.frames, newFrame(arguments.ReplaceAllString(line, ""), lines[i+1]))
		}
		i++
	}
}

func newFrame(function, place string) frame {
	f := frame{function: strings.TrimPrefix(function, "main.")}
	m := inCell.FindStringSubmatch(place)
	if m == nil {
		m = gonbCell.FindStringSubmatch(place)
	}
	if m != nil {
		f.at.cell, _ = strconv.Atoi(m[1])
		f.at.line, _ = strconv.Atoi(m[2])
	} else if m := inFileLine.FindStringSubmatch(place); m != nil {
		f.file = m[1]
	}
	return f
}

// own reports whether a frame is in the user's own code: in a cell, or in a module that is neither Go's, Quire's, nor one
// that was fetched.
func (b *Book) own(f frame) bool {
	if f.at != (spot{}) {
		return true
	}
	first, _, slash := strings.Cut(f.function, "/")
	ofGo := !slash && !strings.Contains(f.file, "/main.go") || slash && !strings.Contains(first, ".")
	ofQuire := b.opts.Module != "" && strings.HasPrefix(f.function, b.opts.Module+"/")
	return !ofGo && !ofQuire && !strings.Contains(f.file, "@v")
}

// inserted reports whether a frame is of a function that no cell has: what is put into cells has names that end so.
func inserted(f frame) bool {
	return strings.Contains(f.function, "ʹ") || strings.Contains(f.function, "%ca%b9")
}

// stackOfInterest returns the stack that tells why: the first that runs and has a frame of the user's, or the first that
// has one.
func (b *Book) stackOfInterest(c crash) (g goroutine, frames []frame) {
	for _, s := range c.stacks {
		var own []frame
		for _, f := range s.frames {
			if b.own(f) && !inserted(f) {
				own = append(own, f)
			}
		}
		if len(own) > 0 && (frames == nil || strings.HasPrefix(s.state, "running") && !strings.HasPrefix(g.state, "running")) {
			g, frames = s, own
		}
	}
	return g, frames
}

// crashed makes a problem of a crash.
func (b *Book) crashed(c crash, cell int) problem {
	p := problem{kind: Panic, sentence: c.word + ": " + c.message[0], notes: c.message[1:]}
	if c.word == "fatal error" {
		p.kind = FatalError
	}
	g, frames := b.stackOfInterest(c)
	if c.word == quit {
		return b.interrupted(c)
	}
	if len(frames) > 0 && strings.HasPrefix(p.sentence, "panic: runtime error: ") {
		p.at, p.file = frames[0].at, frames[0].file
		p.frames = callers(frames)
	} else if len(frames) > 0 {
		b.blame(&p, frames, "")
	}
	for _, before := range c.again {
		p.notes = append(p.notes, "before that: panic: "+before)
	}
	if b.graphError(&p, c.message[0]) && len(frames) > 0 && frames[0].at != p.at {
		p.notes = append(p.notes, "it became a panic in "+frames[0].at.String())
	}
	p.code, _ = b.line(p.at.cell, p.at.line)
	if p.kind == GraphError {
		p.pointAtOp()
	}
	p.remedy = remedyOfCrash(c, g, &p)
	if g.number > 1 && g.made != nil && g.made.at != (spot{}) && p.kind != FatalError {
		p.remedy = join(p.remedy, fmt.Sprintf("a panic in a goroutine, which %s started, ends the whole cell: recover it there, or send the error back through a channel", g.made.at))
	}
	return p
}

// mostFrames bounds how many calls are shown.
const mostFrames = 8

// callers returns the calls that led to the first, each with its place.
func callers(frames []frame) (list []string) {
	for i := 1; i < len(frames); {
		n := 1
		for i+n < len(frames) && frames[i+n] == frames[i] {
			n++
		}
		where := frames[i].file
		if frames[i].at != (spot{}) {
			where = frames[i].at.String()
		}
		line := where + "  " + frames[i].function
		if n > 1 {
			line += fmt.Sprintf("  (%d times)", n)
		}
		if len(list) == mostFrames {
			return append(list, "…")
		}
		list = append(list, line)
		i += n
	}
	return list
}

// join puts two sentences behind one another.
func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
