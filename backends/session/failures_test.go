//go:build linux || darwin

package session_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/backends/session/internal/serve"
	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// eventually fails unless something becomes true within a minute.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "after a minute not yet: %s", what)
	}
}

// worker returns the one worker that there is.
func worker(t testing.TB) session.Worker {
	t.Helper()
	list, err := session.Workers()
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

// compiled compiles what fn makes of one input.
func compiled(t testing.TB, b ir.Backend, s shapes.Shape, fn func(x *graph.Node) *graph.Node) ir.Executable {
	t.Helper()
	g := graph.NewGraph(b, "failing")
	var p *ir.Program
	require.NoError(t, graph.Catch(func() {
		var err error
		p, err = graph.NewProgram(g, fn(graph.Parameter(g, "x", s)))
		require.NoError(t, err)
	}))
	_, exe, err := ir.Compile(context.Background(), b, p)
	require.NoError(t, err)
	return exe
}

func put(t testing.TB, b ir.Backend, x *tensors.Tensor) ir.Buffer {
	t.Helper()
	buf, err := b.Put(x)
	require.NoError(t, err)
	return buf
}

func read(t testing.TB, x ir.Buffer) *tensors.Tensor {
	t.Helper()
	y, err := x.ToHost()
	require.NoError(t, err)
	return y
}

// doubled checks that the engine computes 2·x, for a small and a large x.
func doubled(t testing.TB, b ir.Backend) {
	t.Helper()
	for _, n := range []int{3, 1 << 16} {
		exe := compiled(t, b, shapes.Make(dtypes.Float32, n), func(x *graph.Node) *graph.Node { return graph.Add(x, x) })
		x := tensors.FromScalarAndDimensions(float32(21), n)
		out, err := exe.Run(context.Background(), []ir.Buffer{put(t, b, x)}, nil)
		require.NoError(t, err)
		assert.Equal(t, float32(42), tensors.Flat[float32](read(t, out[0]))[n-1])
	}
}

// endless is a loop that nobody sees the end of.
func endless(x *graph.Node) *graph.Node {
	g := x.Graph()
	like := func(body func(y *graph.Node) *graph.Node) *graph.Function {
		return graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{body(graph.Parameter(g, "", x.Shape()))}
		})
	}
	return graph.While(
		like(func(y *graph.Node) *graph.Node {
			return graph.GreaterThan(graph.ReduceAllSum(y), graph.ScalarZero(g, y.DType()))
		}),
		like(func(y *graph.Node) *graph.Node { return graph.Add(graph.Cos(y), graph.ScalarOne(g, y.DType())) }), x)[0]
}

// sentence fails unless err is one.
func sentence(t testing.TB, err error) {
	t.Helper()
	assert.NotContains(t, err.Error(), "\n")
	assert.Less(t, len(err.Error()), 400)
}

func TestAWorkerThatDiesInTheMiddleOfARun(t *testing.T) {
	ground(t)
	b := open(t, "go")
	ones := tensors.FromScalarAndDimensions(float32(1), 1000)
	exe := compiled(t, b, ones.Shape(), endless)
	in := put(t, b, ones)
	name, err := session.Hold(in)
	require.NoError(t, err)
	failed := make(chan error)
	go func() {
		_, err := exe.Run(context.Background(), []ir.Buffer{in}, nil)
		failed <- err
	}()
	eventually(t, "the program runs", func() bool {
		w := worker(t)
		return len(w.Clients) == 0 && anyRunning(t) // the test's own process is left out
	})
	old := worker(t).PID
	require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
	err = <-failed
	require.Error(t, err)
	assert.True(t, session.IsLost(err))
	assert.ErrorContains(t, err, `session:go: running the program "failing": the worker`)
	sentence(t, err)

	_, err = in.ToHost()
	assert.True(t, session.IsLost(err), "%v", err)
	assert.ErrorContains(t, err, "the buffer float32[1000] is lost")
	sentence(t, err)
	doubled(t, b)
	assert.NotEqual(t, old, worker(t).PID)
	_, err = exe.Run(context.Background(), []ir.Buffer{in}, nil)
	assert.True(t, session.IsLost(err), "%v", err)
	_, err = session.Held(b, name)
	assert.True(t, session.IsStale(err), "%v", err)
	assert.ErrorContains(t, err, "lost with the worker that held it")
	sentence(t, err)
	assert.NoError(t, session.Drop(b, name))

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = exe.Run(ctx, []ir.Buffer{put(t, b, ones)}, nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded, "the program is compiled again by the new worker")
}

