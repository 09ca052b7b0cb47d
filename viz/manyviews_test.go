package viz_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svgtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	_ viz.Evaluator = (*train.Trainer)(nil)
	_ viz.Rate      = optimizers.Schedule(nil)
)

// sweepOf is n runs of a search over the learning rate and the optimizer.
func sweepOf(n int) (runs []*viz.Run) {
	for i := range n {
		r := viz.NewRun(fmt.Sprintf("trial %d", i+1))
		rate := math.Pow(10, -4+3*math.Mod(float64(i)*0.618, 1))
		having(r, "learning rate", fmt.Sprintf("%.2g", rate), "optimizer", []string{"adam", "sgd", "lion"}[i%3], "width", 32<<(i%4))
		lowest := 0.1 + math.Pow(math.Log10(rate)+2.5, 2)/4
		r.Add(train.Event{Kind: train.Start, Steps: 100, Epochs: 5})
		for step := 1; step <= 100; step++ {
			loss := lowest + 2*math.Exp(-float64(step)/20) + 0.03*math.Sin(float64(step*step+i))
			e := train.Event{Kind: train.Step, Step: step, Steps: 100, GlobalStep: int64(step), Epoch: 1 + (step-1)/20, Epochs: 5, Elapsed: time.Duration(step*(i+1)) * time.Millisecond,
				Metrics: []train.Metric{{Name: "Batch loss", Short: "batch", Kind: "loss", Value: loss}, {Name: "Mean loss", Short: "loss", Kind: "loss", Value: loss}}}
			r.Add(e)
			if step%20 == 0 {
				e.Kind, e.Metrics = train.Epoch, e.Metrics[1:]
				r.Add(e)
				e.Kind, e.Dataset, e.Metrics = train.Eval, "test", []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: lowest + 2.2*math.Exp(-float64(step)/20)}}
				r.Add(e)
			}
		}
		r.Add(train.Event{Kind: train.End, Step: 100, Steps: 100, GlobalStep: 100, Epoch: 5, Epochs: 5, Elapsed: time.Duration(100*(i+1)) * time.Millisecond})
		runs = append(runs, r)
	}
	return runs
}

// twoClasses are labels, and scores that tell them apart but for some.
func twoClasses(n int) (truth []int, scores []float64) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		t := i % 3 % 2
		truth = append(truth, t)
		scores = append(scores, 1/(1+math.Exp(-1.6*r.NormFloat64()-2*float64(t)+1)))
	}
	return truth, scores
}

// threeClasses are labels and probabilities of three classes.
func threeClasses(n int) (truth []int, p [][]float64) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		row, sum := make([]float64, 3), 0.0
		for k := range row {
			row[k] = math.Exp(r.NormFloat64())
			if k == i%3 {
				row[k] *= 4
			}
			sum += row[k]
		}
		for k := range row {
			row[k] /= sum
		}
		truth, p = append(truth, i%3), append(p, row)
	}
	return truth, p
}

// aboutALine are numbers, and predictions that are off by some noise.
func aboutALine(n int) (truth, predicted []float64) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range n {
		v := 10 * float64(i) / float64(n)
		truth, predicted = append(truth, v), append(predicted, v+r.NormFloat64())
	}
	return truth, predicted
}

// wrongEvery is a model of pictures that takes every so manyth class for the next one; its loss is large there.
type wrongEvery int

func (w wrongEvery) Predict(inputs ...any) ([]*tensors.Tensor, error) {
	x := inputs[0].(*tensors.Tensor)
	n := x.Shape().Dimensions[0]
	out := make([]float32, n*5)
	for i := range n {
		class := classOf(x, i)
		if class%int(w) == 0 {
			class = (class + 1) % 5
		}
		out[i*5+class] = 1
	}
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(out, n, 5)}, nil
}

// classOf is the class of a picture of rings: by how bright it is.
func classOf(x *tensors.Tensor, i int) int {
	size := x.Size() / x.Shape().Dimensions[0]
	sum := 0.0
	for k := range size {
		sum += x.Float64At(i*size + k)
	}
	best, least := 0, math.Inf(1)
	for c := range 5 {
		all := rings(5, 8)
		s := 0.0
		for k := range 64 {
			s += all.Float64At(c*64 + k)
		}
		if d := math.Abs(s - sum); d < least {
			best, least = c, d
		}
	}
	return best
}

func (w wrongEvery) EvalStep(b data.Batch) (train.Metrics, error) {
	class := classOf(b.Inputs[0], 0)
	loss := 0.1 + float64(class)/100
	if class%int(w) == 0 {
		loss += 3
	}
	return train.Metrics{{Name: "Mean loss", Value: loss}}, nil
}

// numbersModel predicts half of what it gets.
type numbersModel struct{}

func (numbersModel) Predict(inputs ...any) ([]*tensors.Tensor, error) {
	x := inputs[0].(*tensors.Tensor)
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions([]float32{float32(x.Float64At(0) / 2)}, 1)}, nil
}

func (numbersModel) EvalStep(b data.Batch) (train.Metrics, error) {
	d := b.Inputs[0].Float64At(0)/2 - b.Labels[0].Float64At(0)
	return train.Metrics{{Name: "Mean loss", Value: d * d}}, nil
}

