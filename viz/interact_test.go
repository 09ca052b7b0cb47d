package viz_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/viz"
)

// Each mistake is one sentence with its remedy, is shown, and is returned before the function is called.
func TestMistakesOfInteract(t *testing.T) {
	t.Setenv("GONB_PIPE", "")
	lr, layers := viz.Slider("lr", 0.001, 1), viz.Choice("layers", 1, 2, 3)
	called := func(float64, int) any { t.Error("the function is called"); return nil }
	var text strings.Builder
	for _, c := range []struct {
		name   string
		fn     any
		inputs []viz.Input
	}{
		{"no function", 3, []viz.Input{lr}},
		{"nil", nil, []viz.Input{lr}},
		{"a nil function", (func(float64) any)(nil), []viz.Input{lr}},
		{"no input", func() any { return 1 }, nil},
		{"a nil input", called, []viz.Input{lr, nil}},
		{"a nil button", called, []viz.Input{lr, (*viz.ButtonInput)(nil)}},
		{"an argument too few", func(float64) any { return 1 }, []viz.Input{lr, layers}},
		{"an argument too many", called, []viz.Input{lr}},
		{"variadic", func(...float64) any { return 1 }, []viz.Input{lr}},
		{"another type", func(lr float64, layers string) any { return 1 }, []viz.Input{lr, layers}},
		{"a whole slider for a float", func(x float64) any { return 1 }, []viz.Input{viz.Slider("learning rate", 0, 1)}},
		{"the order", called, []viz.Input{layers, lr}},
		{"nothing returned", func(float64) {}, []viz.Input{lr}},
		{"one name twice", called, []viz.Input{lr, viz.Checkbox("lr", true)}},
		{"a name that is no Go name", func(int) any { return 1 }, []viz.Input{viz.Checkbox("2 ways?", true)}},
		{"low above high", called, []viz.Input{viz.Slider("lr", 1, 0.001), layers}},
		{"no way", called, []viz.Input{viz.Slider("lr", 1.0, 1), layers}},
		{"NaN", called, []viz.Input{viz.Slider("lr", math.NaN(), 1), layers}},
		{"infinite", called, []viz.Input{viz.Slider("lr", 0, math.Inf(1)), layers}},
		{"a start outside", called, []viz.Input{viz.Slider("lr", 0.0, 1).Start(2), layers}},
		{"a step of 0", called, []viz.Input{viz.Slider("lr", 0.0, 1).Step(0), layers}},
		{"a step too long", called, []viz.Input{viz.Slider("lr", 0.0, 1).Step(2), layers}},
		{"logarithmic from 0", called, []viz.Input{viz.Slider("lr", 0.0, 1).Log(), layers}},
		{"logarithmic and whole", called, []viz.Input{lr, viz.Slider("layers", 1, 64).Log()}},
		{"nothing to choose", called, []viz.Input{lr, viz.Choice[int]("layers")}},
		{"a start that is no choice", called, []viz.Input{lr, viz.Choice("layers", 1, 2).Start(3)}},
		{"not made by Slider", called, []viz.Input{&viz.SliderInput[float64]{}, layers}},
	} {
		var err error
		shown := captureStdout(t, func() { err = viz.Interact(c.fn, c.inputs...) })
		require.Error(t, err, c.name)
		assert.Equal(t, "error: "+err.Error()+"\n", shown, c.name)
		fmt.Fprintf(&text, "%s:\n  %v\n", c.name, err)
	}
	golden.Check(t, "testdata/interact_mistakes.golden", text.String())
}

func TestWhatTheFunctionReturnsIsShownAsShowDoes(t *testing.T) {
	t.Setenv("GONB_PIPE", "")
	in := viz.Slider("x", 0, 4)
	for _, c := range []struct {
		name    string
		fn      any
		want    string
		wantErr string
	}{
		{"a value", func(x int) int { return x * x }, "4", ""},
		{"nothing", func(x int) any { return nil }, "nil", ""},
		{"two values", func(x int) (int, string) { return x, "a" }, "2\n\na", ""},
		{"no error", func(x int) (int, error) { return x, nil }, "2", ""},
		{"an error", func(x int) (any, error) { return nil, errors.New("too small") }, "error: too small", "too small"},
		{"an error alone", func(x int) error { return errors.New("too small") }, "error: too small", "too small"},
		{"a panic", func(x int) int { panic("too small") }, "error: viz.Interact: the function panicked: too small", "viz.Interact: the function panicked: too small"},
		{"an interface takes it", func(x any) any { return fmt.Sprintf("%T", x) }, "int", ""},
		{"no arguments", func() int { return in.Value() + 1 }, "3", ""},
	} {
		var err error
		shown := captureStdout(t, func() { err = viz.Interact(c.fn, in) })
		if c.wantErr == "" {
			require.NoError(t, err, c.name)
		} else {
			require.EqualError(t, err, c.wantErr, c.name)
		}
		lines := strings.SplitN(shown, "\n", 3)
		require.Len(t, lines, 3, c.name)
		assert.Equal(t, "x  2  (0 … 4)", lines[0], c.name)
		assert.Equal(t, c.want+"\n", lines[2], c.name)
	}
}
