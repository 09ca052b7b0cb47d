//go:build linux || darwin

package session_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/modelcodec"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// beCell is a cell of a notebook: its number, and what it does, a word each:
//
//	new=NAME    declares a store     in=NAME   has one from an earlier cell
//	train=N     trains it, and prints the losses     host   sets a variable from the host
//	clone=NAME  declares a clone     save=NAME saves it now, and not at the end
//	load=FILE   has one from a file      file=FILE  writes it to a file
//	die         is killed            wait      waits to be killed
//	time        prints how long it took to have the store, to do a step and to save it
func beCell(words []string) error {
	number, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	carry.Begin(number)
	began := time.Now()
	var net *model.Store
	var b ir.Backend
	for _, word := range words[1:] {
		what, arg, _ := strings.Cut(word, "=")
		switch what {
		case "new":
			net = model.NewStore()
			carry.Out(arg, &net)
		case "in":
			net, err = bring(arg)
		case "train":
			n, _ := strconv.Atoi(arg)
			if b == nil {
				if b, err = backends.New(); err != nil {
					return err
				}
			}
			err = trainHere(b, net, n)
		case "host":
			err = net.GetVariable("/out/biases").SetValue(tensors.FromScalarAndDimensions(float32(7), 10))
		case "clone":
			var other *model.Store
			if other, err = net.Clone(); err == nil {
				carry.Out(arg, &other)
			}
		case "save":
			carry.Out(arg, &net)
		case "load":
			err = carry.LoadFile(arg, &net)
		case "file":
			err = encodeTo(arg, net)
		case "die":
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "wait":
			fmt.Println("ready")
			select {}
		case "time":
			now := time.Now()
			fmt.Println(now.Sub(began).Seconds())
			began = now
		}
		if err != nil {
			return err
		}
	}
	carry.End()
	return nil
}

// encodeTo writes a store with its values to a file, as variables are that lend nothing.
func encodeTo(path string, net *model.Store) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(carry.Encode(f, &net), f.Close())
}

// bring has a store from an earlier cell.
func bring(name string) (net *model.Store, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(*carry.Error)
		}
	}()
	carry.In(name, &net)
	return net, nil
}

// width is of the hidden layers of the network that cells train.
func width() int {
	n, err := strconv.Atoi(os.Getenv("QUIRE_TEST_WIDTH"))
	if err != nil {
		return 64
	}
	return n
}

// trainHere trains a store some steps and prints the losses.
func trainHere(b ir.Backend, net *model.Store, n int) error {
	x, y := tensors.FromScalarAndDimensions(float32(0), 64, 128), tensors.FromScalarAndDimensions(int32(0), 64, 1)
	for i := range tensors.Flat[float32](x) {
		tensors.Flat[float32](x)[i] = float32(i%251)/125 - 1
	}
	for i := range tensors.Flat[int32](y) {
		tensors.Flat[int32](y)[i] = int32(i % 10)
	}
	ds, err := data.InMemory("cells", x, y)
	if err != nil {
		return err
	}
	ds.BatchSize(64, true).Infinite(true)
	w := width()
	mlp := func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, w))
		x = graph.Relu(layers.Dense(scope.In("hidden2"), x, true, w))
		return layers.Dense(scope.In("out"), x, true, 10)
	}
	for range n { // with a trainer each: its loss is a mean of its steps
		trainer := train.NewTrainer(b, net, mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
		m, err := train.NewLoop(trainer).RunSteps(ds, 1)
		if err != nil {
			return err
		}
		fmt.Println(m.Value("loss"))
	}
	return nil
}

// notebook is cells with variables of their own.
type notebook struct {
	t     testing.TB
	dir   string // of its variables
	owner *os.File
	env   []string
}

// newNotebook begins a notebook, which lives until its owner's lock is given back.
func newNotebook(t testing.TB) *notebook {
	t.Helper()
	n := &notebook{t: t, dir: filepath.Join(t.TempDir(), "carry")}
	owner := filepath.Join(filepath.Dir(n.dir), "owner")
	require.NoError(t, os.Mkdir(n.dir, 0o700))
	require.NoError(t, os.Mkdir(owner, 0o700))
	n.owner = locked(t, owner)
	t.Cleanup(func() { n.owner.Close() })
	n.env = []string{carry.DirEnv + "=" + n.dir, wire.EnvOwner + "=" + owner, "QUIRE_BACKEND=session:go"}
	return n
}