func numbersSet() *data.InMemoryDataset {
	ds, err := data.InMemory("numbers", wave(7, 2), wave(7))
	if err != nil {
		panic(err)
	}
	return ds.BatchSize(3, false)
}

// gpt is a decoder of four layers, as people write it.
func gpt(scope *model.Scope, tokens *graph.Node) *graph.Node {
	const width, heads = 32, 4
	g := tokens.Graph()
	length := tokens.Shape().Dim(1)
	x := layers.Embedding(scope.In("tokens"), tokens, dtypes.Float32, 65, width)
	places := layers.Embedding(scope.In("places"), graph.Iota(g, shapes.Make(dtypes.Int32, length), 0), dtypes.Float32, length, width)
	x = graph.Add(x, graph.ExpandAxes(places, 0))
	for i := range 4 {
		x = gptBlock(scope.In(fmt.Sprintf("block_%d", i)), x, heads, width/heads)
	}
	x = layers.LayerNorm(scope.In("norm"), x, -1).Done()
	return layers.Dense(scope.In("readout"), x, false, 65)
}

func gptBlock(scope *model.Scope, x *graph.Node, heads, size int) *graph.Node {
	h := layers.LayerNorm(scope.In("norm1"), x, -1).Done()
	h = layers.MultiHeadAttention(scope.In("attention"), h, h, h, heads, size).CausalMask(true).Done()
	x = graph.Add(x, h)
	h = layers.LayerNorm(scope.In("norm2"), x, -1).Done()
	h = graph.Gelu(layers.Dense(scope.In("up"), h, true, 4*heads*size))
	return graph.Add(x, layers.Dense(scope.In("down"), h, true, heads*size))
}

func gptView() viz.Bundle { return viz.Graph(gpt, shapes.Make(dtypes.Int32, 2, 16)) }

// size is what a picture measures.
var size = regexp.MustCompile(`^<svg[^>]* width="([\d.]+)" height="([\d.]+)"`)

func TestAGPTFitsOnAScreen(t *testing.T) {
	pictures := svgtest.Pictures(gptView().HTML())
	require.NotEmpty(t, pictures)
	over := pictures[0]
	var w, h float64
	m := size.FindStringSubmatch(over)
	require.NotNil(t, m)
	_, err := fmt.Sscan(m[1]+" "+m[2], &w, &h)
	require.NoError(t, err)
	assert.Less(t, w, 1000.0)
	assert.Less(t, h, 1000.0)
	assert.Contains(t, over, ">×4</text>")
	assert.Contains(t, over, "layers.MultiHeadAttention")
	assert.Contains(t, over, "/block_*/attention")
	for _, inner := range []string{"gain", "/weights", "/biases", ">Iota<", ">LessOrEqual<", ">GreaterOrEqual<"} {
		assert.NotContains(t, over, inner, "drawn as a node of its own")
	}
	assert.Equal(t, 1, strings.Count(over, "layers.MultiHeadAttention"))
	whole := viz.GraphWith(viz.GraphOptions{Depth: 2}, gpt, shapes.Make(dtypes.Int32, 2, 16))
	block := svgtest.Pictures(whole.HTML())[0]
	assert.Contains(t, block, "viz_test.gptBlock")
	assert.Contains(t, block, ">×4</text>")
}

func TestManyRunsAreToldApart(t *testing.T) {
	for _, n := range []int{6, 13, 50} {
		for _, o := range []viz.CurveOptions{{}, {ColorBy: "learning rate"}, {ColorBy: "optimizer"}} {
			b := viz.CurvesWith(o, sweepOf(n)...)
			name := fmt.Sprintf("%d runs by %q", n, o.ColorBy)
			checkPictures(t, name, b)
			pictures := svgtest.Pictures(b.HTML())
			require.Len(t, pictures, 2+n, "%s: a chart of training, one of the test, a line per run in the table", name)
			for _, p := range pictures[:2] {
				assert.Equal(t, n, strings.Count(p, `<path d="M`)-strings.Count(p, `class="a"/>`)-strings.Count(p, `class="g"/>`), "%s: lines", name)
				assert.Equal(t, 1, strings.Count(p, ` thick"`), "%s: lines that stand out", name)
			}
			seen := map[string]bool{}
			for _, p := range pictures[2:] {
				seen[p] = true
			}
			if o.ColorBy != "optimizer" && n <= 13 || o.ColorBy == "" {
				assert.Len(t, seen, n, "%s: looks", name)
			}
			assert.Contains(t, b.Text(), "best by test loss: trial")
			assert.Contains(t, b.Text(), "100ms", "the time of the first run")
		}
	}
}

func TestLimitsOfCurves(t *testing.T) {
	b := viz.CurvesWith(viz.CurveOptions{XLimits: [2]float64{100, 200}, YLimits: [2]float64{0, 0.5}}, run(1000, 1000, 1))
	checkPictures(t, "limits", b)
	p := svgtest.Pictures(b.HTML())
	assert.Contains(t, p[0], ">0.5</text>")
	assert.Contains(t, p[0], ">100</text>")
	assert.NotContains(t, p[0], ">1000</text>")
	assert.Contains(t, p[1], "100%</text>", "percentages keep their axis")
}

