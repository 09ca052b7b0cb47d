//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/carry/place"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/internal/studio"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
	"github.com/quire-ml/quire/kernel-ext/jobs"
	"github.com/quire-ml/quire/kernel-ext/keep"

	"github.com/stretchr/testify/require"
)

// patient is how long something may take: the first cell may compile all of the framework, on a machine with other things to do.
const patient = 5 * time.Minute

// house is a front end with a kernel, whose places are all below one folder: that is how its processes are known too.
type house struct {
	t    *testing.T
	ctx  context.Context
	base string

	frontPID atomic.Int64
	front    *exec.Cmd // a shell that starts relays, as a notebook server does
	asks     io.WriteCloser
	answers  *bufio.Reader
	frontEnd chan struct{} // closed when it has ended

	relay  int // its process, 0 if none was started
	relays map[int]bool
	conn   jupyter.Connection
	client *kernel.Client

	mu      sync.Mutex
	heard   string // what the kernel has published since the last cell began
	printed string

	begun bool // the cell of this round had begun
}

// frontScript starts a relay for each line, and says which process it is.
const frontScript = `umask 0
export JPY_PARENT_PID=$$
while IFS= read -r line; do
  "$0" kernel start "$line" </dev/null >>"$1" 2>&1 &
  echo $!
done`

func newHouse(t *testing.T, ctx context.Context) *house {
	base, err := os.MkdirTemp("/tmp", "qc") // whose path is short
	require.NoError(t, err)
	h := &house{t: t, ctx: ctx, base: base, relays: map[int]bool{}, conn: jupyter.Private(filepath.Join(base, "s"), "key")}
	t.Cleanup(func() {
		h.killAll()
		os.RemoveAll(base)
	})
	require.NoError(t, os.Chmod(base, 0o755)) // what keeps others out is ours
	require.NoError(t, os.Mkdir(h.path("tmp"), 0o700))
	require.NoError(t, os.Chmod(h.path("tmp"), 0o777|os.ModeSticky))
	for name, value := range map[string]string{
		"QUIRE_TEST_CHAOS": base, "TMPDIR": h.path("tmp"), keep.DirEnv: h.path("keep"), jobs.DirEnv: h.path("jobs"), session.EnvDir: h.path("w"),
		"QUIRE_BACKEND": "session:go", "QUIRE_GOPLS": "off", "QUIRE_CARRY_QUOTA": "", "JPY_PARENT_PID": "", "QUIRE_LEASE": "",
	} {
		t.Setenv(name, value)
	}
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	require.NoError(t, h.conn.Write(h.connection()))
	return h
}

func (h *house) path(name string) string { return filepath.Join(h.base, name) }

func (h *house) connection() string {
	return h.path("kernel-0123abcd-0000-4000-8000-000000000002.json")
}

// frontLives reports whether there is a front end.
func (h *house) frontLives() bool {
	if h.front == nil {
		return false
	}
	select {
	case <-h.frontEnd:
		return false
	default:
		return true
	}
}

// connect starts what has died of front end and relay, and connects.
func (h *house) connect() error {
	if !h.frontLives() {
		h.relay = 0
		h.front = exec.Command("/bin/sh", "-c", frontScript, os.Args[0], h.path("relay.log"))
		h.front.Env = append(os.Environ(), "QUIRE_TEST_MAIN=1")
		var err error
		if h.asks, err = h.front.StdinPipe(); err != nil {
			return err
		}
		out, err := h.front.StdoutPipe()
		if err != nil {
			return err
		}
		h.answers, h.frontEnd = bufio.NewReader(out), make(chan struct{})
		if err := h.front.Start(); err != nil {
			return err
		}
		h.frontPID.Store(int64(h.front.Process.Pid))
		go func(front *exec.Cmd, end chan struct{}) { _, _ = front.Process.Wait(); close(end) }(h.front, h.frontEnd)
	}
	if h.relay != 0 && alive(h.relay) && h.client != nil {
		return nil
	}
	if h.client != nil {
		h.client.Close()
		h.client = nil
	}
	if h.relay == 0 || !alive(h.relay) {
		if _, err := fmt.Fprintln(h.asks, h.connection()); err != nil {
			return err
		}
		line, err := h.answers.ReadString('\n')
		if err != nil {
			return err
		}
		if h.relay, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
			return err
		}
		h.relays[h.relay] = true
	}
	ctx, cancel := context.WithTimeout(h.ctx, patient)
	defer cancel()
	gone := make(chan struct{})
	go func(relay int) {
		defer close(gone)
		for alive(relay) && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
	}(h.relay)
	var err error
	h.client, err = kernel.Connect(ctx, h.conn, gone, kernel.Handlers{IOPub: h.hear})
	return err
}

