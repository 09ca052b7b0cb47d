package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func newInts(max int) *Cache[int, string] {
	return New[int, string](max, func(a, b int) bool { return a == b })
}

func built(s string) func() (string, error) { return func() (string, error) { return s, nil } }

func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	c, ctx := newInts(2), context.Background()
	for _, k := range []int{1, 2, 1, 3} {
		if v, err := c.Get(ctx, k, built(fmt.Sprint(k))); err != nil || v != fmt.Sprint(k) {
			t.Fatalf("%d: %q, %v", k, v, err)
		}
	}
	if got := c.Values(); !slices.Equal(got, []string{"3", "1"}) {
		t.Error(got)
	}
	c.SetMax(0)
	if got := c.Values(); !slices.Equal(got, []string{"3"}) {
		t.Error(got)
	}
	c.DeleteFunc(func(v string) bool { return v == "3" })
	if got := c.Values(); len(got) != 0 {
		t.Error(got)
	}
}

func TestAnErrorIsNotKept(t *testing.T) {
	c, ctx := newInts(2), context.Background()
	broken := errors.New("broken")
	if _, err := c.Get(ctx, 1, func() (string, error) { return "", broken }); err != broken {
		t.Error(err)
	}
	if v, err := c.Get(ctx, 1, built("fine")); v != "fine" || err != nil {
		t.Error(v, err)
	}
}

func TestWhatIsThereDoesNotWaitForABuild(t *testing.T) {
	c, ctx := newInts(2), context.Background()
	c.Get(ctx, 1, built("one"))
	begun, end := make(chan bool), make(chan bool)
	go c.Get(ctx, 2, func() (string, error) {
		close(begun)
		<-end
		return "two", nil
	})
	<-begun
	if v, err := c.Get(ctx, 1, nil); v != "one" || err != nil {
		t.Error(v, err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Get(canceled, 2, built("other")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(end)
	if v, err := c.Get(ctx, 2, built("other")); v != "two" || err != nil {
		t.Error(v, err)
	}
}

func TestOneBuildForManyCallers(t *testing.T) {
	c, ctx := newInts(2), context.Background()
	var builds atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c.Get(ctx, 1, func() (string, error) {
				builds.Add(1)
				runtime.Gosched()
				return "one", nil
			})
		})
	}
	wg.Wait()
	if builds.Load() != 1 {
		t.Errorf("%d builds", builds.Load())
	}
}

func TestABuildThatAsksForItselfIsAnError(t *testing.T) {
	a, b, ctx := newInts(2), newInts(2), context.Background()
	for key := range 2 { // another key of the same cache would wait as well
		_, err := a.Get(ctx, 0, func() (string, error) {
			return b.Get(ctx, 0, func() (string, error) { return a.Get(ctx, key, built("inner")) })
		})
		if !errors.Is(err, ErrWithin) {
			t.Error(key, err)
		}
	}
}

func TestAfterAPanicOrGoexitOthersCanBuild(t *testing.T) {
	c, ctx := newInts(2), context.Background()
	func() {
		defer func() { _ = recover() }()
		c.Get(ctx, 1, func() (string, error) { panic("broken") })
	}()
	var wg sync.WaitGroup
	wg.Go(func() {
		c.Get(ctx, 1, func() (string, error) { runtime.Goexit(); return "", nil })
	})
	wg.Wait()
	if v, err := c.Get(ctx, 1, built("fine")); v != "fine" || err != nil {
		t.Error(v, err)
	}
}
