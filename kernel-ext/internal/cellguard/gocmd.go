package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/recipe"
	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// goCommand is the go command. Only what gonb compiles is looked at.
func goCommand(args []string) int {
	real := os.Getenv(cells.GuardGo)
	if real == "" {
		fmt.Fprintln(os.Stderr, "cellguard: "+cells.GuardGo+" does not name the go command")
		return 2
	}
	dir := cells.Dir(os.Getenv(cells.GuardDir))
	at := output(args)
	if dir == "" || at < 0 && (len(args) == 0 || args[0] != "get") {
		return become(real, args)
	}
	b := &build{real: real, args: args, dir: dir, source: filepath.Join(tempDir(), "main.go"), signals: make(chan os.Signal, 1)}
	if args[0] == "test" {
		b.source = filepath.Join(tempDir(), "main_test.go")
	}
	signal.Notify(b.signals, os.Interrupt) // before it is known that there is a guard
	leave, interrupted := dir.Enter()
	status := 1
	switch {
	case interrupted:
	case at >= 0:
		args[at] += cells.ProgramSuffix
		status = b.run()
	default:
		status = b.get()
	}
	leave(status == 0)
	return status
}

// tempDir is where gonb keeps a cell's program.
func tempDir() string { return os.Getenv("GONB_TMP_DIR") }

// output returns where in the arguments the name of a cell's program stands, -1 if this compiles no cell.
func output(args []string) int {
	if len(args) == 0 || args[0] != "build" && args[0] != "test" || tempDir() == "" {
		return -1
	}
	for i, arg := range args[:len(args)-1] {
		if next := args[i+1]; arg == "-o" && filepath.Dir(next) == filepath.Clean(tempDir()) && strings.HasPrefix(filepath.Base(next), "gonb_") {
			return i + 1
		}
	}
	return -1
}

// build compiles a cell.
type build struct {
	real    string
	args    []string
	dir     cells.Dir
	source  string
	signals chan os.Signal
	stopped atomic.Bool // by an interrupt
}

// mendings bounds how often a program is mended and compiled again.
const mendings = 8

func (b *build) run() int {
	text, err := os.ReadFile(b.source)
	program := string(text)
	book, cell := b.dir.Read(strings.TrimPrefix(filepath.Base(tempDir()), "gonb_"))
	all := book.Cells
	if cell != nil {
		all = append(all, *cell)
	}
	places := cells.Places(program, all)
	if err == nil {
		_ = os.WriteFile(b.dir.Lines(), []byte(strings.Join(places, "\n")), 0o600)
	}
	_ = trace(program) // without it a cell runs as well
	var said []byte
	for range mendings {
		var status int
		said, status = b.make()
		if status == 0 {
			b.dir.Compiled(program, cell)
			return b.stand(said)
		}
		mended, ok := cells.Mend(program, places, string(said))
		if b.stopped.Load() || !ok || os.WriteFile(b.source, []byte(mended), 0o600) != nil {
			return b.say(said, status)
		}
		program = mended
	}
	return b.say(said, 1)
}

// get fetches what a cell imports.
func (b *build) get() int {
	said, status := b.compile()
	os.Stdout.Write(said)
	return status
}

// make builds the program by a recipe, or else by the go command, and learns from that a recipe for the next time.
func (b *build) make() (said []byte, status int) {
	at := output(b.args)
	p := recipe.Program{Go: b.real, Dir: tempDir(), Target: b.args[at], Recipes: b.dir.Recipes(), Env: os.Environ(), Flags: cells.BuildFlags}
	known := os.Getenv(cells.StampsFile)
	if known == "" || b.args[0] != "build" || len(b.args) != at+1 {
		return b.compile()
	}
	r, ok := p.For()
	if !ok {
		return b.compile()
	}
	if r.Build(b.tool) {
		return nil, 0
	}
	if b.stopped.Load() {
		return nil, 1
	}
	packages, err := stamp.Read(known)
	if err != nil {
		return b.compile()
	}
	began := time.Now()
	said, status = b.start(tempDir(), os.Environ(), b.real, append([]string{"build", "-x"}, b.args[1:]...)...)
	if status == 0 {
		r.Learn(string(said), packages, began)
		return nil, 0
	}
	if b.stopped.Load() {
		return nil, status
	}
	return b.compile() // says what is wrong, and nothing else
}

// tool runs the compiler, or the linker.
func (b *build) tool(dir string, env []string, args ...string) bool {
	_, status := b.start(dir, env, args[0], args[1:]...)
	return status == 0
}

// compile runs the go command.
func (b *build) compile() (said []byte, status int) {
	return b.start("", os.Environ(), b.real, b.args...)
}

// roomy lets the go command, the compiler and the linker, which mostly end before they need 100 MB, collect less garbage: that is a
// third of what the go command does.
const roomy = "GOGC=400"

// start runs a program. An interrupt ends it at once: nothing is lost.
func (b *build) start(dir string, env []string, program string, args ...string) (said []byte, status int) {
	runtime.LockOSThread() // on Linux it ends with the thread that started it
	cmd := exec.Command(program, args...)
	if os.Getenv("GOGC") == "" {
		env = append(slices.Clone(env), roomy)
	}
	cmd.Dir, cmd.Env = dir, env
	ownGroup(cmd)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Start()
	if err == nil {
		over := make(chan struct{})
		go func() {
			select {
			case <-b.signals:
				b.stopped.Store(true)
				signalGroup(cmd.Process, os.Kill)
			case <-over:
			}
		}()
		err = cmd.Wait()
		close(over)
	}
	said = out.Bytes()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return said, 0
	case b.stopped.Load():
		return nil, 1
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return said, exit.ExitCode()
	}
	return append(said, err.Error()...), 1
}

// say passes on what the compiler said, as gonb can read it.
func (b *build) say(said []byte, status int) int {
	lines := strings.SplitAfter(string(said), "\n")
	for i, line := range lines {
		lines[i] = cells.Tame(line, true)
	}
	fmt.Print(strings.Join(lines, ""))
	return status
}

// stand puts the guard where gonb looks for the program.
func (b *build) stand(said []byte) int {
	name := strings.TrimSuffix(b.args[output(b.args)], cells.ProgramSuffix)
	self, err := os.Executable()
	if err == nil {
		if to, _ := os.Readlink(name); to != self {
			_ = os.Remove(name)
			err = os.Symlink(self, name)
		}
	}
	if err != nil {
		fmt.Println("cellguard:", err)
		return 1
	}
	return b.say(said, 0)
}