func (h *house) hear(m jupyter.Message) {
	var s jupyter.Stream
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.Header.Type == jupyter.StatusUpdate {
		return
	}
	h.heard += m.Header.Type + " " + string(m.Content) + "\n"
	if m.Header.Type == jupyter.StreamOutput && m.Decode(&s) == nil {
		h.printed += s.Text
	}
}

func (h *house) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.printed
}

// run runs a cell.
func (h *house) run(code string) (jupyter.Reply, error) {
	h.mu.Lock()
	h.heard, h.printed = "", ""
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(h.ctx, patient)
	defer cancel()
	return h.client.Run(ctx, jupyter.Execute{Code: code, StoreHistory: true})
}

// played is a cell that runs for a round.
type played struct {
	*house
	done  chan struct{} // closed when it is over
	reply jupyter.Reply
	err   error
}

// play starts what is not there and runs the cell of a round.
func (h *house) play(n int) *played {
	c := &played{house: h, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if c.err = h.connect(); c.err == nil {
			c.reply, c.err = h.run(strings.ReplaceAll(chaosCell, "ROUND", strconv.Itoa(n)))
		}
	}()
	return c
}

func (c *played) begun() bool { return strings.Contains(c.said(), "begun <nil> <nil> <nil> chaos\n") }

// begins waits until the cell, its job and its worker are there.
func (c *played) begins(within time.Duration) error {
	for end := time.Now().Add(within); !c.begun(); time.Sleep(2 * time.Millisecond) {
		select {
		case <-c.done:
			return fmt.Errorf("the cell ended: %+v, %v", c.reply, c.err)
		default:
		}
		if time.Now().After(end) {
			return errors.New("the cell does not begin")
		}
	}
	return nil
}

// over returns when the cell has ended: of the kills, or of one now.
func (c *played) over(p plan) error {
	end := time.Now().Add(patient)
	for {
		select {
		case <-c.done:
			return c.ended(p)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			return errors.New("the cell does not end")
		}
		for _, x := range c.processes() {
			if x.kind == "cell" && c.begun() {
				_ = syscall.Kill(x.pid, syscall.SIGKILL)
			}
		}
	}
}

// ended returns an error if the cell ended in another way than what was killed says.
func (c *played) ended(p plan) error {
	said := c.said()
	if strings.Contains(said, "broken") {
		return errors.New("the cell could not keep a value")
	}
	at := func(who string) bool { return slices.Contains(p.order, who) }
	if c.err != nil && !at("relay") && !at("front") {
		return fmt.Errorf("the relay was not killed: %w", c.err)
	}
	if c.err == nil && c.reply.Status == "ok" && !at("front") && !at("relay") {
		return fmt.Errorf("the cell was killed, and ended well: %+v", c.reply)
	}
	return nil
}

// kill kills those of a plan who are there at their moments.
func (h *house) kill(p plan, began time.Time) {
	moment := time.Duration(0)
	for i, who := range p.order {
		if p.ready {
			moment += p.wait[i]
		} else {
			moment = p.wait[i]
		}
		time.Sleep(time.Until(began.Add(moment)))
		second := map[string]string{"cell": "guard", "job": "watcher"}[who]
		for _, x := range h.processes() {
			first := x.kind == who && (second == "" || p.half[i] != 1)
			if first || x.kind == second && p.half[i] != 0 {
				_ = syscall.Kill(x.pid, syscall.SIGKILL)
			}
		}
	}
}

