package viz

import (
	"testing"

	"github.com/quire-ml/quire/internal/untrusted"

	"github.com/stretchr/testify/assert"
)

// What a saved notebook has in the place of controls, with what was drawn last below, is there also if somebody else made it.
func TestControlsSurviveAnUntrustedNotebook(t *testing.T) {
	controls := inputsView("controls move while the kernel runs: <b>these</b> are their first values", Slider("a<b>", 1, 9).input(),
		Slider("rate", 0.001, 1).Log().input(), Choice("title", "sine & <i>", "wave").input(),
		Checkbox("negate", true).input(), Button("again").input())
	for _, b := range []Bundle{controls, Stack(controls, Titled("a<b>", 3))} {
		assert.Contains(t, b.HTML(), "negate")
		assert.Nil(t, untrusted.Lost(b.HTML()))
	}
}
