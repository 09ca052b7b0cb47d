package zoo_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/classic"
	"github.com/quire-ml/quire/ml/zoo/decoder"
	"github.com/quire-ml/quire/ml/zoo/internal/reference"
	"github.com/quire-ml/quire/ml/zoo/resnet"
	"github.com/quire-ml/quire/ml/zoo/transformer"
	"github.com/quire-ml/quire/ml/zoo/unet"
	"github.com/quire-ml/quire/ml/zoo/vae"
)

// TestParameters counts those of known sizes, and holds docs/zoo.md to them. Nothing is computed.
func TestParameters(t *testing.T) {
	text, err := os.ReadFile("../../docs/zoo.md")
	require.NoError(t, err)
	pictures := func(side, channels int) shapes.Shape { return shapes.Make(dtypes.Float32, 1, side, side, channels) }
	ids := shapes.Make(dtypes.Int32, 1, 2)
	one := func(fn func(scope *model.Scope, x *graph.Node) *graph.Node) func(scope *model.Scope, in []*graph.Node) {
		return func(scope *model.Scope, in []*graph.Node) { fn(scope, in[0]) }
	}
	llama := decoder.Config{Vocabulary: 128256, Width: 2048, Hidden: 8192, Layers: 16, Heads: 32, KVHeads: 8, HeadDim: 64, Positions: 131072, DType: dtypes.Float32, Epsilon: 1e-5,
		RotaryBase: 500000, Activation: "silu", Tied: true}
	for _, c := range []struct {
		name  string
		want  int
		in    shapes.Shape
		build func(scope *model.Scope, in []*graph.Node)
	}{
		{"MLP", 669_706, pictures(28, 1), one(classic.MLP{Hidden: []int{512, 512}, Out: 10}.Logits)},
		{"LeNet-5", 61_706, pictures(32, 1), one(classic.LeNet{Classes: 10}.Logits)},
		{"ResNet-18", 11_689_512, pictures(64, 3), one(resnet.New18(3, 1000).Logits)},
		{"ResNet-34", 21_797_672, pictures(64, 3), one(resnet.New34(3, 1000).Logits)},
		{"ResNet-50", 25_557_032, pictures(64, 3), one(resnet.New50(3, 1000).Logits)},
		{"ViT-B/16", 86_567_656, pictures(224, 3), one(transformer.ViTBase16(1000).Logits)},
		{"BERT base", 109_482_240, ids, func(scope *model.Scope, in []*graph.Node) {
			c := transformer.BERTBase()
			c.Pooled(scope, c.Hidden(scope, in[0], nil, nil))
		}},
		{"GPT-2 small", 124_439_808, ids, one(transformer.GPT2Small().Logits)},
		{"Llama", 1_235_814_400, ids, one(llama.Logits)},
		{"U-Net", 25_372_803, pictures(32, 3), func(scope *model.Scope, in []*graph.Node) {
			t := graph.Zeros(in[0].Graph(), shapes.Make(dtypes.Float32, 1))
			unet.Config{Widths: []int{64, 128, 256, 256}, Blocks: 2, Heads: []int{0, 4, 4, 0}}.Net(scope, in[0], t, nil)
		}},
		{"variational autoencoder", 52_481, pictures(28, 1), one(vae.Config{Height: 28, Width: 28, Channels: 1, Widths: []int{16, 32}, Codes: 8}.Reconstruct)},
	} {
		assert.Equal(t, c.want, reference.Parameters(t, c.build, c.in), c.name)
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(c.name) + `.*$`).FindString(string(text))
		assert.Contains(t, row, thousands(c.want), "docs/zoo.md, the row of %s", c.name)
	}
}

// TestEveryPackageIsToldOf holds docs/zoo.md to the packages that there are.
func TestEveryPackageIsToldOf(t *testing.T) {
	text, err := os.ReadFile("../../docs/zoo.md")
	require.NoError(t, err)
	folders, err := os.ReadDir(".")
	require.NoError(t, err)
	n := 0
	for _, f := range folders {
		if f.IsDir() && f.Name() != "internal" {
			assert.Contains(t, string(text), "](../ml/zoo/"+f.Name()+") |", "docs/zoo.md")
			n++
		}
	}
	assert.Greater(t, n, 5)
}

// thousands writes a number with a comma at each thousand.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return strings.Join([]string{thousands(n / 1000), fmt.Sprintf("%03d", n%1000)}, ",")
}
