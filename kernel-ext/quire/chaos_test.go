//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/keep"

	"github.com/stretchr/testify/require"
)

var (
	chaosSeed = flag.Uint64("chaos.seed", uint64(time.Now().UnixNano()), "of the order and the moments in which TestChaos kills")
	chaosOnly = flag.Int("chaos.round", 0, "the only round that TestChaos plays, 0 for all")
)

// parties are who is killed: the relay, gonb, the program of a cell, that of a job, the worker of a session.
var parties = []string{"relay", "gonb", "cell", "job", "worker"}

// plan is a round: who is killed, in which order, and when.
type plan struct {
	order []string
	ready bool // only when all of them are there
	wait  []time.Duration
	half  []int // of a party with two processes: the one, the other, both
}

func (p plan) String() string {
	when := "once all are there"
	if !p.ready {
		when = "after the round's beginning"
	}
	return fmt.Sprintf("%s, killed %v %s", strings.Join(p.order, " "), p.wait, when)
}

// plans returns rounds: three of five are orders of all parties, each order once, with pauses or without; others kill some of the parties,
// of watchdogs and the front end, at moments from the start of the relay on.
func plans(seed uint64, rounds int) (list []plan) {
	random := rand.New(rand.NewPCG(seed, 0))
	all := orders(parties...)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range min(len(all), (3*rounds+4)/5) {
		pause := []time.Duration{0, 2 * time.Millisecond, 60 * time.Millisecond, 500 * time.Millisecond}[random.IntN(4)]
		list = append(list, planned(random, all[i], pause, true))
	}
	for len(list) < rounds {
		some := append([]string{"front", "watchdog"}, parties...)
		random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		list = append(list, planned(random, some[:1+random.IntN(len(some))], 2*time.Second, false))
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func planned(random *rand.Rand, order []string, span time.Duration, ready bool) plan {
	p := plan{order: slices.Clone(order), ready: ready}
	for range order {
		wait := time.Duration(0)
		if span > 0 {
			wait = time.Duration(random.Int64N(int64(span)))
		}
		p.wait, p.half = append(p.wait, wait.Round(time.Microsecond)), append(p.half, random.IntN(3))
	}
	if !ready { // moments rather than pauses
		slices.Sort(p.wait)
	}
	return p
}

// orders returns all orders of names.
func orders(names ...string) (list [][]string) {
	if len(names) == 0 {
		return [][]string{nil}
	}
	for i := range names {
		rest := append(append([]string{}, names[:i]...), names[i+1:]...)
		for _, order := range orders(rest...) {
			list = append(list, append([]string{names[i]}, order...))
		}
	}
	return list
}

// rounds is how many there are: a handful, QUIRE_TEST_KILLS of them, or with QUIRE_SWEEP all 120 orders and 80 random ones.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("QUIRE_TEST_KILLS")); err == nil {
		return n
	}
	if os.Getenv("QUIRE_SWEEP") != "" {
		return 200
	}
	return 5
}

// TestChaos kills the parts of a notebook with signal 9, in all orders and at any moment, while values are kept and carried. After each round no
// process and no file of ours is left but of those that live, no kept value is lost or half there, variables are whole or said to be gone, and
// cells work. QUIRE_TEST_KILLS=n plays n rounds, QUIRE_SWEEP=1 all; -chaos.seed and -chaos.round play one again.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	h := newHouse(t, ctx)
	list := plans(*chaosSeed, rounds())
	t.Logf("-chaos.seed=%d: %d rounds", *chaosSeed, len(list))
	require.NoError(t, keep.Put("fixed", number(1)))
	begun, failed := 0, 0
	for i, p := range list {
		if *chaosOnly != 0 && *chaosOnly != i+1 {
			continue
		}
		began := time.Now()
		err := h.round(i+1, p)
		t.Logf("round %d: %v: %v", i+1, p, time.Since(began).Round(time.Millisecond))
		if h.begun {
			begun++
		}
		if err != nil {
			t.Errorf("round %d of %d, to be played again by -chaos.seed=%d -chaos.round=%d: %v:\n%v\nafter %v, processes:\n%sfiles:\n%s%s", i+1, len(list), *chaosSeed, i+1, p, err,
				time.Since(began).Round(time.Millisecond), h.listing(), h.files(), h.words())
			if failed++; failed == 3 {
				break
			}
			h.reset()
		}
	}
	require.NoError(t, h.end(), "the end:\n%s%s", h.listing(), h.files())
	t.Logf("%d rounds, of which the cell had begun in %d", len(list), begun)
}

// round plays one round and returns what is wrong after it.
func (h *house) round(n int, p plan) error {
	began := time.Now()
	h.begun = false
	cell := h.play(n)
	if p.ready {
		if err := cell.begins(time.Minute); err != nil {
			return err
		}
		began = time.Now()
	}
	h.kill(p, began)
	if err := cell.over(p); err != nil {
		return err
	}
	h.begun = cell.begun()
	return errors.Join(h.swept(), h.kept(), h.next(n))
}

