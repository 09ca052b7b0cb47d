package workspace

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Progress says how far a build is.
type Progress struct {
	Doing    string // "building gonb v0.11.5"
	Fetched  int    // modules that were downloaded so far
	Compiled int    // packages that were compiled so far: what the build cache has does not count
	Elapsed  time.Duration
}

// String returns it as one line.
func (p Progress) String() string {
	line := p.Doing + ": "
	if p.Fetched > 0 {
		line += count(p.Fetched, "module") + " fetched, "
	}
	if p.Compiled > 0 {
		line += count(p.Compiled, "package") + " compiled, "
	}
	return line + p.Elapsed.Round(time.Second).String()
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// every is the time between two reports of progress.
const every = time.Second

// runGo runs "go build", say, and reports its progress; an error carries the last lines of what it said. Its temporary
// files are in a private directory: if this process is killed, they and the compilers go too.
func (w *Workspace) runGo(ctx context.Context, doing, dir string, env []string, args ...string) error {
	own, err := scratch.New()
	if err != nil {
		return err
	}
	defer own.Close()
	args = append([]string{args[0], "-v"}, args[1:]...) // names packages as they are compiled
	cmd := exec.CommandContext(ctx, w.Go, args...)
	cmd.Dir, cmd.Env = dir, own.Env(env)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it remove its temporary files
	cmd.WaitDelay = 2 * time.Second
	said := &goWriter{progress: Progress{Doing: doing}}
	cmd.Stdout, cmd.Stderr = said, said
	began := time.Now()
	if err := own.Start(cmd); err != nil {
		return err
	}
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p := said.so()
				p.Elapsed = time.Since(began)
				w.progress(p)
			}
		}
	})
	err = cmd.Wait()
	close(done)
	reporting.Wait()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("go %s: %w: %s", args[0], err, tail(said.text(), 12))
}

// goWriter keeps what the go command says, and counts what it has done.
type goWriter struct {
	mu       sync.Mutex
	line     []byte // the last one, without an end yet
	said     bytes.Buffer
	progress Progress
}

// maxSaid bounds what is kept of the go command's words, for the text of an error.
const maxSaid = 1 << 20

// Write implements io.Writer.
func (g *goWriter) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.line = append(g.line, b...)
	for {
		i := bytes.IndexByte(g.line, '\n')
		if i < 0 {
			break
		}
		g.take(string(g.line[:i]))
		g.line = g.line[i+1:]
	}
	return len(b), nil
}

func (g *goWriter) take(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		g.progress.Fetched++
	case isImportPath(line):
		g.progress.Compiled++
	case g.said.Len() < maxSaid:
		g.said.WriteString(line + "\n")
	}
}

// isImportPath reports whether a line is the name of a package, as -v prints it.
func isImportPath(line string) bool {
	return line != "" && !strings.ContainsAny(line, " \t:#()\"")
}

// so returns how far it is.
func (g *goWriter) so() Progress {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.progress
}

func (g *goWriter) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.said.String() + string(g.line)
}

// tail returns the last n lines of s that say something.
func tail(s string, n int) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