// until waits until there is no error any more, and returns the last one otherwise.
func until(is func() error) error {
	for end := time.Now().Add(patient); ; time.Sleep(10 * time.Millisecond) {
		if err := is(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// swept returns an error if something is left that nobody needs, after the sweep that each start makes.
func (h *house) swept() error {
	return until(func() error {
		if err := h.stopJob(); err != nil { // one that was being started is there a little later
			return err
		}
		h.sweep()
		if err := h.running(); err != nil {
			return err
		}
		return h.lying()
	})
}

// stopJob ends the job, if it lives.
func (h *house) stopJob() error {
	list, err := jobs.List()
	for _, j := range list {
		err = errors.Join(err, j.Stop())
	}
	return err
}

// sweep is what every start of a kernel does.
func (h *house) sweep() {
	studio.Sweep()
	place.Sweep("/dev/shm")
	place.Sweep(h.path("tmp"))
}

// running returns an error if a process lives that should not.
func (h *house) running() error {
	may := map[string]int{"worker": 1}
	if h.frontLives() {
		may["front"] = 1
		if alive(h.relay) {
			may["relay"], may["gonb"], may["watchdog"] = 1, 1, 2
		}
	} else {
		may["worker"] = 0 // its notebook has ended
	}
	list := h.processes()
	kernel := "" // by its mark
	for _, x := range list {
		if x.kind == "gonb" {
			kernel = x.mark
		}
	}
	for _, x := range list {
		if x.kind == "sleep" && kernel != "" && x.mark == kernel {
			continue // what a cell has left running goes on as long as its kernel
		}
		if may[x.kind]--; may[x.kind] < 0 {
			return fmt.Errorf("left running: %s: %d %.300q", x.kind, x.pid, x.line)
		}
	}
	return nil
}

// lying returns an error if a file lies where none should.
func (h *house) lying() error {
	may := 0
	if h.frontLives() && alive(h.relay) {
		may = 2 // the relay's and gonb's
	}
	var left []string
	if dirs, _ := filepath.Glob(h.path("tmp/quire-run-*")); len(dirs) > may {
		left = append(left, dirs...)
	}
	others, _ := filepath.Glob(h.path("tmp/*"))
	for _, path := range others {
		if name := filepath.Base(path); !strings.HasPrefix(name, "quire-run-") && (may == 0 || !strings.HasPrefix(name, "quire-carry-")) {
			left = append(left, path)
		}
	}
	carried, _ := filepath.Glob("/dev/shm/quire-carry-*")
	for _, dir := range carried {
		pid := holder(filepath.Join(dir, ".kernel"))
		if pid == 0 || h.relays[pid] && !(alive(pid) && pid == h.relay) {
			left = append(left, dir)
		}
	}
	jobFiles, _ := filepath.Glob(h.path("jobs/*"))
	for _, path := range jobFiles {
		if strings.Contains(filepath.Base(path), ".new-") {
			left = append(left, path)
		}
	}
	for _, name := range []string{"program", "tmp", "control"} {
		found, _ := filepath.Glob(h.path("jobs/*/" + name))
		left = append(left, found...)
	}
	workers := 0
	for _, x := range h.processes() {
		if x.kind == "worker" {
			workers++
		}
	}
	if sockets, _ := filepath.Glob(h.path("w/*.sock")); len(sockets) > workers {
		left = append(left, sockets...)
	}
	if len(left) > 0 {
		return fmt.Errorf("left lying: %q", left)
	}
	return nil
}

// holder returns who holds a lock, as the file says.
func holder(path string) (pid int) {
	text, _ := safefile.ReadOwn(path, 4096)
	fmt.Sscan(string(text), &pid)
	return pid
}

// undefined is what the relay, or the compiler, says of a variable that no cell has made.
var undefined = regexp.MustCompile("undefined: |is not defined")

// next returns an error unless the next cell works, in a new relay where that was killed, and variables are whole or said to be gone.
func (h *house) next(n int) error {
	was := h.relay
	lived := h.frontLives() && alive(was)
	if err := h.connect(); err != nil {
		return fmt.Errorf("the next relay: %w", err)
	}
	reply, err := h.run(chaosCheck)
	said := h.said()
	switch {
	case err != nil:
		return fmt.Errorf("the next cell: %w", err)
	case reply.Status == "error" && strings.Contains(reply.EValue, "gonb) ended"): // it came while gonb died
		return h.next(n)
	case reply.Status == "error":
		if lived && h.begun || !undefined.MatchString(reply.EValue) && !strings.Contains(reply.EValue, "did not flow") {
			return fmt.Errorf("variables of a cell are gone: %+v", reply)
		}
		reply, err = h.run("%%\nfmt.Println(\"works\")")
		// That gonb died, and another one is there, is said with the first cell that gets to it, which the one before did not.
		if said := h.said(); err == nil && (reply.Status != "ok" || !strings.HasSuffix("\n"+said, "\nworks\n") || said != "works\n" && !strings.Contains(said, "gonb) ended")) {
			err = fmt.Errorf("the next cell: %+v: %q", reply, said)
		}
		return err
	case !lived:
		return fmt.Errorf("a new relay knows variables of an old one: %q", said)
	}
	var last, again int
	if _, err := fmt.Sscanf(tail(said), "carried %d true [-1 -2 -%d]", &last, &again); err != nil || last != again && h.begun || h.begun && last != n {
		return fmt.Errorf("variables are not whole in round %d: %q: %v", n, said, err)
	}
	if text := tail(said); !strings.HasSuffix(text, fmt.Sprintf(" [1 2 %d] <nil> <nil>", again)) && !strings.HasSuffix(text, " gone") {
		return fmt.Errorf("what the worker held is neither there nor said to be gone: %q", said)
	}
	return h.store(n)
}

// store returns an error unless the store is whole, or it is said that the worker died with it.
func (h *house) store(n int) error {
	reply, err := h.run(storeCheck)
	if err != nil {
		return fmt.Errorf("the cell that names a store: %w", err)
	}
	var total int
	switch {
	case reply.Status == "error" && strings.Contains(reply.EValue, "net could not be brought") && strings.Contains(reply.EValue, "run cell "):
	case reply.Status == "error" && !h.begun && undefined.MatchString(reply.EValue):
	case reply.Status == "error":
		return fmt.Errorf("the store is neither there nor said to be gone: %+v", reply)
	default:
		if _, err := fmt.Sscanf(tail(h.said()), "total %d", &total); err != nil || h.begun && total != n {
			return fmt.Errorf("the store is not whole in round %d: %q: %v", n, h.said(), err)
		}
	}
	return nil
}

// tail returns the last line of a text.
func tail(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// end ends the front end, and returns an error if something is left then.
func (h *house) end() error {
	if h.client != nil {
		h.client.Close()
		h.client = nil
	}
	if h.frontLives() {
		_ = h.front.Process.Kill()
		<-h.frontEnd
	}
	if err := h.swept(); err != nil {
		return err
	}
	return h.keptFiles()
}

// keptFiles returns an error if killed programs have left more than values.
func (h *house) keptFiles() error {
	for i, name := range []string{"fixed", "cell", "job"} {
		if err := keep.Put(name, number(i)); err != nil {
			return err
		}
	}
	files, err := os.ReadDir(h.path("keep"))
	if err == nil && len(files) != 6 {
		err = fmt.Errorf("beside three values lies something: %v", files)
	}
	return err
}

// process is one of the house.
type process struct {
	pid  int
	kind string
	line string
	mark string // of what it ends with
}

// alive reports whether a process lives and is no zombie.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// processes returns the living processes of the house.
func (h *house) processes() (list []process) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range procs {
		env, err := os.ReadFile(path) // empty for a zombie
		if err != nil || !strings.Contains(string(env), "QUIRE_TEST_CHAOS="+h.base+"\x00") {
			continue
		}
		dir := filepath.Dir(path)
		pid, _ := strconv.Atoi(filepath.Base(dir))
		exe, _ := os.Readlink(filepath.Join(dir, "exe"))
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		_, mark, _ := strings.Cut("\x00"+string(env), "\x00"+scratch.Marker+"=")
		mark, _, _ = strings.Cut(mark, "\x00")
		list = append(list, process{pid, h.kind(pid, strings.TrimSuffix(exe, " (deleted)"), args, string(env)), strings.Join(args, " "), mark})
	}
	return list
}

// kind says what a process is.
func (h *house) kind(pid int, exe string, args []string, env string) string {
	name := filepath.Base(exe)
	switch {
	case pid == int(h.frontPID.Load()):
		return "front"
	case slices.Contains(args, "quire-watchdog"):
		return "watchdog"
	case len(args) > 2 && args[1] == "kernel" && args[2] == "start":
		return "relay"
	case name == "gonb":
		return "gonb"
	case strings.Contains(env, "QUIRE_JOB_ROLE=watch\x00"):
		return "watcher"
	case strings.Contains(env, "QUIRE_JOB_ROLE=work\x00"):
		return "job"
	case strings.HasSuffix(exe, cells.ProgramSuffix):
		return "cell"
	case slices.Contains(args, "-ready") && slices.Contains(args, "-device"):
		return "worker"
	case strings.HasPrefix(name, "cellguard") && filepath.Base(args[0]) != "go":
		return "guard"
	}
	return name
}

// killAll kills what a test that failed has left.
func (h *house) killAll() {
	if h.client != nil {
		h.client.Close()
		h.client = nil
	}
	for range 10 {
		for _, x := range h.processes() {
			_ = syscall.Kill(x.pid, syscall.SIGKILL)
		}
	}
	h.sweep()
}

// reset lets the next round begin without what a round that failed has left.
func (h *house) reset() {
	h.killAll()
	h.front, h.relay = nil, 0
	for _, pattern := range []string{"tmp/*", "jobs/*", "w/*", "s-*"} {
		paths, _ := filepath.Glob(h.path(pattern))
		for _, path := range paths {
			os.RemoveAll(path)
		}
	}
}

func (h *house) listing() string {
	var b strings.Builder
	for _, x := range h.processes() {
		fmt.Fprintf(&b, "\t%d %s: %.300q\n", x.pid, x.kind, x.line)
	}
	return b.String()
}

func (h *house) files() string {
	var b strings.Builder
	_ = filepath.WalkDir(h.base, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Count(path, "/") < 6 {
			fmt.Fprintf(&b, "\t%s\n", path)
		}
		return nil
	})
	return b.String()
}

// words returns what was heard last, and what relays said.
func (h *house) words() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	log, _ := os.ReadFile(h.path("relay.log"))
	return "heard:\n" + h.heard + "relays:\n" + string(log[max(0, len(log)-4000):])
}
