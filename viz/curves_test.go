package viz

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCurvesKeepTheirColours(t *testing.T) {
	r := NewRun("")
	metric := func(name, kind string) train.Metric { return train.Metric{Name: name, Kind: kind, Value: 1} }
	for i := int64(1); i <= 3; i++ {
		r.Add(train.Event{Kind: train.Step, GlobalStep: i, Metrics: []train.Metric{
			metric("Batch mean loss", "loss"), metric("Mean loss", "loss"), metric("Accuracy", "accuracy"), metric("Top-5 accuracy", "accuracy")}})
	}
	r.Add(train.Event{Kind: train.Epoch, GlobalStep: 3, Metrics: []train.Metric{metric("Mean loss", "loss"), metric("Accuracy", "accuracy"), metric("Top-5 accuracy", "accuracy")}})
	for _, set := range []string{"digits/validation", "digits/test"} {
		r.Add(train.Event{Kind: train.Eval, GlobalStep: 3, Dataset: set, Metrics: []train.Metric{metric("Mean loss", "loss"), metric("Accuracy", "accuracy")}})
	}
	var sources []string
	for _, c := range r.curves() {
		sources = appendNew(sources, c.source())
	}
	colours := func(kind string) string {
		var out []string
		for _, s := range chart(CurveOptions{}, kind, []*Run{r}, sources).Series {
			out = append(out, s.Name+" "+string(rune('0'+s.Color)))
		}
		return strings.Join(out, ", ")
	}
	got, want := colours("loss"), "batches 0, train 0, validation 1, test 2"
	assert.Equal(t, want, got)
	if got, want := colours("accuracy"), "train Accuracy 0, train Top-5 accuracy 3, validation Accuracy 1, test Accuracy 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// trained makes events as a trainer does whose loss at each step is loss, with noise, and whose test loss is that plus 0.02.
func trained(r *Run, steps, perEpoch int, loss func(step int) float64) {
	sum := 0.0
	r.Add(train.Event{Kind: train.Start, Steps: steps})
	for i := 1; i <= steps; i++ {
		batch := loss(i) + 0.1*math.Sin(float64(i*i))
		sum += batch
		soFar := sum / float64((i-1)%perEpoch+1)
		e := train.Event{Kind: train.Step, Step: i, Steps: steps, GlobalStep: int64(i), Epoch: 1 + (i-1)/perEpoch, Metrics: []train.Metric{
			{Name: "Batch loss", Short: "batch", Kind: "loss", Value: batch}, {Name: "Mean loss", Short: "loss", Kind: "loss", Value: soFar}}}
		r.Add(e)
		if i%perEpoch == 0 {
			e.Kind, e.Metrics = train.Epoch, []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: sum / float64(perEpoch)}}
			sum = 0
			r.Add(e)
			e.Kind, e.Dataset, e.Metrics = train.Eval, "test", []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: loss(i) + 0.02}}
			r.Add(e)
		}
	}
}

// Training is better than the test by 0.02 at every step: so it must look. A mean over past steps, which lags, looked worse.
func TestTrainingDoesNotLookWorseThanItIs(t *testing.T) {
	for _, perEpoch := range []int{20, 100, 500} {
		const epochs = 8
		loss := func(step int) float64 { return 2*math.Exp(-3*float64(step)/float64(epochs*perEpoch)) + 0.05 }
		r, noBatches := NewRun(""), NewRun("")
		trained(r, epochs*perEpoch, perEpoch, loss)
		trained(noBatches, epochs*perEpoch, perEpoch, loss)
		noBatches.steps = noBatches.steps[1:]
		both := slices.Concat(chart(CurveOptions{}, "loss", []*Run{r}, []string{"train", "on test"}).Series, chart(CurveOptions{}, "loss", []*Run{noBatches}, []string{"train", "on test"}).Series)
		require.Len(t, both, 5, "curves")
		for _, s := range both {
			if s.Name == "test" {
				continue
			}
			worst := 0.0
			for i, x := range s.X {
				worst = max(worst, s.Y[i]-loss(int(math.Round(x))))
			}
			if worst > 0.06 { // what noise leaves
				t.Errorf("%d steps an epoch: %q is drawn up to %.3f above the loss of its step", perEpoch, s.Name, worst)
			}
		}
	}
}

