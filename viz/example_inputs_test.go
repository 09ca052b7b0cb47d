package viz_test

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/viz"
)

func ExampleInteract() {
	_ = viz.Interact(func(rate float64, steps int) any {
		x := 1.0
		for range steps {
			x -= rate * 2 * x // gradient descent on x²
		}
		return fmt.Sprintf("x = %.4f after %d steps", x, steps)
	}, viz.Slider("rate", 0.001, 0.1).Log(), viz.Choice("steps", 10, 100))
	// Output:
	// rate   0.01  (0.001 … 0.1, logarithmic)
	// steps  10  (10 · 100)
	// the controls move in a notebook of Quire's kernel (quire lab) with ipywidgets: these are their first values
	// x = 0.8171 after 10 steps
}

// The function may ask the inputs, so that the compiler knows their types.
func ExampleInteract_handles() {
	angle := viz.Slider("angle", 0.0, 360).Start(90)
	half := viz.Checkbox("half", true)
	_ = viz.Interact(func() any {
		turn := angle.Value() / 360 * 2 * math.Pi
		if half.Value() {
			turn /= 2
		}
		return fmt.Sprintf("sin %.3f", math.Sin(turn))
	}, angle, half)
	// Output:
	// angle  90  (0 … 360)
	// half   yes  (yes · no)
	// the controls move in a notebook of Quire's kernel (quire lab) with ipywidgets: these are their first values
	// sin 0.707
}

func ExampleSlider() {
	rate := viz.Slider("rate", 0.001, 1).Log()
	layers := viz.Slider("layers", 1, 8).Start(2)
	viz.Show(rate)
	viz.Show(layers)
	fmt.Println(layers.Value() + 1)
	// Output:
	// rate  0.03162  (0.001 … 1, logarithmic)
	// layers  2  (1 … 8)
	// 3
}

func ExampleChoice() {
	activation := viz.Choice("activation", "relu", "gelu", "tanh").Start("gelu")
	viz.Show(activation)
	fmt.Println(activation.Value())
	// Output:
	// activation  gelu  (relu · gelu · tanh)
	// gelu
}

func ExampleCheckbox() {
	viz.Show(viz.Checkbox("normalise", true))
	// Output: normalise  yes  (yes · no)
}

func ExampleButton() {
	viz.Show(viz.Button("shuffle again"))
	// Output: shuffle again  0  (clicks)
}
