// Package vae has the variational autoencoder: a net that makes a short code of a picture, and another that makes pictures of codes, also of new ones.
//
//	c := vae.Config{Height: 28, Width: 28, Channels: 1, Widths: []int{16, 32}, Codes: 8}
//	trainer := train.NewTrainer(backend, store, c.Train, c.Loss, optimizers.Adam().LearningRate(1e-3).Done()) // of images float32[B 28 28 1], 0 to 1
//	decode, err := model.NewExec(backend, store, c.Decode)                                                    // of codes float32[B 8], normally distributed
package vae

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
)

// Config is the sizes of a variational autoencoder.
type Config struct {
	Height, Width, Channels int     // of pictures; height and width are multiples of 2 for each of Widths
	Widths                  []int   // channels of the encoder's convolutions, each of which halves pictures
	Codes                   int     // numbers in a code
	Beta                    float64 // what the distance of codes from the normal distribution weighs; 1 if it is 0
}

// check tells what is wrong with sizes.
func (c Config) check() {
	n := 1 << min(len(c.Widths), 30)
	if c.Height < 1 || c.Width < 1 || c.Channels < 1 || c.Codes < 1 || len(c.Widths) == 0 || slices.Min(c.Widths) < 1 || !(c.Beta >= 0) {
		graph.Errorf("VAE: pictures of %dx%dx%d, widths %v, %d codes and a Beta of %v: want 1 and more, and a Beta of 0 and more", c.Height, c.Width, c.Channels, c.Widths, c.Codes, c.Beta)
	}
	if c.Height%n != 0 || c.Width%n != 0 {
		graph.Errorf("VAE: pictures of %dx%d cannot be halved %d times: want multiples of %d", c.Height, c.Width, len(c.Widths), n)
	}
}

// Encode returns mean and logarithm of the variance, [B, Codes] each, of the codes of images, [B, Height, Width, Channels].
func (c Config) Encode(scope *model.Scope, images *graph.Node) (mean, logVariance *graph.Node) {
	c.check()
	if want := []int{c.Height, c.Width, c.Channels}; images.Rank() != 4 || !slices.Equal(images.Shape().Dimensions[1:], want) || !images.DType().IsFloat() {
		graph.Errorf("VAE: images are %s, want floats of [batch, %d, %d, %d]", images.Shape(), c.Height, c.Width, c.Channels)
	}
	scope = scope.In("encoder")
	x := images
	for i, width := range c.Widths {
		x = graph.Relu(layers.Convolution(scope.In("conv_%d", i), x).Channels(width).KernelSize(3).Strides(2).PadSame().Done())
	}
	x = graph.Reshape(x, x.Dim(0), -1)
	return layers.Dense(scope.In("mean"), x, true, c.Codes), layers.Dense(scope.In("log_variance"), x, true, c.Codes)
}

// Decode returns pictures of codes, [B, Codes], as logits [B, Height, Width, Channels]: their sigmoid is between 0 and 1.
func (c Config) Decode(scope *model.Scope, codes *graph.Node) *graph.Node {
	c.check()
	if codes.Rank() != 2 || codes.Dim(1) != c.Codes || !codes.DType().IsFloat() {
		graph.Errorf("VAE: codes are %s, want floats of [batch, %d]", codes.Shape(), c.Codes)
	}
	scope = scope.In("decoder")
	n := len(c.Widths)
	h, w := c.Height>>n, c.Width>>n
	x := graph.Relu(layers.Dense(scope.In("dense"), codes, true, h*w*c.Widths[n-1]))
	x = graph.Reshape(x, codes.Dim(0), h, w, c.Widths[n-1])
	grow := func(i int, x *graph.Node, channels int) *graph.Node {
		return conv.Transposed(scope.In("conv_%d", i), x).Channels(channels).KernelSize(4).Strides(2).PadSame().Done()
	}
	for i := n - 1; i > 0; i-- {
		x = graph.Relu(grow(i, x, c.Widths[i-1]))
	}
	return grow(0, x, c.Channels)
}

// The names under which Train tells losses what it knows besides its predictions, see losses.Output.
const (
	meanOutput        = "vae/mean"
	logVarianceOutput = "vae/log_variance"
)

// Train returns the pictures that are made of images by way of codes, which are drawn, as logits:
//
//	codes = mean + exp(logVariance/2) · noise
//
// It is a model for a trainer, with the loss [Config.Loss].
//
// Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, arXiv:1312.6114, sections 2.4 and 3.
func (c Config) Train(scope *model.Scope, images *graph.Node) *graph.Node {
	mean, logVariance := c.Encode(scope, images)
	losses.SetOutput(meanOutput, mean)
	losses.SetOutput(logVarianceOutput, logVariance)
	noise := scope.RandomNormal(images.Graph(), mean.Shape())
	return c.Decode(scope, graph.Add(mean, graph.Mul(graph.Exp(graph.DivScalar(logVariance, 2)), noise)))
}

// Reconstruct returns the pictures that are made of images by way of the means of their codes, between 0 and 1.
func (c Config) Reconstruct(scope *model.Scope, images *graph.Node) *graph.Node {
	mean, _ := c.Encode(scope, images)
	return graph.Sigmoid(c.Decode(scope, mean))
}

// Loss returns what the pictures and codes cost, the mean over examples, in nats: it is the negative of the evidence's lower bound if Beta is 1.
//
//	-Σ (x · log p + (1-x) · log(1-p)) + Beta · KL,   p = sigmoid(predictions)
//	KL = Σ (exp(logVariance) + mean² - 1 - logVariance)/2
//
// The images x, between 0 and 1, are the model's inputs; the first label is not looked at, and there need be none.
//
// Source: Kingma and Welling 2013, appendices B and C.1; Higgins et al., "beta-VAE", 2017, eq. 4.
func (c Config) Loss(labels, predictions []*graph.Node) *graph.Node {
	if len(predictions) != 1 {
		graph.Errorf("VAE: a loss of %d predictions, want that of Train", len(predictions))
	}
	logits := predictions[0]
	g := logits.Graph()
	inputs := losses.Inputs(g)
	if len(inputs) == 0 || !inputs[0].Shape().Equal(logits.Shape()) {
		graph.Errorf("VAE: the loss has predictions %s of other pictures than went in: want the model Train, of the same sizes", logits.Shape())
	}
	x := inputs[0]
	each := graph.ReduceSum(graph.Sub(graph.Softplus(logits), graph.Mul(x, logits)), 1, 2, 3) // float32[B]: of p = sigmoid(logits), without overflow
	beta := c.Beta
	if beta == 0 {
		beta = 1
	}
	far := KullbackLeibler(losses.Output(g, meanOutput), losses.Output(g, logVarianceOutput))
	return losses.Reduce(graph.Add(each, graph.MulScalar(far, beta)), labels)
}

// KullbackLeibler returns how far normal distributions are from that of mean 0 and variance 1, float32[B], in nats:
//
//	Σ (exp(logVariance) + mean² - 1 - logVariance)/2
//
// mean and logVariance are [B, Codes].
//
// Source: Kingma and Welling 2013, appendix B.
func KullbackLeibler(mean, logVariance *graph.Node) *graph.Node {
	if mean.Rank() != 2 || !mean.Shape().Equal(logVariance.Shape()) {
		graph.Errorf("KullbackLeibler %s · %s: want [batch, codes], both alike", mean.Shape(), logVariance.Shape())
	}
	each := graph.Sub(graph.Add(graph.Exp(logVariance), graph.Square(mean)), graph.OnePlus(logVariance))
	return graph.DivScalar(graph.ReduceSum(each, 1), 2)
}
