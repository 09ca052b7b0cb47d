// Package resnet has residual nets for pictures, new ones to train and checkpoints as Hugging Face's transformers writes them.
//
//	c, store, err := resnet.Open("resnet-50")                    // a folder with config.json and model.safetensors
//	exec, err := model.NewExec(backend, store, c.Logits)         // of images float32[B H W C]
//
//	trainer := train.NewTrainer(backend, model.NewStore(), resnet.New18(3, 10).Logits, …)
package resnet

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// Config is the sizes of a residual net.
type Config struct {
	Channels int   // of pictures
	Stem     int   // channels after the first convolution
	Widths   []int // channels of each stage
	Depths   []int // blocks of each stage
	Classes  int

	// Bottleneck makes blocks of three convolutions, 1x1, 3x3 and 1x1, the first two of a quarter of the width; otherwise they have two of 3x3.
	Bottleneck bool
	// StrideFirst has the 1x1 convolution of a bottleneck go over every second place, as in the paper, and not the 3x3 one, which is more exact.
	StrideFirst bool
	// Small leaves out that the first convolution and a pooling behind it make pictures four times smaller, for those of 32x32 and less.
	Small bool
	// DownsampleFirst makes pictures smaller at the begin of the first stage too.
	DownsampleFirst bool
}

// New18 is the sizes of ResNet-18.
func New18(channels, classes int) Config {
	return Config{Channels: channels, Stem: 64, Widths: []int{64, 128, 256, 512}, Depths: []int{2, 2, 2, 2}, Classes: classes}
}

// New34 is the sizes of ResNet-34.
func New34(channels, classes int) Config {
	c := New18(channels, classes)
	c.Depths = []int{3, 4, 6, 3}
	return c
}

// New50 is the sizes of ResNet-50.
func New50(channels, classes int) Config {
	return Config{Channels: channels, Stem: 64, Widths: []int{256, 512, 1024, 2048}, Depths: []int{3, 4, 6, 3}, Classes: classes, Bottleneck: true}
}

// check tells what is wrong with sizes.
func (c Config) check() error {
	switch {
	case c.Channels < 1 || c.Stem < 1 || c.Classes < 1:
		return fmt.Errorf("ResNet: %d channels, a stem of %d and %d classes, want 1 and more", c.Channels, c.Stem, c.Classes)
	case len(c.Widths) == 0 || len(c.Widths) != len(c.Depths):
		return fmt.Errorf("ResNet: widths %v and depths %v, want one of each for each stage", c.Widths, c.Depths)
	}
	for i, w := range c.Widths {
		if w < 1 || c.Depths[i] < 1 || c.Bottleneck && w%4 != 0 {
			return fmt.Errorf("ResNet: stage %d has the width %d and the depth %d, want 1 and more, and the width of bottlenecks a multiple of 4", i, w, c.Depths[i])
		}
	}
	return nil
}

// Logits returns a number for each class of each picture, [B, Classes], of images [B, H, W, Channels], floats.
//
//	y = relu(f(x) + shortcut(x))      of each block
//
// Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 3.3 and table 1.
func (c Config) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	x := c.Features(scope, images)
	return layers.Dense(scope.In("classifier"), graph.ReduceMean(x, 1, 2), true, c.Classes)
}

// Features returns what the last stage makes of images, [B, H', W', channels].
func (c Config) Features(scope *model.Scope, images *graph.Node) *graph.Node {
	if err := c.check(); err != nil {
		graph.Errorf("%v", err)
	}
	if images.Rank() != 4 || images.Dim(3) != c.Channels || !images.DType().IsFloat() {
		graph.Errorf("ResNet: images are %s, want floats of [batch, height, width, %d]", images.Shape(), c.Channels)
	}
	x := images
	if c.Small {
		x = graph.Relu(conv(scope.In("stem"), x, c.Stem, 3, 1))
	} else {
		x = graph.Relu(conv(scope.In("stem"), x, c.Stem, 7, 2))
		x = graph.MaxPool(x).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	}
	for i, width := range c.Widths {
		for k := range c.Depths[i] {
			stride := 1
			if k == 0 && (i > 0 || c.DownsampleFirst) {
				stride = 2
			}
			x = c.block(scope.In("stage_%d_block_%d", i, k), x, width, stride)
		}
	}
	return x
}

func (c Config) block(scope *model.Scope, x *graph.Node, width, stride int) *graph.Node {
	shortcut := x
	if x.Dim(3) != width || stride > 1 {
		shortcut = conv(scope.In("shortcut"), x, width, 1, stride)
	}
	y := x
	if c.Bottleneck {
		first, second := 1, stride
		if c.StrideFirst {
			first, second = stride, 1
		}
		y = graph.Relu(conv(scope.In("conv_0"), y, width/4, 1, first))
		y = graph.Relu(conv(scope.In("conv_1"), y, width/4, 3, second))
		y = conv(scope.In("conv_2"), y, width, 1, 1)
	} else {
		y = graph.Relu(conv(scope.In("conv_0"), y, width, 3, stride))
		y = conv(scope.In("conv_1"), y, width, 3, 1)
	}
	return scope.Result(graph.Relu(graph.Add(y, shortcut)))
}