// anyRunning reports whether a request is being worked on, this process's included.
func anyRunning(t testing.TB) bool {
	dir, err := wire.Dir()
	require.NoError(t, err)
	l := dial(t, dir, wire.Hello{Version: wire.Current(), Device: wire.AnyDevice})
	defer l.End()
	s := statusOf(t, l)
	return slices.ContainsFunc(s.Clients, func(c wire.ClientStatus) bool { return c.Running > 0 })
}

func TestAWorkerThatDiesAfterARunReturned(t *testing.T) {
	ground(t)
	b := open(t, "go")
	ones := tensors.FromScalarAndDimensions(float32(1), 5)
	exe := compiled(t, b, ones.Shape(), graph.Neg)
	in := put(t, b, ones)
	pid := worker(t).PID
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP)) // so that the run is begun and not done
	out, err := exe.Run(context.Background(), []ir.Buffer{in}, nil)
	require.NoError(t, err, "a run that cannot fail returns at once")
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	_, err = out[0].ToHost()
	assert.True(t, session.IsLost(err), "%v", err)
	sentence(t, err)
	doubled(t, b)
}

func TestNoMemoryInTheWorker(t *testing.T) {
	ground(t)
	b := open(t, "go")
	large := put(t, b, tensors.FromScalarAndDimensions(float32(1), 100, 3000))
	exe := compiled(t, b, shapes.Make(dtypes.Float32, 1), func(x *graph.Node) *graph.Node {
		return graph.Neg(graph.BroadcastToDims(x, 1<<20, 1<<20))
	})
	pid := worker(t).PID
	_, err := exe.Run(context.Background(), []ir.Buffer{put(t, b, tensors.FromScalarAndDimensions(float32(1), 1))}, nil)
	require.Error(t, err)
	assert.ErrorContains(t, err, "no memory for 4 TiB")
	assert.ErrorContains(t, err, "the largest are float32[100 3000]")
	sentence(t, err)
	doubled(t, b)
	assert.Equal(t, pid, worker(t).PID, "the worker lives on")
	read(t, large)
}

func TestAWorkerOfAnotherVersion(t *testing.T) {
	dir := ground(t)
	old := wire.Version{Protocol: wire.Protocol, Fingerprint: "another", Release: "v0.1.0"}
	for _, c := range []struct {
		name    string
		version wire.Version
		want    string
	}{
		{"other ops", old, "it is of another version of Quire (v0.1.0"},
		{"another protocol", wire.Version{Protocol: 99, Release: "v9.0.0"}, "it speaks version 99 of the protocol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := serveHere(t, dir, serve.Options{Version: c.version, Idle: time.Hour})
			user := dial(t, dir, wire.Hello{Version: c.version, Device: "go"})
			_, err := backends.New("session:go")
			require.Error(t, err)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "it is in use (programs: 1, values that notebooks hold: 0)")
			assert.ErrorContains(t, err, "quire session stop -f go")
			assert.NotContains(t, err.Error(), "\n")
			user.End()
			eventually(t, "the old worker made room", func() bool {
				b, err := backends.New("session:go")
				if err != nil {
					return false
				}
				doubled(t, b)
				return assert.NoError(t, b.Close())
			})
			require.NoError(t, <-ended)
			assert.NotEqual(t, os.Getpid(), worker(t).PID)
			stopAll(t)
		})
	}
}

