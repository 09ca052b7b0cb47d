package failure

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// report follows one cell.
type report struct {
	book *Book
	cell int

	said   sayings   // on stderr
	tests  tail      // of stdout, in which package testing tells what failed
	boxes  []problem // from gonb's errors as HTML
	status string    // gonb's own last line on stderr, held back
}

// gonbStatus matches the message in which gonb says how a program ended.
var gonbStatus = regexp.MustCompile(`^(\^C\n)?(exit status \d+|signal: [a-z /]+( \(core dumped\))?)\n$`)

// Output takes what gonb publishes.
func (r *report) Output(kind string, content json.RawMessage) (instead []relay.Output, changed bool) {
	switch kind {
	case jupyter.StreamOutput:
		var s jupyter.Stream
		if json.Unmarshal(content, &s) != nil {
			return nil, false
		}
		return r.stream(s)
	case jupyter.DisplayData, jupyter.ExecuteResult:
		var d jupyter.Display
		if json.Unmarshal(content, &d) != nil {
			return nil, false
		}
		if html, ok := d.Data["text/html"].(string); ok && isBox(html) {
			r.boxes = append(r.boxes, r.book.boxed(html, r.cell)...)
			return nil, true
		}
	}
	return nil, false
}

func (r *report) stream(s jupyter.Stream) (instead []relay.Output, changed bool) {
	if s.Name != "stderr" {
		r.tests.write(s.Text)
		return nil, false
	}
	before := r.status // of a shell command: it was not the end
	r.status = ""
	if gonbStatus.MatchString(s.Text) {
		r.status = s.Text
		return stderr(before), true
	}
	shown := r.said.take(s.Text)
	if before == "" && shown == s.Text {
		return nil, false
	}
	return stderr(before + shown), true
}

// stderr returns text as an output.
func stderr(text string) []relay.Output {
	if text == "" {
		return nil
	}
	return []relay.Output{{Kind: jupyter.StreamOutput, Content: jupyter.Stream{Name: "stderr", Text: text}}}
}

// End says what failed.
func (r *report) End(failure *jupyter.Failure) []relay.Output {
	if failure == nil {
		return stderr(r.said.release() + r.status)
	}
	if !ofGonb(failure) {
		if r.told(failure) {
			return nil
		}
		if interruptedStatus.MatchString(r.status) { // which the error says
			r.status = ""
		}
		return stderr(r.said.release() + r.status)
	}
	list, used := r.problems(failure)
	out := stderr(r.said.rest(used))
	*failure = written(list)
	if panel, ok := newPanel(&list[0]); ok {
		out = append(out, panel.output())
	}
	return out
}

// told adds to the error of a cell that was interrupted where its program was, if that said so.
func (r *report) told(f *jupyter.Failure) bool {
	c, ok := readCrash(r.said.all())
	if !ok || c.word != quit || f.EName != keyboardInterrupt {
		return false
	}
	r.said.rest(true)
	p := r.book.interrupted(c)
	p.kind, p.sentence, p.remedy = f.EName, f.EValue, ""
	*f = written([]problem{p})
	return true
}

// keyboardInterrupt is what front ends call the error of a cell that was interrupted.
const keyboardInterrupt = "KeyboardInterrupt"

// ofGonb reports whether an error is as gonb writes it: one of ours reads well as it is.
func ofGonb(f *jupyter.Failure) bool { return f.EName == "ERROR" }

// problems finds out what was wrong, and whether it stood in what was held back of stderr.
func (r *report) problems(f *jupyter.Failure) (list []problem, used bool) {
	status := ansi.ReplaceAllString(strings.TrimSpace(f.EValue), "")
	if !exitStatus.MatchString(status) {
		return r.compiled(f), false
	}
	if c, ok := readCrash(r.said.all()); ok {
		return []problem{r.book.crashed(c, r.cell)}, true
	}
	return []problem{r.ended(status)}, false
}

// interruptedStatus matches what is said of a program that was interrupted.
var interruptedStatus = regexp.MustCompile(`^(?:\^C)?\s*(?:signal: interrupt)?\s*$`)

// exitStatus matches how a program ended.
var exitStatus = regexp.MustCompile(`^(exit status \d+|signal: [a-z /]+( \(core dumped\))?)$`)

// ansi matches the escape sequences with which texts are coloured.
var ansi = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")

// tail keeps the end of a text.
type tail struct{ text string }

const longTail = 64 << 10

func (t *tail) write(s string) {
	t.text += s
	if len(t.text) > 2*longTail { // each byte is moved once
		t.text = t.text[len(t.text)-longTail:]
	}
}

// lines returns the lines that say something.
func (t *tail) lines() []string { return plainLines(t.text) }

// plainLines returns the lines of s that are not empty, without colours.
func plainLines(s string) []string {
	var list []string
	for line := range strings.Lines(ansi.ReplaceAllString(s, "")) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			list = append(list, line)
		}
	}
	return list
}