// kept returns an error unless all that was put is there, and whole.
func (h *house) kept() error {
	v, err := keep.Get[[]int64]("fixed")
	if err == nil {
		err = whole(v, 1)
	}
	if err != nil {
		return fmt.Errorf("what was kept before: %w", err)
	}
	for _, who := range []string{"cell", "job"} {
		least := uint64(0)
		if text, err := os.ReadFile(h.path(who + ".kept")); err == nil && len(text) == 8 {
			least = binary.LittleEndian.Uint64(text)
		}
		v, err := keep.Get[[]int64](who)
		if err == nil {
			err = whole(v, int64(least))
		} else if errors.Is(err, fs.ErrNotExist) && least == 0 {
			err = nil
		}
		if err != nil {
			return fmt.Errorf("what the %s kept: %w", who, err)
		}
	}
	return nil
}

// number is a value as long as it says, with one number in all places: a mixture of two is none.
func number(n int) []int64 {
	v := make([]int64, 1000+n%60_000)
	for i := range v {
		v[i] = int64(n)
	}
	return v
}

// whole returns an error unless v is a number, and not less than another.
func whole(v []int64, least int64) error {
	switch {
	case len(v) == 0 || len(v) != len(number(int(v[0]))):
		return fmt.Errorf("a value of %d numbers", len(v))
	case slices.ContainsFunc(v, func(x int64) bool { return x != v[0] }):
		return fmt.Errorf("it is of several values")
	case v[0] < least:
		return fmt.Errorf("it is %d, and %d was put", v[0], least)
	}
	return nil
}

// TestPlansAreAllOrders: the whole has every order of the parties once.
func TestPlansAreAllOrders(t *testing.T) {
	seen := map[string]int{}
	list := plans(1, 200)
	for _, p := range list {
		if p.ready {
			seen[strings.Join(p.order, " ")]++
		}
	}
	require.Len(t, list, 200)
	require.Len(t, seen, 120)
	require.Equal(t, list, plans(1, 200), "a seed says all")
}

// chaosCell is what runs in each round. It begins with what a job does too.
const chaosCell = `import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/kernel-ext/jobs"
	"github.com/quire-ml/quire/kernel-ext/keep"
	"github.com/quire-ml/quire/ml/model"
)

func number(n int) []int64 {
	v := make([]int64, 1000+n%60_000)
	for i := range v {
		v[i] = int64(n)
	}
	return v
}

// keepOn keeps ever larger numbers, and notes for sure which was put.
func keepOn(name string, done <-chan struct{}) error {
	n := 0
	v, err := keep.Get[[]int64](name)
	if err == nil {
		n = int(v[0])
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	note, err := os.OpenFile(os.Getenv("QUIRE_TEST_CHAOS")+"/"+name+".kept", os.O_CREATE|os.O_WRONLY, 0o600)
	for err == nil {
		select {
		case <-done:
			return nil
		default:
		}
		n++
		if err = keep.Put(name, number(n)); err == nil {
			_, err = note.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(n)), 0)
		}
	}
	return err
}

// counted returns a store whose value the engine has made, and has.
func counted(engine ir.Backend, n int) *model.Store {
	store := model.NewStore()
	model.MustNewExec(engine, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		v := scope.VariableWithValue("total", float32(0))
		v.SetNodeValue(graph.Add(v.NodeValue(x), x))
		return v.NodeValue(x)
	}).MustCall1(float32(n))
	return store
}

func sleeper() { exec.Command("setsid", "sleep", "600").Start() }

%%
job, err := jobs.Start("chaos", func(w *jobs.Work) error {
	sleeper()
	return keepOn("job", w.Context().Done())
})
signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
sleeper()
engine := backends.MustNew()
carried := number(ROUND)
put, err2 := engine.Put(tensors.FromValue([]float32{1, 2, ROUND}))
held, err3 := session.Hold(put)
negative := graph.MustNewExec(engine, graph.Neg).MustCall(put)[0]
net := counted(engine, ROUND)
fmt.Println("begun", err, err2, err3, job.Name())
fmt.Println("broken", keepOn("cell", nil))
`

// storeCheck says how the store has flowed, whose value lay in the worker.
const storeCheck = `%%
fmt.Println("total", net.GetVariable("/total").MustValue().Value())
`

// chaosCheck says how variables of that cell have flowed.
const chaosCheck = `%%
whole := len(carried) > 0 && len(carried) == len(number(int(carried[0])))
for _, x := range carried {
	whole = whole && x == carried[0]
}
here, err := session.Held(engine, held)
if session.IsStale(err) {
	fmt.Println("carried", carried[0], whole, tensors.Flat[float32](negative), "gone")
} else {
	x, err2 := here.ToHost()
	fmt.Println("carried", carried[0], whole, tensors.Flat[float32](negative), tensors.Flat[float32](x), err, err2)
}
`