// serveHere serves in this process, and returns what Run will return.
func serveHere(t testing.TB, dir string, o serve.Options) <-chan error {
	t.Helper()
	ready, ended := make(chan struct{}), make(chan error, 1)
	o.Device, o.Dir, o.Ready = "go", dir, func() { close(ready) }
	o.Open = func(device string) (ir.Backend, error) { return backends.New(device) }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- serve.Run(ctx, o)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	<-ready
	return ended
}

// dial says hello to the worker for the engine go.
func dial(t testing.TB, dir string, hello wire.Hello) *wire.Link {
	t.Helper()
	c, err := wire.Dial(wire.SocketPath(dir, "go"))
	require.NoError(t, err)
	require.NoError(t, c.Send(wire.KindHello, 0, wire.Marshal(&hello)))
	f, err := c.Receive()
	require.NoError(t, err)
	var w wire.Welcome
	require.NoError(t, wire.Unmarshal(f.Payload, &w))
	require.True(t, w.OK, w.Why)
	c.Greeted()
	return wire.NewLink(c)
}

func TestNotebooksShareAWorkerAndKeepTheirValues(t *testing.T) {
	ground(t)
	names := map[string]string{}
	locks := map[string]*os.File{}
	for _, owner := range []string{"first", "second"} {
		dir := filepath.Join(t.TempDir(), owner)
		require.NoError(t, os.Mkdir(dir, 0o700))
		locks[owner] = locked(t, dir)
		t.Setenv(wire.EnvOwner, dir)
		b, err := backends.New("session:go")
		require.NoError(t, err)
		x := put(t, b, tensors.FromScalar(float32(len(owner))))
		names[owner], err = session.Hold(x)
		require.NoError(t, err)
		require.NoError(t, b.Close()) // the cell ends, and with it what has no name
	}
	assert.Equal(t, 2, worker(t).Held)
	b, err := backends.New("session:go")
	require.NoError(t, err)
	for owner, name := range names { // as often as somebody asks
		x, err := session.Held(b, name)
		require.NoError(t, err)
		assert.Equal(t, float32(len(owner)), tensors.ToScalar[float32](read(t, x)))
	}
	locks["first"].Close()
	eventually(t, "the first notebook's value is forgotten", func() bool { return worker(t).Held == 1 })
	_, err = session.Held(b, names["first"])
	assert.True(t, session.IsStale(err), "%v", err)
	x, err := session.Held(b, names["second"])
	require.NoError(t, err)
	assert.Equal(t, float32(6), tensors.ToScalar[float32](read(t, x)))
	require.NoError(t, session.Drop(b, names["second"]))
	assert.Equal(t, float32(6), tensors.ToScalar[float32](read(t, x)), "a buffer outlives the name")
	_, err = session.Held(b, names["second"])
	assert.ErrorContains(t, err, "it was dropped")
	require.NoError(t, b.Close())
	locks["second"].Close()
	eventually(t, "the worker ends with the last notebook", func() bool {
		list, err := session.Workers()
		require.NoError(t, err)
		return len(list) == 0
	})
}

// locked takes the lock of a folder, as a kernel has that of its own.
func locked(t testing.TB, dir string) *os.File {
	t.Helper()
	f, err := os.Open(dir)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	return f
}

func TestTwoProgramsStartOneWorker(t *testing.T) {
	ground(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			out, err := client("double").CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
	group.Wait()
	worker(t)
}

// client is a process that uses the session.
func client(what string) *exec.Cmd {
	self, _ := os.Executable()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asClient+"="+what)
	return cmd
}