func (n *notebook) command(words string) *exec.Cmd {
	cmd := client("cell " + words)
	cmd.Env = append(cmd.Env, n.env...)
	return cmd
}

// run runs a cell, and returns what it printed.
func (n *notebook) run(words string) []string {
	n.t.Helper()
	out, err := n.command(words).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() && strings.Contains(words, "die") {
		err = nil
	}
	require.NoError(n.t, err, "%s", out)
	return strings.Fields(string(out))
}

// fails runs a cell that cannot go on, and returns why.
func (n *notebook) fails(words string) string {
	n.t.Helper()
	out, err := n.command(words).CombinedOutput()
	require.Error(n.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// inOneProgram is what a cell prints that does all, with the engine in its own process.
func inOneProgram(t testing.TB, words string) []string {
	n := newNotebook(t)
	n.env = append(n.env, "QUIRE_BACKEND=go")
	return n.run("1 new=net " + words)
}

// holds waits until the worker holds n bytes under names, and nothing else.
func holds(t testing.TB, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("the worker holds %d bytes", n), func() bool {
		w := worker(t)
		return len(w.Clients) == 0 && w.HeldBytes == int64(n)
	})
}

// A store that trains through a session is the same one as in one program, and its values do not leave the worker.
func TestAStoreStaysInTheWorker(t *testing.T) {
	ground(t)
	want := inOneProgram(t, "train=9")
	n := newNotebook(t)
	got := n.run("1 new=net train=3")
	held := worker(t).HeldBytes
	require.Positive(t, held)
	holds(t, int(held)) // what has no name died with the cell
	info, err := os.Stat(filepath.Join(n.dir, "net"))
	require.NoError(t, err)
	require.Less(t, info.Size(), held/4, "the file has names, not values")
	got = append(got, n.run("2 in=net train=3")...)
	holds(t, int(held)) // what the values were before went with the file
	got = append(got, n.run("3 in=net train=3")...)
	require.Equal(t, want, got)
	require.Len(t, got, 9)

	before, err := os.Stat(filepath.Join(n.dir, "net"))
	require.NoError(t, err)
	n.run("4 in=net")
	after, err := os.Stat(filepath.Join(n.dir, "net"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "a cell that changes nothing saves nothing")
	require.NoError(t, os.Remove(filepath.Join(n.dir, "net")))
	holds(t, 0)
}

func TestAStoreThatAnotherCellChanged(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	first := n.run("1 new=net train=1")
	second := n.run("2 in=net train=1")
	assert.NotEqual(t, first, second)
	again := n.run("2 in=net train=1") // run again it goes on from what there is, as in Python
	assert.NotEqual(t, second, again)
	assert.Equal(t, first, n.run("1 new=net train=1"), "declared anew it begins anew")
	assert.Equal(t, second, n.run("2 in=net train=1"))
}

func TestAStoreOfTheHostAndTheWorker(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	n.run("1 new=net train=1 host")
	want := n.run("2 in=net train=2")
	assert.Equal(t, inOneProgram(t, "train=1 host train=2")[1:], want)
}

// Two variables that share values do not end each other's.
func TestStoresThatShareValues(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	n.run("1 new=net train=1 clone=other save=net")
	held := worker(t).HeldBytes
	want := n.run("2 in=net train=2") // its values are others now
	holds(t, int(2*held))
	require.NoError(t, os.Remove(filepath.Join(n.dir, "net")))
	holds(t, int(held))
	assert.Equal(t, want, n.run("3 in=other train=2"))
}

// A cell that is killed leaves what it saved, and nothing of what it had besides.
func TestACellThatIsKilledLeavesWhatItSaved(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	n.run("1 new=net train=1")
	held := worker(t).HeldBytes
	n.run("2 in=net train=1 die")
	holds(t, int(held))
	n.run("3 in=net train=1 save=net train=5 die")
	holds(t, int(held))
	assert.Equal(t, inOneProgram(t, "train=3")[2:], n.run("4 in=net train=1"))
}

func TestAWorkerThatDiesWithAStore(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	n.run("1 new=net train=1")
	n.run("2 in=net train=1")
	require.NoError(t, syscall.Kill(worker(t).PID, syscall.SIGKILL))
	why := n.fails("3 in=net train=1")
	assert.Contains(t, why, "net could not be brought from the cell that made it: its values lay in the worker of session:go and are not there any more")
	assert.Contains(t, why, "it was lost with the worker that held it, which has ended")
	assert.True(t, strings.HasSuffix(why, ": run cell 2 again"), why)
	assert.NotContains(t, why, "\n")
	n.run("1 new=net train=1")
	assert.Len(t, n.run("2 in=net train=1"), 1)
}

// A worker that dies below a cell leaves the sentence that says so in the variable's place.
func TestAWorkerThatDiesWhileACellHasTheStore(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	n.run("1 new=net train=1")
	cmd := n.command("2 in=net train=1 wait")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for text := ""; !strings.Contains(text, "ready"); {
		buf := make([]byte, 100)
		k, err := out.Read(buf)
		require.NoError(t, err)
		text += string(buf[:k])
	}
	require.NoError(t, syscall.Kill(worker(t).PID, syscall.SIGKILL))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Contains(t, n.fails("3 in=net"), "run cell 1 again")
}

// A file that was copied, and of which the original is gone, names nothing any more.
func TestAStaleName(t *testing.T) {
	ground(t)
	n := newNotebook(t)
	n.run("1 new=net train=1")
	path := filepath.Join(n.dir, "net")
	saved, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	holds(t, 0)
	require.NoError(t, os.WriteFile(path, saved, 0o600))
	assert.Contains(t, n.fails("2 in=net"), "it was dropped, or the notebook that it belonged to has ended: run cell 1 again")
}

func TestTwoNotebooksWithAStoreEach(t *testing.T) {
	ground(t)
	first, second := newNotebook(t), newNotebook(t)
	a := first.run("1 new=net train=1")
	second.run("1 new=net train=4")
	held := worker(t).HeldBytes
	b := first.run("2 in=net train=1")
	second.run("2 in=net train=1")
	holds(t, int(held))
	assert.Equal(t, inOneProgram(t, "train=2"), append(a, b...), "what the other notebook does is nothing to this one")
	first.owner.Close()
	holds(t, int(held/2))
	assert.Contains(t, first.fails("3 in=net"), "the notebook that it belonged to has ended")
	second.run("3 in=net train=1")
	second.owner.Close()
	eventually(t, "the worker ends with the last notebook", func() bool {
		list, err := session.Workers()
		require.NoError(t, err)
		return len(list) == 0
	})
}

// BenchmarkCarriedStore carries a store of 100 MB through a cell on session:go, by the worker and by a file in memory, in turns, and tells
// how long it took to have it, to do the first step with it, and to save it.
func BenchmarkCarriedStore(b *testing.B) {
	ground(b)
	b.Setenv("QUIRE_TEST_WIDTH", "2860")
	n := newNotebook(b)
	file, err := os.CreateTemp("/dev/shm", "quire-test-")
	if err != nil {
		b.Skip("no files in memory: ", err)
	}
	defer os.Remove(file.Name())
	file.Close()
	n.run("1 new=net train=1 file=" + file.Name())
	b.Logf("%.0f MB", float64(worker(b).HeldBytes)/1e6)
	ways := []struct{ name, cell string }{
		{"worker", "2 in=net time train=1 time save=net time"},
		{"file", fmt.Sprintf("2 load=%[1]s time train=1 time file=%[1]s time", file.Name())},
	}
	sums := map[string]float64{}
	turns := 0
	for b.Loop() {
		turns++
		for _, way := range ways {
			out := n.run(way.cell)
			for what, k := range map[string]int{"have": 0, "step": 2, "save": 3} {
				s, err := strconv.ParseFloat(out[k], 64)
				require.NoError(b, err)
				sums[way.name+"-"+what] += 1e3 * s
			}
		}
	}
	for what, ms := range sums {
		b.ReportMetric(ms/float64(turns), what+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}
