package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quire-ml/quire/ml/train"
)

// kind says what a line of the log tells.
type kind string

const (
	started     kind = "start"   // the first line: Text is the id of the job
	running     kind = "running" // the program has come to the function
	isSet       kind = "set"     // viz.Run.Set
	isEvent     kind = "event"   // of training
	output      kind = "out"     // a piece of stdout
	errorOutput kind = "err"     // a piece of stderr
	kept        kind = "kept"    // Text is the name of a value of package keep
	result      kind = "result"  // the function has returned; Text is its error
	ended       kind = "end"     // the last line
)

// entry is a line of the log.
type entry struct {
	Time  time.Time `json:"t"`
	Kind  kind      `json:"kind"`
	Text  string    `json:"text,omitempty"`
	Run   string    `json:"run,omitempty"` // of set and event: the name of the training run
	Name  string    `json:"name,omitempty"`
	Event *event    `json:"event,omitempty"`
	End   *ending   `json:"end,omitempty"`
}

// event is a train.Event as the log has it.
type event struct {
	Kind        string         `json:"kind"`
	Elapsed     time.Duration  `json:"elapsed,omitempty"`
	GlobalStep  int64          `json:"globalStep,omitempty"`
	Step        int            `json:"step,omitempty"`
	Steps       int            `json:"steps,omitempty"`
	Epoch       int            `json:"epoch,omitempty"`
	Epochs      int            `json:"epochs,omitempty"`
	Dataset     string         `json:"dataset,omitempty"`
	Metrics     []train.Metric `json:"metrics,omitempty"`
	Path        string         `json:"path,omitempty"`
	Best        bool           `json:"best,omitempty"`
	Err         string         `json:"err,omitempty"`
	Interrupted bool           `json:"interrupted,omitempty"`
}

// kinds are the kinds of events by name.
var kinds = func() map[string]train.EventKind {
	all := map[string]train.EventKind{}
	for k := train.Start; k <= train.Warning; k++ {
		all[k.String()] = k
	}
	return all
}()

// write returns an event as the log has it, nil for one of a kind that is not known.
func write(e train.Event) *event {
	if e.Kind < train.Start || e.Kind > train.Warning {
		return nil
	}
	out := &event{Kind: e.Kind.String(), Elapsed: e.Elapsed, GlobalStep: e.GlobalStep, Step: e.Step, Steps: e.Steps, Epoch: e.Epoch, Epochs: e.Epochs,
		Dataset: e.Dataset, Metrics: e.Metrics, Path: e.Path, Best: e.Best, Interrupted: e.Interrupted}
	if e.Err != nil {
		out.Err = e.Err.Error()
	}
	return out
}

// read returns the event at a time; false for one of a kind that is not known.
func (e *event) read(at time.Time) (train.Event, bool) {
	k, ok := kinds[e.Kind]
	out := train.Event{Kind: k, Time: at, Elapsed: e.Elapsed, GlobalStep: e.GlobalStep, Step: e.Step, Steps: e.Steps, Epoch: e.Epoch, Epochs: e.Epochs,
		Dataset: e.Dataset, Metrics: e.Metrics, Path: e.Path, Best: e.Best, Interrupted: e.Interrupted}
	if e.Err != "" {
		out.Err = errors.New(e.Err)
	}
	return out, ok
}

// ending says how a job ended.
type ending struct {
	Early   bool   `json:"early,omitempty"`   // before it came to its function
	Error   string `json:"error,omitempty"`   // that the function returned
	Stopped string `json:"stopped,omitempty"` // who stopped it
	Exit    int    `json:"exit,omitempty"`
	Signal  string `json:"signal,omitempty"`
	Words   string `json:"words,omitempty"` // the last ones
	Lost    bool   `json:"lost,omitempty"`  // nobody saw it end
}

// state says in a word how a job ended.
func (e *ending) state() State {
	switch {
	case e.Stopped != "":
		return Stopped
	case *e == ending{Words: e.Words}:
		return Done
	}
	return Failed
}

