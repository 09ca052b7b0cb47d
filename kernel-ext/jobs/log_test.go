//go:build linux || darwin

package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

// All that an event says comes back, of every kind.
func TestEventsComeBack(t *testing.T) {
	at := time.Unix(1e9, 5).UTC()
	for k := train.Start; k <= train.Warning; k++ {
		e := train.Event{Kind: k, Time: at, Elapsed: 3, GlobalStep: 4, Step: 5, Steps: 6, Epoch: 7, Epochs: 8, Dataset: "test", Path: "/x", Best: true,
			Interrupted: true, Err: errors.New("no"), Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: 0.5, Percent: true}, {Name: "x", Value: math.Inf(1)}}}
		line := entry{Time: at, Kind: isEvent, Event: write(e)}.line()
		var p parser
		got := p.feed(line)
		require.Len(t, got, 1)
		back, ok := got[0].Event.read(got[0].Time)
		require.True(t, ok)
		assert.Equal(t, e, back)
	}
	assert.Nil(t, write(train.Event{Kind: 99}))
	_, ok := (&event{Kind: "party"}).read(at)
	assert.False(t, ok)
}

func TestALogIsReadAsItGrows(t *testing.T) {
	var text []byte
	for i := range 5 {
		text = append(text, entry{Kind: output, Text: strings.Repeat("x", i)}.line()...)
		text = append(text, "\n{\"kind\":\"party\"}\nnot json\n{\"kind\":\"event\"}\n"...)
	}
	for step := 1; step < len(text); step += 13 {
		var p parser
		var got []entry
		for rest := text; len(rest) > 0; {
			n := min(step, len(rest))
			got = append(got, p.feed(rest[:n])...)
			rest = rest[n:]
		}
		require.Len(t, got, 5, "in pieces of %d", step)
		for i, e := range got {
			assert.Equal(t, strings.Repeat("x", i), e.Text)
		}
	}
	var p parser
	assert.Empty(t, p.feed(bytes.Repeat([]byte("x"), maxLine+1)))
	assert.Less(t, len(p.rest), 10, "a line without end is not held")
	assert.Empty(t, p.feed([]byte("\n")))
	assert.Len(t, p.feed(entry{Kind: running}.line()), 1)
}

func FuzzLog(f *testing.F) {
	f.Add(entry{Kind: started, Name: "j", Text: "ID"}.line(), 3)
	f.Add(append(entry{Kind: isEvent, Event: &event{Kind: "step", Metrics: []train.Metric{{Name: "a"}}}}.line(), entry{Kind: ended, End: &ending{Exit: 2}}.line()...), 7)
	f.Add([]byte(`{"kind":"event","event":{"kind":"start","steps":-1,"step":9223372036854775807,"metrics":[{"value":"NaN"},{}]}}`+"\n"), 1)
	f.Add([]byte("{\"kind\":\"set\",\"run\":\"a\"}\n\x00\n"), 2)
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		step = max(1, min(step, len(text)))
		var whole, pieces parser
		a := whole.feed(text)
		var b []entry
		for rest := text; len(rest) > 0; {
			n := min(step, len(rest))
			b = append(b, pieces.feed(rest[:n])...)
			rest = rest[n:]
		}
		one, err := json.Marshal(a)
		require.NoError(t, err)
		other, err := json.Marshal(b)
		require.NoError(t, err)
		require.Equal(t, string(one), string(other))
		j := &Job{runs: map[string]*viz.Run{}, last: map[string]train.Event{}}
		for _, e := range a {
			j.take(e)
		}
		for _, r := range j.runs {
			r.Bundle()
		}
		if j.end != nil {
			_ = j.end.sentence("j")
		}
	})
}

// The log of a long run stays small, and has the last step.
func TestManyStepsAreThinnedOut(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	r := &recorder{to: file, runs: map[string]*sampler{}}
	const steps = 300_001
	for i := 1; i <= steps; i++ {
		r.Event("", train.Event{Kind: train.Step, GlobalStep: int64(i), Metrics: []train.Metric{{Name: "Batch loss", Value: float64(i)}}})
	}
	r.Event("", train.Event{Kind: train.End, GlobalStep: steps})
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	var p parser
	got := p.feed(text)
	assert.Less(t, len(got), 10*manySteps)
	assert.Greater(t, len(got), manySteps)
	assert.EqualValues(t, steps, got[len(got)-2].Event.GlobalStep, "the last step")
	for i := range manySteps - 1 {
		require.EqualValues(t, i+1, got[i].Event.GlobalStep)
	}
}

func TestLastWords(t *testing.T) {
	const trace = "goroutine 1 [running]:\nmain.panicky(...)\n\t/tmp/gonb_1/main.go:3\nmain.main()\n\t/tmp/gonb_1/main.go:9 +0x1\nexit status 2\n"
	places := []string{"", "", "In[4]:2"}
	for _, c := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"lines", "one\ntwo\nthree\nfour\n", "two / three / four"},
		{"a panic", "a warning\npanic: no data\n\n" + trace, "panic: no data (In[4]:2)"},
		{"a fatal error", "fatal error: out of memory\n\n" + trace, "fatal error: out of memory (In[4]:2)"},
		{"a trace that is cut", "panic: no data\n\ngoroutine 1 [running]:\nmain.main()", "panic: no data"},
		{"not of a cell", "panic: x\nmain.main()\n\t/home/me/train.go:77 +0x1\n", "panic: x (train.go line 77)"},
	} {
		assert.Equal(t, c.want, lastWords(c.stderr, places), c.name)
	}
}

func TestTheLastLineIsThatOfThePeople(t *testing.T) {
	for _, c := range []struct {
		name, text string
		failed     bool
		want       string
	}{
		{"nothing", "", false, ""},
		{"a line without an end", "one\ntwo", false, "two"},
		{"a progress bar", "one\n1 of 3\r2 of 3\r", false, "2 of 3"},
		{"empty lines", "one\n\n\n", false, "one"},
		{"a panic", "last words\npanic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/tmp/gonb_1/main.go:9 +0x1\n", true, "last words"},
		{"a panic without words", "panic: x\n\ngoroutine 1 [running]:\n", true, ""},
		{"words of one that runs", "panic: no, only a line\n", false, "panic: no, only a line"},
	} {
		assert.Equal(t, c.want, lastLine(c.text, c.failed), c.name)
	}
}

func TestNoCharacterIsCut(t *testing.T) {
	text := "aé日😀\xff"
	for i := range len(text) + 1 {
		n := wholeText([]byte(text[:i]))
		assert.LessOrEqual(t, i-n, 3)
		assert.Equal(t, strings.ToValidUTF8(text[:n], ""), strings.TrimSuffix(text[:n], "\xff"), "%d of %d bytes", n, i)
	}
}

func TestEndings(t *testing.T) {
	for _, c := range []struct {
		end  ending
		want State
	}{
		{ending{}, Done}, {ending{Words: "a warning"}, Done}, {ending{Exit: 1}, Failed}, {ending{Stopped: "x", Exit: 1}, Stopped}, {ending{Lost: true}, Failed},
		{ending{Early: true}, Failed}, {ending{Signal: "killed"}, Failed}, {ending{Error: "x", Exit: 1}, Failed},
	} {
		assert.Equal(t, c.want, c.end.state(), fmt.Sprintf("%+v", c.end))
		assert.Equal(t, c.want == Done, c.end.sentence("j") == "")
	}
}
