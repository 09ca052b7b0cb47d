package runlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/ml/train"
)

// Options says what is written. The zero value writes every step in both forms.
type Options struct {
	Every         int  // the steps that are written are those whose number, counted over all runs, is a multiple of it; 1 if 0
	NoJSON        bool // leaves out events.jsonl
	NoTensorBoard bool // leaves out the event file
}

// Loop is what is listened to: a *train.Loop.
type Loop interface {
	Listen(fn func(train.Event)) (cancel func())
}

// flushing is how long what was written may wait in memory.
const flushing = time.Second

// Log writes down a run. It is safe for several goroutines.
type Log struct {
	options Options
	cancel  func()

	mu      sync.Mutex
	json    *file
	board   *file
	flushed time.Time
	err     error
	closed  bool
}

// file is one that is added to.
type file struct {
	*bufio.Writer
	f *os.File
}

func (f *file) close() error {
	if f == nil {
		return nil
	}
	return errors.Join(f.Flush(), f.f.Close())
}

// Attach lets a run be written down from now on, in a folder, which is made if it is not there. An error while writing does not end the run: Err and Close
// return the first one.
func Attach(loop Loop, dir string, o Options) (*Log, error) {
	switch {
	case loop == nil:
		return nil, errors.New("runlog.Attach: the loop is nil")
	case dir == "":
		return nil, errors.New("runlog.Attach: the name of the folder is empty")
	case o.Every < 0:
		return nil, fmt.Errorf("runlog.Attach: Every is %d, want 0 and more", o.Every)
	case o.NoJSON && o.NoTensorBoard:
		return nil, errors.New("runlog.Attach: both forms are left out: there is nothing to write")
	}
	if o.Every == 0 {
		o.Every = 1
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("runlog.Attach: %w", err)
	}
	l := &Log{options: o, flushed: time.Now()}
	open := func(name string, flags int) (*file, error) {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|flags, 0o644)
		if err != nil {
			return nil, fmt.Errorf("runlog.Attach: %w", err)
		}
		return &file{bufio.NewWriter(f), f}, nil
	}
	var err error
	if !o.NoJSON {
		if l.json, err = open("events.jsonl", os.O_APPEND); err != nil {
			return nil, err
		}
	}
	if !o.NoTensorBoard {
		host, _ := os.Hostname()
		host = strings.Map(func(r rune) rune {
			if r == '/' || r == '\\' || r == 0 {
				return '_'
			}
			return r
		}, host)
		begun := time.Now()
		for try := 0; ; try++ { // TensorBoard reads files in the order of their names
			if l.board, err = open(fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", begun.Unix(), host, os.Getpid(), try), os.O_EXCL); err == nil || !errors.Is(err, os.ErrExist) {
				break
			}
		}
		if err != nil {
			return nil, errors.Join(err, l.json.close())
		}
		l.board.Write(record(event(begun, 0, version())))
	}
	l.cancel = loop.Listen(l.write)
	return l, nil
}

// line is an event as JSON.
type line struct {
	Kind    string             `json:"kind"`
	Time    time.Time          `json:"time"`
	Step    int64              `json:"step"`
	Epoch   int                `json:"epoch,omitempty"`
	Dataset string             `json:"dataset,omitempty"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Others  map[string]string  `json:"not_finite,omitempty"` // metrics that JSON has no numbers for: NaN, +Inf, -Inf
	Path    string             `json:"path,omitempty"`
	Best    bool               `json:"best,omitempty"`
	Error   string             `json:"error,omitempty"`
}

func (l *Log) write(e train.Event) {
	if e.Kind == train.Step && e.GlobalStep%int64(l.options.Every) != 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.err != nil {
		return
	}
	if l.json != nil {
		out := line{Kind: e.Kind.String(), Time: e.Time, Step: e.GlobalStep, Epoch: e.Epoch, Dataset: e.Dataset, Path: e.Path, Best: e.Best}
		for _, m := range e.Metrics {
			if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
				if out.Others == nil {
					out.Others = map[string]string{}
				}
				out.Others[m.Name] = fmt.Sprint(m.Value)
				continue
			}
			if out.Metrics == nil {
				out.Metrics = map[string]float64{}
			}
			out.Metrics[m.Name] = m.Value
		}
		if e.Err != nil {
			out.Error = e.Err.Error()
		}
		text, err := json.Marshal(out)
		if err == nil {
			_, err = l.json.Write(append(text, '\n'))
		}
		l.note(err)
	}
	if l.board != nil && len(e.Metrics) > 0 && (e.Kind == train.Step || e.Kind == train.Eval) { // those of an epoch and of the end are its last step's
		group := "train"
		switch {
		case e.Kind == train.Eval && e.Dataset != "":
			group = e.Dataset
		case e.Kind == train.Eval:
			group = "eval"
		}
		var values []byte
		for _, m := range e.Metrics {
			values = append(values, scalar(group+"/"+m.Name, m.Value)...)
		}
		_, err := l.board.Write(record(event(e.Time, e.GlobalStep, summary(values))))
		l.note(err)
	}
	if e.Kind != train.Step || time.Since(l.flushed) > flushing {
		l.flush()
	}
}

func (l *Log) note(err error) {
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("runlog: %w", err)
	}
}

func (l *Log) flush() {
	l.flushed = time.Now()
	for _, f := range []*file{l.json, l.board} {
		if f != nil {
			l.note(f.Flush())
		}
	}
}

// Err returns the first error of writing.
func (l *Log) Err() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close ends the writing, and returns the first error there was. A second one does nothing.
func (l *Log) Close() error {
	if l == nil || l.cancel == nil {
		return nil
	}
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.note(errors.Join(l.json.close(), l.board.close()))
	}
	return l.err
}