// sentence says how a job ended; "" if it ended as it should.
func (e *ending) sentence(name string) string {
	var s string
	switch {
	case e.state() == Done:
		return ""
	case e.Lost:
		s = "it was killed together with the process that watched it, or the machine stopped"
	case e.Stopped != "":
		s = "stopped: " + e.Stopped
		if e.Signal == "killed" {
			s += "; it did not end by itself within " + grace.String()
		}
		return s
	case e.Error != "":
		return e.Error
	case e.Signal != "":
		s = "it was ended by a signal: " + e.Signal
		if e.Signal == "killed" {
			s += ", as the system does when memory runs out"
		}
	case e.Early:
		s = fmt.Sprintf("its program ended before it came to jobs.Start(%q)", name)
		if e.Exit != 0 {
			s += fmt.Sprintf(", with exit status %d", e.Exit)
		} else {
			s += ": what stands before that must do in the job what it did in the cell"
		}
	default:
		s = fmt.Sprintf("it ended with exit status %d", e.Exit)
	}
	if e.Words != "" {
		s += ": " + e.Words
	}
	return s
}

// maxLine bounds a line of the log: longer ones are none of ours.
const maxLine = 4 << 20

// parser reads a log as it grows. Lines that are none are passed over.
type parser struct {
	rest []byte // of a line that is not complete
	skip bool   // a line that is too long
}

// feed takes what has been appended and returns the entries that are complete.
func (p *parser) feed(text []byte) (entries []entry) {
	for {
		line, rest, complete := bytes.Cut(text, []byte{'\n'})
		if !complete {
			if len(p.rest)+len(text) > maxLine {
				p.rest, p.skip = nil, true
			}
			if !p.skip {
				p.rest = append(p.rest, text...)
			}
			return entries
		}
		line = append(p.rest, line...)
		skipped := p.skip
		p.rest, p.skip, text = nil, false, rest
		var e entry
		if !skipped && json.Unmarshal(line, &e) == nil && e.valid() {
			entries = append(entries, e)
		}
	}
}

func (e *entry) valid() bool {
	switch e.Kind {
	case isEvent:
		return e.Event != nil
	case ended:
		return e.End != nil
	case started, running, isSet, output, errorOutput, kept, result:
		return true
	}
	return false
}

// line returns an entry as the log has it.
func (e entry) line() []byte {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.Round(0).UTC()
	b, err := json.Marshal(e)
	if err != nil { // there is nothing in it that cannot be written
		panic("jobs: " + err.Error())
	}
	return append(b, '\n')
}

// keepWords is how much of stderr is looked at for the last words.
const keepWords = 16 << 10

// lastWords returns what the end of stderr says of why a program ended: what it panics with and where, or its last lines.
// places are those of the lines of a cell's program.
func lastWords(stderr string, places []string) string {
	lines := strings.Split(strings.TrimRight(stderr, "\n"), "\n")
	if i := dump(lines); i < len(lines) {
		words := strings.TrimSuffix(lines[i], " [recovered]")
		if at := firstPlace(lines[i+1:], places); at != "" {
			words += " (" + at + ")"
		}
		return words
	}
	last := lines[max(0, len(lines)-3):]
	return strings.TrimSpace(strings.Join(last, " / "))
}

// dump returns the line with which the last account begins that Go gives of a program's end, the number of lines if there is none.
func dump(lines []string) int {
	for i := len(lines) - 1; i >= 0; i-- {
		what, _, ok := strings.Cut(lines[i], ": ")
		if ok && (what == "panic" || what == "fatal error" || strings.HasPrefix(what, "SIG")) {
			return i
		}
	}
	return len(lines)
}

// lastLine returns the last line of a text that says something; that of a program that failed ends before Go's account of it.
func lastLine(text string, failed bool) string {
	lines := strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return r == '\n' || r == '\r' })
	if failed {
		lines = lines[:dump(lines)]
	}
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// firstPlace returns the place of the first call in a trace that is the user's: a line of a cell, or of package main.
func firstPlace(trace, places []string) string {
	for i, line := range trace {
		if !strings.HasPrefix(line, "main.") || i+1 == len(trace) {
			continue
		}
		at := strings.TrimSpace(trace[i+1])
		at, _, _ = strings.Cut(at, " ")
		at = at[strings.LastIndexAny(at, `/\`)+1:]
		file, number, _ := strings.Cut(at, ":")
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil {
			continue
		}
		if n >= 1 && n <= len(places) && places[n-1] != "" {
			return places[n-1]
		}
		return fmt.Sprintf("%s line %d", file, n) // with a colon before the number GoNB takes it for a line of the present cell
	}
	return ""
}