func TestTopLossesOfATrainer(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	trainer := train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope, x, true, 3)
	}, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
	ds, err := data.InMemory("three", wave(10, 4), []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0})
	require.NoError(t, err)
	ds.BatchSize(4, false)
	b := viz.TopLosses(trainer, ds, viz.ResultOptions{Count: 3, Classes: []string{"ant", "bee", "cat"}})
	lines := strings.Split(b.Text(), "\n")
	require.Len(t, lines, 8, b.Text())
	assert.Equal(t, "the largest losses of 10 examples", lines[0])
	var worst []float64
	for _, line := range lines[3:6] {
		var place int
		var loss float64
		_, err := fmt.Sscan(line, &place, &loss)
		require.NoError(t, err, line)
		worst = append(worst, loss)
	}
	sum := 0.0
	for example, err := range ds.Iter() { // the mean over all is that of the losses one by one
		require.NoError(t, err)
		m, err := trainer.EvalStep(example)
		require.NoError(t, err)
		sum += m[0].Value
		require.NoError(t, example.Close())
	}
	assert.GreaterOrEqual(t, worst[0], worst[1])
	assert.GreaterOrEqual(t, worst[1], worst[2])
	assert.Greater(t, worst[0], sum/3)
	assert.Contains(t, viz.Results(trainer, ds).Text(), " of 10 right")
}

// broken is a data set that fails.
type broken struct{}

func (broken) Name() string { return "broken" }

func (broken) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) { yield(data.Batch{}, errors.New("line 3: no number")) }
}

// keeper is a model that keeps what it gave away: two outputs each time.
type keeper struct {
	given []*tensors.Tensor
	fails int // at which call; 0 for never
}

func (k *keeper) Predict(...any) ([]*tensors.Tensor, error) {
	if k.fails > 0 && len(k.given) >= 2*(k.fails-1) {
		return nil, errors.New("it fails")
	}
	out := []*tensors.Tensor{tensors.FromValue([][]float32{{1, 2, 3}}), tensors.FromValue([]float32{4})}
	k.given = append(k.given, out...)
	return out, nil
}

func (k *keeper) EvalStep(b data.Batch) (train.Metrics, error) {
	return train.Metrics{{Value: b.Inputs[0].Float64At(0)}}, nil
}

// Memory that predictions take is given back when a view is made of them, and not to the collector, which does not see memory of devices.
func TestViewsOfResultsReleaseWhatTheyGot(t *testing.T) {
	for _, fails := range []int{0, 1, 3} {
		for name, view := range map[string]func(k *keeper, ds data.Dataset) viz.Bundle{
			"Results":   func(k *keeper, ds data.Dataset) viz.Bundle { return viz.Results(k, ds, viz.ResultOptions{Count: 4}) },
			"TopLosses": func(k *keeper, ds data.Dataset) viz.Bundle { return viz.TopLosses(k, ds, viz.ResultOptions{Count: 4}) },
		} {
			for _, pictures := range []bool{true, false} {
				x := make([]float32, 10*8*8)
				for i := range x {
					x[i] = float32(i % 7)
				}
				dims := []int{10, 64}
				if pictures {
					dims = []int{10, 8, 8}
				}
				inner, err := data.InMemory("x", tensors.FromFlatDataAndDimensions(x, dims...), make([]int32, 10))
				require.NoError(t, err)
				var read []data.Batch
				ds := data.Map(inner.BatchSize(3, false), func(b data.Batch) (data.Batch, error) {
					read = append(read, b)
					return b, nil
				})
				k := &keeper{fails: fails}
				text := view(k, ds).Text()
				require.Equal(t, fails > 0, strings.Contains(text, "it fails"), text)
				require.Equal(t, fails != 1, len(k.given) > 0)
				for _, given := range k.given {
					require.False(t, given.Ok(), "%s, failing at %d: a prediction is left open", name, fails)
				}
				for _, b := range read {
					require.False(t, b.Inputs[0].Ok(), "%s, failing at %d: a batch is left open", name, fails)
				}
			}
		}
	}
}

func TestResultsOfWhatFails(t *testing.T) {
	assert.Equal(t, "error: viz.Results: line 3: no number", viz.Results(numbersModel{}, broken{}).Text())
	assert.Equal(t, "error: viz.TopLosses: line 3: no number", viz.TopLosses(numbersModel{}, broken{}).Text())
	var none *data.InMemoryDataset
	assert.Contains(t, viz.Results(numbersModel{}, none).Text(), "the data set is nil")
}

func TestInteractiveWithoutItsPackage(t *testing.T) {
	text := viz.Interactive(viz.Curves(run(100, 100, 1))).Text()
	assert.True(t, strings.HasPrefix(text, "no interactive page: interactive pages are written by a package of their own"), text)
	assert.Contains(t, text, "test loss", "the static view")
	assert.Contains(t, viz.Interactive(3).Text(), "no interactive page: there is nothing in it")
}
