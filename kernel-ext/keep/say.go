package keep

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// patience is how long a function may take before a line says that it is at work.
var patience = 2 * time.Second

// out is where lines go: they are no errors.
var out = struct {
	sync.Mutex
	w    io.Writer // nil is stdout
	over bool      // lines are written over
}{over: overwrites()}

// writer returns where lines go; out is locked.
func writer() io.Writer {
	if out.w != nil {
		return out.w
	}
	return os.Stdout
}

// overwrites reports whether a line on stdout can be written over: on a terminal and in a notebook.
func overwrites() bool {
	if os.Getenv("GONB_PIPE") != "" {
		return true
	}
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// say writes a line.
func say(format string, args ...any) {
	out.Lock()
	defer out.Unlock()
	fmt.Fprintf(writer(), strings.ReplaceAll(format, "\n", " ")+"\n", args...)
}

// making are the names of values that functions of this program are making.
var making = struct {
	sync.Mutex
	names map[string]int
}{names: map[string]int{}}

// running tells that a function is at work.
type running struct {
	name  string
	began time.Time
	stop  chan struct{}
	done  chan struct{}
	width int // of what is on the line
	once  sync.Once
}

// announce tells of a function that takes long: in a line that is written over every second, or, where that is not possible, once.
func announce(name string) *running {
	making.Lock()
	making.names[name]++
	making.Unlock()
	r := &running{name: name, began: time.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	go r.tell()
	return r
}

func (r *running) tell() {
	defer close(r.done)
	wait := time.NewTimer(patience)
	defer wait.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-wait.C:
		}
		out.Lock()
		text := fmt.Sprintf("keep: making %q, %v", r.name, round(time.Since(r.began)))
		if !out.over {
			fmt.Fprintf(writer(), "keep: making %q\n", r.name)
			r.width = 1
			out.Unlock()
			return
		}
		r.width = max(r.width, len(text))
		fmt.Fprint(writer(), "\r"+text)
		out.Unlock()
		wait.Reset(time.Second)
	}
}

// end says how it ended, if it was said that it is at work. Only the first call does something.
func (r *running) end(text string) { r.once.Do(func() { r.ended(text) }) }

func (r *running) ended(text string) {
	close(r.stop)
	<-r.done
	making.Lock()
	if making.names[r.name]--; making.names[r.name] == 0 {
		delete(making.names, r.name)
	}
	making.Unlock()
	if r.width == 0 {
		return
	}
	out.Lock()
	defer out.Unlock()
	switch {
	case out.over && text != "":
		fmt.Fprintf(writer(), "\r%-*s\n", r.width, text)
	case out.over:
		fmt.Fprintf(writer(), "\r%-*s\r", r.width, "")
	case text != "":
		fmt.Fprintln(writer(), text)
	}
}

// round writes times for people.
func round(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
