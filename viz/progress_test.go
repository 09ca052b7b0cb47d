package viz

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
)

// watchedProgress is a Progress whose lines, in a terminal or elsewhere, are returned.
func watchedProgress(steps int, width func() int) (*Progress, *strings.Builder) {
	var out strings.Builder
	p := &Progress{steps: steps, view: &LiveView{Run: NewRun("")}}
	p.view.own = true
	t := &liveText{run: p.Run(), w: &out, options: LiveOptions{Report: 10 * time.Second, Refresh: 250 * time.Millisecond}, width: width}
	stepsOf{p}.Listen(func(e train.Event) { p.Run().Add(e); t.event(e) })
	return p, &out
}

func TestProgressOfALoopOfOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out := watchedProgress(300, nil)
		for i := range p.Range() {
			time.Sleep(100 * time.Millisecond)
			p.Set("loss", 1)
			p.Set("loss", 3/float64(i+1))
		}
		want := `step 100/300 · 100ms/step · 10.0s · 20.0s left · loss 0.0300
step 200/300 · 100ms/step · 20.0s · 10.0s left · loss 0.0150
step 300/300 · 100ms/step · 30.0s · 0µs left · loss 0.0100
step 300/300 · 100ms/step · 30.0s · done · loss 0.0100
`
		assert.Equal(t, want, out.String())
		if text := p.Bundle().Text(); !strings.Contains(text, "loss  █▂▂▁") || !strings.Contains(text, "3.0000 → 0.0100") {
			t.Errorf("the curve is\n%s", text)
		}
	})
}

func TestProgressOfALoopThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out := watchedProgress(300, func() int { return 80 })
		for i := range p.Range() {
			time.Sleep(100 * time.Millisecond)
			if i == 150 {
				break
			}
		}
		lines := strings.Split(out.String(), "\r\x1b[K")
		if got := lines[len(lines)-1]; !strings.Contains(got, "░") || !strings.HasSuffix(got, "step 150/300 · 100ms/step · 15.1s · stopped early\n") {
			t.Errorf("the end is %q", got)
		}
	})
}

func TestProgressWithoutANumberOfSteps(t *testing.T) {
	p, out := watchedProgress(-1, nil)
	n := 0
	for range p.Range() {
		if n++; n == 5 {
			break
		}
	}
	if got := out.String(); !strings.HasPrefix(got, "step 4 · ") || !strings.HasSuffix(got, "done\n") {
		t.Errorf("got %q", got)
	}
	p.Step() // anew
	p.Step()
	p.Close()
	assert.Contains(t, out.String(), "step 2 · ", "the second run")
}

func TestProgressInANotebook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		p := &Progress{steps: 1000, view: &LiveView{Run: NewRun("")}}
		show, _ := p.view.inNotebook(newArea(r), LiveOptions{Refresh: 250 * time.Millisecond})
		stepsOf{p}.Listen(func(e train.Event) { p.Run().Add(e); show(e) })
		for i := range p.Range() {
			time.Sleep(10 * time.Millisecond)
			p.Set("loss", 1/float64(i+1))
		}
		if n := len(r.drawn); n < 30 || n > 60 {
			t.Errorf("%d drawings in 10 s", n)
		}
		if !strings.Contains(r.last(), "step 1,000/1,000") || !strings.Contains(r.last(), "done") {
			t.Errorf("the end is not shown:\n%s", r.last())
		}
	})
}
