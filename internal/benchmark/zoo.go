package main

import (
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/zoo/resnet"
	"github.com/quire-ml/quire/ml/zoo/transformer"
)

// zoo returns steps of training of models of package zoo, as they are.
func zoo() []*benchCase { return []*benchCase{gptStep(), resnetStep()} }

// The GPT: 8 texts of 128, 256 channels in 4 heads, four layers, 1024 kinds of tokens; 3.5 million parameters.
const (
	gptBatch, gptTime, gptWidth, gptHeads, gptLayers, gptKinds = 8, 128, 256, 4, 4, 1024

	gptTokens = gptBatch * gptTime
	gptFlops  = 3 * (2*gptTokens*(gptLayers*12*gptWidth*gptWidth+gptWidth*gptKinds) + gptLayers*2*2*gptTokens*gptTime*gptWidth)
)

func gptStep() *benchCase {
	return &benchCase{name: "zoo_gpt2_train_step_b8_t128_l4_d256", group: modelsGroup, flops: gptFlops, prepare: func(m *maker) (*work, error) {
		c := transformer.GPT2{
			Size:       transformer.Size{Width: gptWidth, Hidden: 4 * gptWidth, Layers: gptLayers, Heads: gptHeads, Epsilon: 1e-5, Activation: "gelu_approximate"},
			Vocabulary: gptKinds, Positions: gptTime,
		}
		batch := data.Batch{Inputs: []*tensors.Tensor{m.integers(gptKinds, gptBatch, gptTime)}, Labels: []*tensors.Tensor{m.integers(gptKinds, gptBatch, gptTime, 1)}}
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), c.Logits, losses.SparseCategoricalCrossEntropyLogits, adam()), batch)
	}}
}

// ResNet-18 on 8 colour pictures of 64 x 64, 10 classes; 11.2 million parameters.
const resnetBatch, resnetSide = 8, 64

// resnetFlops counts convolutions and the classifier, forward and twice as much back.
func resnetFlops() float64 {
	places := func(side int) int { return resnetBatch * side * side }
	side := resnetSide / 2
	n := places(side) * 3 * 7 * 7 * 64
	in := 64
	for i, width := range []int{64, 128, 256, 512} {
		side /= 2 // by the pooling, or by the stage's first strides
		if i > 0 {
			n += places(side) * in * width // the shortcut
		}
		n += places(side) * 9 * (in*width + 3*width*width)
		in = width
	}
	return 3 * 2 * float64(n+resnetBatch*in*10)
}

func resnetStep() *benchCase {
	return &benchCase{name: "zoo_resnet18_train_step_b8_64x64", group: modelsGroup, flops: resnetFlops(), prepare: func(m *maker) (*work, error) {
		batch := data.Batch{Inputs: []*tensors.Tensor{m.normal(resnetBatch, resnetSide, resnetSide, 3)}, Labels: []*tensors.Tensor{m.integers(10, resnetBatch, 1)}}
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), resnet.New18(3, 10).Logits, losses.SparseCategoricalCrossEntropyLogits, adam()), batch)
	}}
}
