package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// thing is a value that knows how often it was closed.
type thing struct {
	name   string
	uses   Uses
	lent   bool
	closed atomic.Int32
	fail   error
}

func (v *thing) Hold() bool     { return v.uses.Begin() }
func (v *thing) Release() error { return v.closeIf(v.uses.End()) }
func (v *thing) Close() error   { return v.closeIf(v.uses.Close()) }

func (v *thing) Drop() error {
	if v.lent {
		return nil
	}
	return v.Close()
}

func (v *thing) closeIf(now bool) error {
	if !now {
		return nil
	}
	v.closed.Add(1)
	return v.fail
}

func newThings(max int) *kept[int, *thing] {
	return New[int, *thing](max, func(a, b int) bool { return a == b }).(*kept[int, *thing])
}

func nothing() error { return nil }

func made(v *thing) func() (*thing, error) { return func() (*thing, error) { return v, nil } }

// put gets a value that is made at once, and releases it.
func put(t *testing.T, c *kept[int, *thing], key int) *thing {
	t.Helper()
	v, err := c.Get(t.Context(), key, nothing, made(&thing{name: fmt.Sprint(key)}))
	require.NoError(t, err)
	c.Release(v)
	return v
}

func keys(c *kept[int, *thing]) (names []string) {
	for _, v := range c.Values() {
		names = append(names, v.name)
	}
	return names
}

func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	c := newThings(2)
	one, two := put(t, c, 1), put(t, c, 2)
	put(t, c, 1)
	three := put(t, c, 3)
	require.Equal(t, []string{"3", "1"}, keys(c))
	require.EqualValues(t, 1, two.closed.Load())
	c.SetMax(0)
	require.Equal(t, []string{"3"}, keys(c))
	require.EqualValues(t, 1, one.closed.Load())
	c.DropFunc(func(v *thing) bool { return v == three })
	require.Empty(t, keys(c))
	require.EqualValues(t, 1, three.closed.Load())
}

// TestAValueIsClosedOnceWhenItsLastUseEnds does each thing that ends a value while two use it.
func TestAValueIsClosedOnceWhenItsLastUseEnds(t *testing.T) {
	for name, end := range map[string]func(c *kept[int, *thing]){
		"another takes its place": func(c *kept[int, *thing]) { put(t, c, 2) },
		"it is of no use":         func(c *kept[int, *thing]) { c.DropFunc(func(*thing) bool { return true }) },
		"the cache is closed":     func(c *kept[int, *thing]) { c.Close() },
		"it is closed twice":      func(c *kept[int, *thing]) { c.entries[0].value.Close(); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c := newThings(1)
			v := put(t, c, 1)
			for range 2 {
				_, ok := c.Find(1)
				require.True(t, ok)
			}
			end(c)
			require.Zero(t, v.closed.Load(), "it is in use")
			c.Release(v)
			require.Zero(t, v.closed.Load(), "it is in use still")
			c.Release(v)
			require.EqualValues(t, 1, v.closed.Load())
			_, ok := c.Find(1)
			require.False(t, ok, "a closed value is not found")
		})
	}
}

func TestAValueThatOthersClosedIsBuiltAnew(t *testing.T) {
	c := newThings(2)
	v := put(t, c, 1)
	v.Close()
	require.NotSame(t, v, put(t, c, 1))
	require.Len(t, c.entries, 1)
}

func TestAnErrorOfAClosingIsTold(t *testing.T) {
	c, broken := newThings(1), errors.New("broken")
	put(t, c, 1).fail = broken
	put(t, c, 2).fail = errors.New("broken too") // 1 is dropped: nobody can be told
	err := c.Close()
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "broken too")
	require.NoError(t, c.Close())
}

func TestAnErrorIsSharedAndNotKept(t *testing.T) {
	c, broken := newThings(2), errors.New("broken")
	b := begin(t, c, 1)
	second := wait(c, t.Context(), 1)
	waiting(c, 1)
	b.end <- broken
	require.ErrorIs(t, (<-b.result).err, broken)
	require.ErrorIs(t, (<-second).err, broken)
	put(t, c, 1)
}

// result is what a Get returned.
type result struct {
	v   *thing
	err error
}

// slow is a build that is under way until end is told how it ends.
type slow struct {
	v      *thing
	end    chan error
	result chan result
	cancel context.CancelFunc
}

