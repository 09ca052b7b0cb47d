package viz

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder is an areaOutput that notes what is drawn, and when.
type recorder struct {
	mu     sync.Mutex
	drawn  []string
	ids    []string
	times  []time.Time
	finals []bool
	cost   time.Duration
}

func (r *recorder) draw(b Bundle, id string, final bool) {
	time.Sleep(r.cost)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drawn, r.ids, r.times, r.finals = append(r.drawn, b.Text()), append(r.ids, id), append(r.times, time.Now()), append(r.finals, final)
}

func (r *recorder) last() string { return r.drawn[len(r.drawn)-1] }

func TestAreaDrawsTenTimesASecondAtMostAndTheLastStateAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		a := newArea(r)
		for i := range 2000 {
			a.Update(fmt.Sprint("state ", i))
			time.Sleep(time.Millisecond)
		}
		a.Close()
		if n := len(r.drawn); n < 15 || n > 22 {
			t.Errorf("%d drawings in 2 s", n)
		}
		for i := 1; i < len(r.times)-1; i++ {
			d := r.times[i].Sub(r.times[i-1])
			assert.GreaterOrEqual(t, d, minInterval, "drawing %d comes %v after the one before", i, d)
		}
		assert.Equal(t, "state 1999", r.last(), "the last drawing")
		assert.True(t, r.finals[len(r.finals)-1], "the last drawing")
	})
}

func TestAreaDrawsWhatIsPendingWithoutClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		a := newArea(r)
		a.Update("one")
		a.Update("two")
		a.Update("three")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, "one three", strings.Join(r.drawn, " "), "drawn")
	})
}

func TestAreaSlowsDownWhenDrawingIsExpensive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{cost: 50 * time.Millisecond}
		a := newArea(r)
		for i := range 1000 {
			a.UpdateFunc(func() Bundle { return Plain(fmt.Sprint(i)) })
			time.Sleep(10 * time.Millisecond)
		}
		a.Close()
		assert.LessOrEqual(t, len(r.drawn), 14, "drawings of 50 ms in 10 s") // 10 s, of which a twentieth may be drawing: 500 ms
		assert.Equal(t, "999", r.last(), "the last drawing")
	})
}

func TestAttachTakesAFreshDisplayID(t *testing.T) {
	r := &recorder{}
	a := newArea(r)
	a.Update("x")
	a.Attach()
	require.Len(t, r.ids, 2, "ids %q, drawn %q", r.ids, r.drawn)
	assert.NotEqual(t, r.ids[1], r.ids[0], "ids %q, drawn %q", r.ids, r.drawn)
	assert.Equal(t, "x", r.drawn[1], "ids %q, drawn %q", r.ids, r.drawn)
	a.Update("y")
	a.Flush()
	assert.Equal(t, r.ids[1], r.ids[len(r.ids)-1], "an update after Attach goes elsewhere")
}

func TestAViewThatPanicsIsAnErrorInTheArea(t *testing.T) {
	r := &recorder{}
	a := newArea(r)
	a.UpdateFunc(func() Bundle { panic("no") })
	a.Flush()
	assert.Contains(t, r.last(), "drawing this value failed: no", "drawn: %q", r.drawn)
}

// fakeLoop is a Listener whose events the test makes.
type fakeLoop struct{ listeners []func(train.Event) }

func (l *fakeLoop) Listen(f func(train.Event)) (cancel func()) {
	l.listeners = append(l.listeners, f)
	return func() { l.listeners = nil }
}

func (l *fakeLoop) emit(e train.Event) {
	for _, f := range l.listeners {
		f(e)
	}
}

// train emits a run of so many steps of the given time, with a loss from 2 down, and ends it with err.
func (l *fakeLoop) train(steps int, stepTime time.Duration, err error) {
	start := time.Now()
	metric := func(v float64) []train.Metric {
		return []train.Metric{{Name: "Loss", Short: "loss", Kind: "loss", Value: v}}
	}
	e := train.Event{Kind: train.Start, Time: start, Steps: steps, Epochs: 2}
	l.emit(e)
	for i := 1; i <= steps; i++ {
		time.Sleep(stepTime)
		e = train.Event{Kind: train.Step, Time: time.Now(), Elapsed: time.Since(start), GlobalStep: int64(i), Step: i, Steps: steps,
			Epoch: 1 + (2*i-1)/(steps+1), Epochs: 2, Metrics: metric(2 - float64(i)/float64(steps))}
		l.emit(e)
		if i == steps/2 || i == steps {
			e.Kind = train.Epoch
			l.emit(e)
			e.Kind, e.Dataset, e.Metrics = train.Eval, "test", metric(1.5)
			l.emit(e)
		}
	}
	e.Kind, e.Dataset, e.Metrics, e.Err = train.End, "", nil, err
	l.emit(e)
}

func TestLiveInANotebook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, loop := &recorder{}, &fakeLoop{}
		v := &LiveView{Run: NewRun("")}
		show, _ := v.inNotebook(newArea(r), LiveOptions{Refresh: 250 * time.Millisecond})
		loop.Listen(func(e train.Event) { v.Add(e); show(e) })
		loop.train(10_000, time.Millisecond, nil)
		if n := len(r.drawn); n < 30 || n > 60 {
			t.Errorf("%d drawings in 10 s", n)
		}
		if !strings.Contains(r.last(), "step 10,000/10,000") || !strings.Contains(r.last(), "done") {
			t.Errorf("the end is not shown:\n%s", r.last())
		}
		for i := range r.ids {
			require.Equal(t, r.ids[0], r.ids[i], "the display moves")
		}
	})
}

func TestLiveAsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		loop, h := &fakeLoop{}, NewRun("")
		text := &liveText{run: h, w: &out, options: LiveOptions{Report: 10 * time.Second}}
		loop.Listen(func(e train.Event) { h.Add(e); text.event(e) })
		loop.train(3000, 10*time.Millisecond, errors.New("the disk is full"))
		want := `epoch 1/2 · step 1,000/3,000 · 10ms/step · 10.0s · 20.0s left · train loss 1.6667
epoch 1  train loss 1.5000  test loss 1.5000  15.0s
epoch 2/2 · step 2,000/3,000 · 10ms/step · 20.0s · 10.0s left · train loss 1.3333
epoch 2/2 · step 3,000/3,000 · 10ms/step · 30.0s · 0µs left · train loss 1.0000
epoch 2  train loss 1.0000  test loss 1.5000  15.0s
epoch 2/2 · step 3,000/3,000 · 10ms/step · 30.0s · stopped by an error: the disk is full · train loss 1.0000
`
		assert.Equal(t, want, out.String())
	})
}

func TestLiveInATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		loop, h := &fakeLoop{}, NewRun("")
		text := &liveText{run: h, w: &out, options: LiveOptions{Refresh: 250 * time.Millisecond}, width: func() int { return 80 }}
		loop.Listen(func(e train.Event) { h.Add(e); text.event(e) })
		loop.train(3000, time.Millisecond, nil)
		lines := strings.Split(out.String(), "\r\x1b[K")
		if n := len(lines); n < 10 || n > 18 {
			t.Errorf("%d drawings in 3 s", n)
		}
		for _, l := range lines[:len(lines)-1] {
			w := textWidth(strings.TrimSuffix(l, "\n"))
			assert.LessOrEqual(t, w, 79, "a line of %d columns: %q", w, l)
		}
		got := lines[len(lines)-1]
		assert.True(t, strings.HasSuffix(got, "done · train loss 1.0000\n"), "the last line is %q", got)
	})
}

func TestLiveClose(t *testing.T) {
	loop := &fakeLoop{}
	v := Live(loop, LiveOptions{Name: "mine"})
	v.Close()
	v.Close()
	assert.Nil(t, loop.listeners, "still listening")
	assert.Contains(t, Text(v), "not started", "shown as")
}

func TestHistoryOfALongRunIsSmall(t *testing.T) {
	h := NewRun("")
	for i := 1; i <= 300_000; i++ {
		e := train.Event{Kind: train.Step, GlobalStep: int64(i), Step: i, Steps: -1, Epoch: 1 + i/10, Elapsed: time.Duration(i) * time.Millisecond,
			Metrics: []train.Metric{{Name: "Loss", Kind: "loss", Value: 1 / float64(i)}}}
		if i == 123_456 {
			e.Metrics[0].Value = 99
		}
		h.Add(e)
		if i%10 == 0 {
			e.Kind = train.Epoch
			h.Add(e)
			e.Kind = train.Checkpoint
			h.Add(e)
		}
	}
	tr := &h.steps[0].track
	if n := len(tr.buckets); n > maxBuckets || n < maxBuckets/2 {
		t.Errorf("%d buckets", n)
	}
	if len(h.rows) > maxEpochRows || len(h.marks) > maxMarks || len(h.now.recent) > 50 {
		t.Errorf("%d rows, %d marks, %d ticks", len(h.rows), len(h.marks), len(h.now.recent))
	}
	_, ys := tr.extremes()
	most := 0.0
	for _, y := range ys {
		most = max(most, y)
	}
	assert.Equal(t, 99.0, most, "the spike is lost")
	assert.LessOrEqual(t, len(h.Bundle().HTML()), 150_000, "bytes of HTML")
}

func TestTrackKeepsNaN(t *testing.T) {
	var tr track
	for i := range 5000 {
		y := 1.0
		if i == 2500 {
			y = math.NaN()
		}
		tr.add(float64(i), y)
	}
	bad := 0
	_, ys := tr.means()
	for _, y := range ys {
		if math.IsNaN(y) {
			bad++
		} else if y != 1 {
			t.Errorf("a mean of %v", y)
		}
	}
	assert.Equal(t, 1, bad)
}

func TestSmooth(t *testing.T) {
	line := make([]float64, 100)
	for i := range line {
		line[i] = 3 - 0.5*float64(i)
	}
	for i, y := range smooth(line, 5) {
		require.InDelta(t, line[i], y, 1e-9, "a straight line is bent at %d", i)
	}
	noisy := make([]float64, 400)
	for i := range noisy {
		noisy[i] = math.Pow(-1, float64(i))
	}
	noisy[200] = math.NaN()
	for i, y := range smooth(noisy, 20) {
		if i == 200 {
			assert.True(t, math.IsNaN(y), "NaN is smoothed away")
		} else if math.Abs(y) > 0.2 {
			t.Errorf("noise stays at %d: %v", i, y)
		}
	}
}

func TestHistoryMayBeReadWhileItGrows(t *testing.T) {
	h := NewRun("")
	loop := &fakeLoop{}
	loop.Listen(h.Add)
	var wg sync.WaitGroup
	wg.Go(func() { loop.train(200, 0, nil) })
	for range 5 {
		wg.Go(func() { h.Bundle(); Curves(h, h) })
	}
	wg.Wait()
}
