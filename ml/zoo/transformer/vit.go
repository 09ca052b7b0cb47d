package transformer

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// ViT is the sizes of a vision transformer: an encoder over patches of pictures, and norms before its blocks.
type ViT struct {
	Size
	Picture  int // height and width
	Patch    int // height and width of a patch; divides Picture
	Channels int
	Classes  int
}

// ViTBase16 is the sizes of ViT-B/16 for colour pictures of 224x224, of 87 million parameters for 1000 classes.
func ViTBase16(classes int) ViT {
	return ViT{Size: Size{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Epsilon: 1e-6, Activation: "gelu"}, Picture: 224, Patch: 16, Channels: 3, Classes: classes}
}

// Hidden returns what the last layer makes of pictures, [B, Picture, Picture, Channels] floats: [B, 1 + patches, Width], the first for the whole picture.
//
// Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020, arXiv:2010.11929, section 3.1.
func (c ViT) Hidden(scope *model.Scope, images *graph.Node) *graph.Node {
	if err := c.check("ViT", map[string]int{"Picture": c.Picture, "Patch": c.Patch, "Channels": c.Channels, "Classes": c.Classes}); err != nil {
		graph.Errorf("%v", err)
	}
	if c.Picture%c.Patch != 0 {
		graph.Errorf("ViT: patches of %d do not divide pictures of %d", c.Patch, c.Picture)
	}
	if want := []int{c.Picture, c.Picture, c.Channels}; images.Rank() != 4 || !slices.Equal(images.Shape().Dimensions[1:], want) || !images.DType().IsFloat() {
		graph.Errorf("ViT: images are %s, want floats of [batch, %d, %d, %d]", images.Shape(), c.Picture, c.Picture, c.Channels)
	}
	side := c.Picture / c.Patch
	x := layers.Convolution(scope.In("patches"), images).Channels(c.Width).KernelSize(c.Patch).Strides(c.Patch).Done()
	x = graph.Reshape(x, x.Dim(0), side*side, c.Width)
	small := scope.WithInitializer(scope.InitializerOr(initializers.TruncatedNormalFn(0.02)))
	first := small.VariableWithShape("class", shapes.Make(x.DType(), 1, 1, c.Width)).NodeValue(x)
	x = graph.Concatenate([]*graph.Node{graph.BroadcastToDims(first, x.Dim(0), 1, c.Width), x}, 1)
	x = graph.Add(x, small.VariableWithShape("positions", shapes.Make(x.DType(), 1, 1+side*side, c.Width)).NodeValue(x))
	for i := range c.Layers {
		x = c.block(scope.In("layer_%d", i), x, true, both(nil))
	}
	return c.norm(scope.In("norm"), x)
}

// Logits returns a number for each class of each picture, [B, Classes].
func (c ViT) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	x := graph.Squeeze(graph.SliceAxis(c.Hidden(scope, images), 1, graph.AxisElem(0)), 1)
	return layers.Dense(scope.In("classifier"), x, true, c.Classes)
}

// OpenViT opens a checkpoint of transformers, a folder, of a model that classifies pictures.
func OpenViT(dir string) (c ViT, store *model.Store, err error) { return openViT(lm.Dir(dir)) }

// OpenViTFS is [OpenViT] for a folder of a file system, such as what a program has embedded.
func OpenViTFS(fsys fs.FS, dir string) (c ViT, store *model.Store, err error) {
	return openViT(lm.In(fsys, dir))
}

func openViT(dir lm.Folder) (c ViT, store *model.Store, err error) {
	var v struct {
		Picture    int               `json:"image_size"`
		Patch      int               `json:"patch_size"`
		Channels   int               `json:"num_channels"`
		Width      int               `json:"hidden_size"`
		Hidden     int               `json:"intermediate_size"`
		Layers     int               `json:"num_hidden_layers"`
		Heads      int               `json:"num_attention_heads"`
		Activation string            `json:"hidden_act"`
		Epsilon    float64           `json:"layer_norm_eps"`
		Labels     map[string]string `json:"id2label"`
	}
	v.Epsilon, v.Activation, v.Channels = 1e-12, "gelu", 3 // if the file leaves them out (transformers)
	fail := func(err error) (ViT, *model.Store, error) {
		return ViT{}, nil, fmt.Errorf("transformer.OpenViT: %w", err)
	}
	if err := dir.ReadConfig("vit", &v); err != nil {
		return fail(err)
	}
	act, err := activation(v.Activation)
	if err != nil {
		return fail(err)
	}
	c = ViT{Size{v.Width, v.Hidden, v.Layers, v.Heads, v.Epsilon, act}, v.Picture, v.Patch, v.Channels, lm.Labels(v.Labels)}
	const layer, our = "encoder.layer.{}.", "/layer_{}/"
	trunk := slices.Concat([]pretrained.Rule{
		{From: "embeddings.cls_token", To: "/class"}, {From: "embeddings.position_embeddings", To: "/positions"},
		{From: "embeddings.patch_embeddings.projection.weight", To: "/patches/weights", Axes: []int{2, 3, 1, 0}}, {From: "embeddings.patch_embeddings.projection.bias", To: "/patches/biases"},
	}, layerNorm("layernorm", "/norm"),
		linear(layer+"attention.attention.query", our+"attention/query"), linear(layer+"attention.attention.key", our+"attention/key"), linear(layer+"attention.attention.value", our+"attention/value"),
		linear(layer+"attention.output.dense", our+"attention/output"), layerNorm(layer+"layernorm_before", our+"attention_norm"),
		linear(layer+"intermediate.dense", our+"feed_forward/up"), linear(layer+"output.dense", our+"feed_forward/down"), layerNorm(layer+"layernorm_after", our+"feed_forward_norm"))
	rules := append(named("vit.", trunk), linear("classifier", "/classifier")...)
	store, err = load(dir, func(scope *model.Scope, in []*graph.Node) { c.Logits(scope, in[0]) }, []shapes.Shape{shapes.Make(dtypes.Float32, 1, c.Picture, c.Picture, c.Channels)}, rules, `pooler\.`)
	if err != nil {
		return fail(err)
	}
	return c, store, nil
}