// begin starts a Get whose second part waits, and returns when it does.
func begin(t *testing.T, c *kept[int, *thing], key int) *slow {
	ctx, cancel := context.WithCancel(t.Context())
	s := &slow{&thing{name: fmt.Sprint(key)}, make(chan error), make(chan result, 1), cancel}
	begun := make(chan bool)
	go func() {
		v, err := c.Get(ctx, key, nothing, func() (*thing, error) {
			close(begun)
			select {
			case err := <-s.end:
				return s.v, err
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		s.result <- result{v, err}
	}()
	<-begun
	return s
}

// wait starts a Get that should wait for another's build; if it must build itself, the value's name is "own".
func wait(c *kept[int, *thing], ctx context.Context, key int) chan result {
	out := make(chan result, 1)
	go func() {
		v, err := c.Get(ctx, key, nothing, made(&thing{name: "own"}))
		out <- result{v, err}
	}()
	return out
}

// waiting returns when n wait for the one build that is under way.
func waiting(c *kept[int, *thing], n int) {
	for {
		c.mu.Lock()
		got := c.flights[0].waiters
		c.mu.Unlock()
		if got == n {
			return
		}
		runtime.Gosched()
	}
}

func TestWhatIsThereDoesNotWaitForABuild(t *testing.T) {
	c := newThings(2)
	one := put(t, c, 1)
	b := begin(t, c, 2)
	require.Same(t, one, put(t, c, 1)) // would wait for ever
	put(t, c, 3)                       // and so would another build
	b.end <- nil
	require.NoError(t, (<-b.result).err)
}

func TestOneBuildForManyCallers(t *testing.T) {
	c := newThings(1)
	b := begin(t, c, 1)
	var waits []chan result
	for range 20 {
		waits = append(waits, wait(c, t.Context(), 1))
	}
	waiting(c, len(waits))
	b.end <- nil
	require.Same(t, b.v, (<-b.result).v)
	for _, w := range waits {
		require.Same(t, b.v, (<-w).v)
	}
	put(t, c, 2)
	for range 21 {
		require.Zero(t, b.v.closed.Load())
		c.Release(b.v)
	}
	require.EqualValues(t, 1, b.v.closed.Load())
}

func TestWhoWaitsCanLeave(t *testing.T) {
	c := newThings(1)
	b := begin(t, c, 1)
	ctx, cancel := context.WithCancel(t.Context())
	w := wait(c, ctx, 1)
	waiting(c, 1)
	cancel()
	require.ErrorIs(t, (<-w).err, context.Canceled)
	b.end <- nil // the build goes on
	require.Same(t, b.v, (<-b.result).v)
	c.Release(b.v)
	c.Close()
	require.EqualValues(t, 1, b.v.closed.Load(), "who left holds nothing")
}

// TestWhoLeavesAsTheBuildEndsHoldsNothing leaves after the build has ended.
func TestWhoLeavesAsTheBuildEndsHoldsNothing(t *testing.T) {
	c := newThings(1)
	b := begin(t, c, 1)
	_, _, f, mine := c.join(1)
	require.False(t, mine)
	b.end <- nil
	<-b.result
	c.leave(f)
	c.Release(b.v)
	c.Close()
	require.EqualValues(t, 1, b.v.closed.Load())
}

func TestTheNextBuildsWhereTheFirstIsCancelled(t *testing.T) {
	c := newThings(1)
	b := begin(t, c, 1)
	w := wait(c, t.Context(), 1)
	waiting(c, 1)
	b.cancel()
	require.ErrorIs(t, (<-b.result).err, context.Canceled)
	r := <-w
	require.NoError(t, r.err)
	require.Equal(t, "own", r.v.name)
}

func TestWhatIsBuiltWhileTheCacheIsClosedIsNotKept(t *testing.T) {
	c := newThings(1)
	b := begin(t, c, 1)
	c.Close()
	other := put(t, c, 1) // does not wait for what is not kept
	require.NotSame(t, b.v, other)
	b.end <- nil
	require.Same(t, b.v, (<-b.result).v)
	require.Zero(t, b.v.closed.Load(), "its caller uses it")
	c.Release(b.v)
	require.EqualValues(t, 1, b.v.closed.Load())
	require.Same(t, other, put(t, c, 1))
}

func TestFirstPartsRunOneAfterAnother(t *testing.T) {
	c := newThings(8)
	var inside atomic.Int32
	var wg sync.WaitGroup
	for key := range 8 {
		wg.Go(func() {
			v, err := c.Get(t.Context(), key, func() error {
				assert.LessOrEqual(t, inside.Add(1), int32(1), "at once")
				runtime.Gosched()
				inside.Add(-1)
				return nil
			}, made(&thing{}))
			assert.NoError(t, err)
			c.Release(v)
		})
	}
	wg.Wait()
}

func TestABuildThatAsksForItselfIsAnError(t *testing.T) {
	a, b := newThings(2), newThings(2)
	for key := range 2 { // another key of the same cache would wait as well
		_, err := a.Get(t.Context(), 0, func() error {
			_, err := b.Get(t.Context(), 0, func() error {
				_, err := a.Get(t.Context(), key, nothing, made(&thing{}))
				return err
			}, made(&thing{}))
			return err
		}, made(&thing{}))
		require.ErrorIs(t, err, ErrWithin, key)
	}
}

// TestAfterAPanicOrGoexitOthersCanBuild ends each part of a build in each way that is none, while another waits.
func TestAfterAPanicOrGoexitOthersCanBuild(t *testing.T) {
	for name, end := range map[string]func(){
		"a panic":  func() { panic("broken") },
		"a Goexit": func() { runtime.Goexit() },
	} {
		for part := range 2 {
			t.Run(fmt.Sprintf("%s in part %d", name, part), func(t *testing.T) {
				c := newThings(2)
				begun, now := make(chan bool), make(chan bool)
				here := func(p int) {
					if p == part {
						close(begun)
						<-now
						end()
					}
				}
				var wg sync.WaitGroup
				wg.Go(func() {
					defer func() { _ = recover() }()
					c.Get(t.Context(), 1, func() error { here(0); return nil }, func() (*thing, error) { here(1); return &thing{}, nil })
				})
				<-begun
				w := wait(c, t.Context(), 1)
				waiting(c, 1)
				close(now)
				r := <-w
				require.NoError(t, r.err)
				require.Equal(t, "own", r.v.name)
				wg.Wait()
			})
		}
	}
}