// conv is a convolution over a neighbourhood that is filled up with zeros on both sides alike, as PyTorch has it, and a norm over the batch.
func conv(scope *model.Scope, x *graph.Node, channels, size, stride int) *graph.Node {
	if p := size / 2; p > 0 {
		x = graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()), graph.PadAxis{}, graph.PadAxis{Start: p, End: p}, graph.PadAxis{Start: p, End: p})
	}
	x = layers.Convolution(scope, x).Channels(channels).KernelSize(size).Strides(stride).NoPadding().Bias(false).Done()
	return layers.BatchNorm(scope.In("norm"), x, -1).Momentum(0.9).Epsilon(1e-5).Done()
}

// Open opens a checkpoint of transformers, a folder, of a net that classifies pictures.
func Open(dir string) (c Config, store *model.Store, err error) { return open(lm.Dir(dir)) }

// OpenFS is [Open] for a folder of a file system, such as what a program has embedded.
func OpenFS(fsys fs.FS, dir string) (c Config, store *model.Store, err error) {
	return open(lm.In(fsys, dir))
}

func open(dir lm.Folder) (c Config, store *model.Store, err error) {
	fail := func(err error) (Config, *model.Store, error) {
		return Config{}, nil, fmt.Errorf("resnet.Open: %w", err)
	}
	var v struct {
		Channels   int               `json:"num_channels"`
		Stem       int               `json:"embedding_size"`
		Widths     []int             `json:"hidden_sizes"`
		Depths     []int             `json:"depths"`
		Layer      string            `json:"layer_type"`
		Activation string            `json:"hidden_act"`
		First      bool              `json:"downsample_in_first_stage"`
		In         bool              `json:"downsample_in_bottleneck"`
		Labels     map[string]string `json:"id2label"`
	}
	if err := dir.ReadConfig("resnet", &v); err != nil {
		return fail(err)
	}
	switch {
	case v.Activation != "relu":
		return fail(fmt.Errorf("%s: the activation %q is not known: known is relu", dir, v.Activation))
	case v.Layer != "basic" && v.Layer != "bottleneck":
		return fail(fmt.Errorf("%s: layers of the kind %q are not known: known are basic and bottleneck", dir, v.Layer))
	}
	c = Config{Channels: v.Channels, Stem: v.Stem, Widths: v.Widths, Depths: v.Depths, Classes: lm.Labels(v.Labels), Bottleneck: v.Layer == "bottleneck", StrideFirst: v.In, DownsampleFirst: v.First}
	wanted, err := pretrained.Wanted(func(scope *model.Scope, in []*graph.Node) { c.Logits(scope, in[0]) }, shapes.Make(dtypes.Float32, 1, 64, 64, max(1, c.Channels)))
	if err != nil {
		return fail(err)
	}
	const block, our = "resnet.encoder.stages.{}.layers.{}.", "/stage_{}_block_{}/"
	rules := slices.Concat(convolution("resnet.embedder.embedder", "/stem"), convolution(block+"shortcut", our+"shortcut"),
		convolution(block+"layer.0", our+"conv_0"), convolution(block+"layer.1", our+"conv_1"), convolution(block+"layer.2", our+"conv_2"),
		[]pretrained.Rule{{From: "classifier.1.weight", To: "/classifier/weights", Transpose: true}, {From: "classifier.1.bias", To: "/classifier/biases"}})
	file, err := dir.Checkpoint()
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	store = model.NewStore()
	if _, err := pretrained.Load(store, file, wanted, rules, `num_batches_tracked$`); err != nil {
		store.Close()
		return fail(fmt.Errorf("%s: %w", dir, err))
	}
	for v := range store.IterVariables() {
		if name := v.Name(); name == "mean" || name == "variance" { // of a batch norm: they follow, and are not learned
			v.SetTrainable(false)
		}
	}
	return c, store, nil
}

func convolution(from, to string) []pretrained.Rule {
	return []pretrained.Rule{
		{From: from + ".convolution.weight", To: to + "/weights", Axes: []int{2, 3, 1, 0}},
		{From: from + ".normalization.weight", To: to + "/norm/gain"}, {From: from + ".normalization.bias", To: to + "/norm/offset"},
		{From: from + ".normalization.running_mean", To: to + "/norm/mean"}, {From: from + ".normalization.running_var", To: to + "/norm/variance"},
	}
}