func TestAWorkerThatNobodyNeedsEnds(t *testing.T) {
	dir := ground(t)
	ended := serveHere(t, dir, serve.Options{Idle: time.Millisecond})
	assert.NoError(t, <-ended)
	_, err := os.Lstat(wire.SocketPath(dir, "go"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestAProgramThatIsKilledLeavesNothing(t *testing.T) {
	ground(t)
	cmd := client("wait")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	buf := make([]byte, 6)
	_, err = out.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "ready\n", string(buf))
	w := worker(t)
	require.Len(t, w.Clients, 1)
	assert.Equal(t, int64(4<<20), w.Clients[0].Bytes)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	eventually(t, "its values are gone", func() bool { return len(worker(t).Clients) == 0 })
	assert.Equal(t, w.PID, worker(t).PID, "the worker goes on")
}

func TestWhatIsWrongWithTheWorkersProgram(t *testing.T) {
	for _, c := range []struct{ name, program, device, want string }{
		{"none is named", "", "go", "QUIRE_SESSION_WORKER does not name its program"},
		{"it is not there", "/nowhere/worker", "go", "no such file"},
		{"it is another program", "/bin/true", "go", "has ended before it was ready"},
		{"the engine is unknown", "self", "abacus", `backend "abacus" is unknown`},
		{"the engine's options are wrong", "self", "go:workers=none", "workers=N"},
		{"a session of a session", "self", "session:go", "a session holds no session"},
		{"no engine", "self", "", "it lacks the engine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ground(t)
			if c.program != "self" {
				t.Setenv(wire.EnvWorker, c.program)
			}
			_, err := backends.New("session:" + c.device)
			require.Error(t, err)
			assert.ErrorContains(t, err, c.want)
			sentence(t, err)
		})
	}
}

func TestAWorkerThatDoesNotAnswerIsStopped(t *testing.T) {
	ground(t)
	b := open(t, "go")
	doubled(t, b)
	pid := worker(t).PID
	_, err := session.Stop("go", false)
	assert.ErrorContains(t, err, "the worker is in use: other programs: 1")
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	there, err := session.Stop("go", true)
	require.NoError(t, err)
	assert.True(t, there)
	doubled(t, b)
	assert.NotEqual(t, pid, worker(t).PID)
	require.NoError(t, b.Close())
	eventually(t, "it is not in use", func() bool { // the worker learns that b is closed a moment later, and of one's own process it tells no clients
		there, err = session.Stop("go", false)
		return err == nil
	})
	assert.True(t, there)
	there, err = session.Stop("go", false)
	assert.NoError(t, err)
	assert.False(t, there)
}

func TestThousandConnections(t *testing.T) {
	dir := ground(t)
	b := open(t, "go")
	var links []*wire.Link
	for range 1000 {
		links = append(links, dial(t, dir, wire.Hello{Version: wire.Current(), Device: "go"}))
	}
	assert.Len(t, statusOf(t, links[999]).Clients, 1001)
	doubled(t, b)
	for _, l := range links {
		l.End()
	}
	last := dial(t, dir, wire.Hello{Version: wire.Current(), Device: "go"})
	defer last.End()
	eventually(t, "they are forgotten", func() bool { return len(statusOf(t, last).Clients) == 2 })
	doubled(t, b)
}

func TestClientsThatEndInTheMiddleOfAFrame(t *testing.T) {
	dir := ground(t)
	b := open(t, "go")
	hello := wire.Hello{Version: wire.Current(), Device: "go"}
	head := wire.Header{Kind: wire.KindPut, Body: 1 << 19}.Append(nil)
	announced := wire.Header{Kind: wire.KindPut, Body: 2, Descriptor: true}.Append(nil)
	for name, sent := range map[string][]byte{
		"a part of a header":                head[:5],
		"a header alone":                    head,
		"half of a body":                    append(slices.Clone(head), make([]byte, 1<<18)...),
		"a descriptor that does not come":   append(announced, 0, 0),
		"a frame that is too long":          wire.Header{Kind: wire.KindPut, Body: 1 << 30}.Append(nil),
		"a kind that there is not":          wire.Header{Kind: 200}.Append(nil),
		"an answer":                         wire.Header{Kind: wire.KindOK}.Append(nil),
		"a second hello":                    wire.Header{Kind: wire.KindHello}.Append(nil),
		"text of another protocol":          []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"a run of nothing":                  append(wire.Header{Kind: wire.KindRun, Body: 5}.Append(nil), 1, 0, 1, 0, 1),
		"a value in a segment that is none": append(wire.Header{Kind: wire.KindPut, Body: 7}.Append(nil), 1, 10, 0, 0, 1, 9, 4),
	} {
		t.Run(name, func(t *testing.T) {
			l := dial(t, dir, hello)
			require.NoError(t, l.Raw(sent))
			l.Conn.Close()
		})
	}
	last := dial(t, dir, hello)
	defer last.End()
	eventually(t, "they are forgotten", func() bool { return len(statusOf(t, last).Clients) == 2 })
	doubled(t, b)
}

func TestAnotherUserDoesNotReachTheSocket(t *testing.T) {
	if os.Getuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("needs the right to become another user")
	}
	dir := ground(t)
	open(t, "go")
	for _, path := range []string{dir, wire.SocketPath(dir, "go")} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s is open to others (%s)", path, info.Mode())
	}
	shell := exec.Command("/bin/ls", dir)
	shell.Dir = "/"
	shell.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := shell.CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(out), "Permission denied")
}