// A name has one meaning wherever a run is shown: the table, the text of the curves, the lines of a terminal, the charts.
func TestANameHasOneValue(t *testing.T) {
	r := NewRun("")
	var terminal strings.Builder
	lines := &liveText{run: r, w: &terminal, options: LiveOptions{Report: 1}}
	add := func(e train.Event) { r.Add(e); lines.event(e) }
	metric := func(name, short string, v float64) []train.Metric {
		return []train.Metric{{Name: name, Short: short, Kind: "loss", Value: v}}
	}
	step := append(metric("Batch loss", "batch", 0.11), metric("Mean loss", "loss", 0.2604)...) // the mean over the epoch so far
	add(train.Event{Kind: train.Start, Steps: 2, Epochs: 1})
	add(train.Event{Kind: train.Step, Step: 1, GlobalStep: 1, Epoch: 1, Epochs: 1, Metrics: step})
	add(train.Event{Kind: train.Step, Step: 2, GlobalStep: 2, Epoch: 1, Epochs: 1, Metrics: step})
	add(train.Event{Kind: train.Epoch, Step: 2, GlobalStep: 2, Epoch: 1, Epochs: 1, Metrics: metric("Mean loss", "loss", 0.2604)})
	add(train.Event{Kind: train.Eval, Step: 2, GlobalStep: 2, Epoch: 1, Epochs: 1, Dataset: "test", Metrics: metric("Mean loss", "loss", 0.31)})
	add(train.Event{Kind: train.End, Step: 2, GlobalStep: 2, Epoch: 1, Epochs: 1})
	want := map[string]string{"batch loss": "0.1100", "train loss": "0.2604", "test loss": "0.3100"}
	shown := terminal.String() + r.Bundle().Text() + Curves(r, r).Text()
	for name, value := range want {
		for _, m := range regexp.MustCompile(`(\w+) loss (\d\.\d{4})`).FindAllStringSubmatch(shown, -1) {
			if m[1]+" loss" == name && m[2] != value {
				t.Errorf("%s is %s here, %s elsewhere:\n%s", name, m[2], value, shown)
			}
		}
	}
	for _, m := range regexp.MustCompile(`(\S*) ?\bloss +[0-9]`).FindAllStringSubmatch(shown, -1) {
		assert.NotEmpty(t, want[m[1]+" loss"], "a loss that is called %q:\n%s", m[0], shown)
	}
	require.Contains(t, r.table().text(), "train loss", "the table")
	assert.Contains(t, r.table().text(), "0.2604", "the table")
	for _, s := range chart(CurveOptions{}, "loss", []*Run{r}, []string{"train", "on test"}).Series {
		want := map[string]float64{"batches": 0.11, "train": 0.2604, "test": 0.31}[s.Name]
		assert.Equal(t, want, s.Y[len(s.Y)-1], "the curve %q ends at", s.Name)
	}
}

// What is left of the model after an interruption is said as it is.
func TestInterruptedSaysWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		name     string
		saves    []int64
		notebook bool
		want     string
	}{
		{"nothing is saved, in a program", nil, false, "interrupted; no checkpoint was saved: the model lives in this process only"},
		{"nothing is saved, in a cell", nil, true, "interrupted; no checkpoint was saved: the model is lost when this cell ends"},
		{"saved at the end", []int64{2, 7}, true, "interrupted; the model is saved: dir/7"},
		{"saved before", []int64{2, 5}, false, "interrupted; saved is step 5: dir/5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pipe := ""
			if c.notebook {
				pipe = t.TempDir()
			}
			t.Setenv("GONB_PIPE", pipe)
			r := NewRun("")
			r.Add(train.Event{Kind: train.Start})
			r.Add(train.Event{Kind: train.Step, Step: 7, GlobalStep: 7})
			for _, s := range c.saves {
				r.Add(train.Event{Kind: train.Checkpoint, GlobalStep: s, Path: fmt.Sprint("dir/", s)})
			}
			r.Add(train.Event{Kind: train.End, Step: 7, GlobalStep: 7, Interrupted: true})
			got := r.Bundle().Text()
			assert.Contains(t, got, c.want+"\n", "got %q, want %q", got, c.want)
			assert.Contains(t, r.liveBundle().HTML(), c.want, "the notebook")
		})
	}
}

// What goes wrong without ending a run, such as a save that fails, is said wherever the run is shown.
func TestWarningsOfARunAreShown(t *testing.T) {
	r := NewRun("")
	var terminal strings.Builder
	lines := &liveText{run: r, w: &terminal}
	for i := range int64(100) {
		e := train.Event{Kind: train.End + 1, GlobalStep: i, Err: fmt.Errorf("the disk is full <%d>", i)} // train.Warning
		r.Add(e)
		lines.event(e)
	}
	for _, text := range []string{r.Bundle().Text(), terminal.String()} {
		require.Contains(t, text, "warning: step 0: the disk is full <0>\n", "the warning is missing")
		assert.Contains(t, text, "warning: step 99: the disk is full <99>\n", "the warning is missing")
	}
	require.Contains(t, r.liveBundle().HTML(), "the disk is full &lt;99&gt;", "warnings in the notebook")
	assert.Len(t, r.warnings, maxWarnings, "warnings in the notebook")
}