// A folder that others can reach, or that is another's, is not used.
func TestAFolderThatOthersReach(t *testing.T) {
	ground(t)
	dir := filepath.Join(t.TempDir(), "s")
	require.NoError(t, os.Mkdir(dir, 0o755))
	t.Setenv(wire.EnvDir, dir)
	_, err := backends.New("session:go")
	require.Error(t, err)
	assert.ErrorContains(t, err, "others can get into it")
	require.NoError(t, os.Chmod(dir, 0o700))
}

// What a killed worker leaves in the folder of sockets is swept, and nothing of one that lives.
func TestWhatAKilledWorkerLeftIsSwept(t *testing.T) {
	dir := ground(t)
	b := open(t, "go")
	doubled(t, b)
	names := func() (list []string) {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, f := range files {
			if filepath.Ext(f.Name()) != ".log" { // of which the next error tells
				list = append(list, f.Name())
			}
		}
		return list
	}
	living := names()
	session.Sweep()
	assert.Equal(t, living, names())
	doubled(t, b)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xla-00000000.start"), nil, 0o600)) // of one who was killed while it started a worker
	require.NoError(t, syscall.Kill(worker(t).PID, syscall.SIGKILL))
	eventually(t, "nothing is left", func() bool { session.Sweep(); return len(names()) == 0 })
	doubled(t, b)
}

// A worker whose notebook dies before it has said that it belongs to one ends all the same.
func TestAWorkerEndsWithTheNotebookThatStartedIt(t *testing.T) {
	dir := ground(t)
	owner := t.TempDir()
	require.NoError(t, os.Chmod(owner, 0o700)) // nobody holds its lock: its notebook is dead
	said, tell, err := os.Pipe()
	require.NoError(t, err)
	defer said.Close()
	cmd := exec.Command(os.Getenv(wire.EnvWorker), "-ready", "-device", "go", "-dir", dir, "-owner", owner)
	cmd.ExtraFiles = []*os.File{tell}
	require.NoError(t, cmd.Start())
	tell.Close()
	text, err := io.ReadAll(said)
	require.NoError(t, err)
	require.Equal(t, wire.ReadyText+"\n", string(text))
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		t.Fatal("it waits for somebody")
	}
}

// A program that starts a worker says whose it is.
func TestTheStarterNamesTheNotebook(t *testing.T) {
	ground(t)
	owner := t.TempDir()
	t.Setenv(wire.EnvOwner, owner)
	doubled(t, open(t, "go"))
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", worker(t).PID))
	if err != nil {
		t.Skip("this system does not show the command line of processes")
	}
	assert.Contains(t, string(line), "-owner\x00"+owner+"\x00")
}
