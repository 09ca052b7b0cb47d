package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// players is a game of two numbers: each has a loss of its own of both.
func players(scope *model.Scope, x *graph.Node) []*graph.Node {
	a := scope.In("a").VariableWithValue("w", 2.0).NodeValue(x)
	b := scope.In("b").VariableWithValue("w", 3.0).NodeValue(x)
	return []*graph.Node{a, b}
}

// aLoss is (a - b)², of which the gradient by a is 2(a - b); bLoss is a·b, of which that by b is a.
func aLoss(_, p []*graph.Node) *graph.Node { return graph.Square(graph.Sub(p[0], p[1])) }
func bLoss(_, p []*graph.Node) *graph.Node { return graph.Mul(p[0], p[1]) }

var aStep = data.Batch{Inputs: []*tensors.Tensor{tensors.FromScalar(0.0)}}

func theGame(t *testing.T, b graph.Backend) *train.Trainer {
	tr := train.NewTrainer(b, model.NewStore(), players, nil, nil)
	require.ErrorContains(t, tr.Err(), "the loss is nil")
	require.NoError(t, tr.SetObjectives(
		train.Objective{Name: "a loss", Loss: aLoss, Optimizer: optimizers.SGD().LearningRate(0.1).Done(), Variables: []string{"/a"}},
		train.Objective{Name: "b loss", Loss: bLoss, Optimizer: optimizers.SGD().LearningRate(0.01).Done()}))
	require.NoError(t, tr.Err())
	return tr
}

func TestObjectivesMoveTheirOwnVariables(t *testing.T) {
	for _, inTurn := range []bool{false, true} {
		tr := theGame(t, graphtest.Reference()).InTurn(inTurn)
		a, b := 2.0, 3.0
		for step := range 6 {
			m, err := tr.TrainStep(aStep)
			require.NoError(t, err)
			la, lb := (a-b)*(a-b), a*b
			require.InDelta(t, la+lb, m[0].Value, 1e-6)
			if step == 0 {
				require.InDelta(t, la, m[2].Value, 1e-9)
				require.Equal(t, "a loss", m[2].Name)
				require.InDelta(t, lb, m[3].Value, 1e-9)
			}
			da, db := 0.1*2*(a-b), 0.01*a
			if !inTurn || step%2 == 0 {
				a -= da
			}
			if !inTurn || step%2 == 1 {
				b -= db
			}
			require.InDelta(t, a, tr.Store().GetVariable("/a/w").MustValue().Value(), 1e-6)
			require.InDelta(t, b, tr.Store().GetVariable("/b/w").MustValue().Value(), 1e-6)
			require.Equal(t, int64(step+1), tr.GlobalStep())
		}
		e, err := tr.EvalStep(aStep)
		require.NoError(t, err)
		require.InDelta(t, (a-b)*(a-b), e.Value("a loss"), 1e-6)
		require.InDelta(t, a*b, e.Value("b loss"), 1e-6)
	}
}

func TestObjectivesThatMakeNoSense(t *testing.T) {
	opt := optimizers.SGD().Done()
	one := train.Objective{Name: "a loss", Loss: aLoss, Optimizer: opt, Variables: []string{"/a"}}
	two := train.Objective{Name: "b loss", Loss: bLoss, Optimizer: opt, Variables: []string{"/b"}}
	with := func(o train.Objective, change func(o *train.Objective)) train.Objective { change(&o); return o }
	for _, c := range []struct {
		name string
		list []train.Objective
		want string
	}{
		{"none", nil, "there are no objectives"},
		{"one without a loss", []train.Objective{one, {Name: "x", Optimizer: opt}}, `objective 1, "x", lacks a name, a loss or an optimizer`},
		{"one without a name", []train.Objective{with(one, func(o *train.Objective) { o.Name = "" })}, `lacks a name`},
		{"two of one name", []train.Objective{one, with(two, func(o *train.Objective) { o.Name = "a loss" })}, `two losses or metrics are called "a loss"`},
		{"the name of the loss", []train.Objective{with(one, func(o *train.Objective) { o.Name = "loss" })}, `two losses or metrics are called "loss"`},
		{"two of the rest", []train.Objective{with(one, func(o *train.Objective) { o.Variables = nil }), with(two, func(o *train.Objective) { o.Variables = nil })}, "2 objectives have no patterns"},
		{"a variable of none", []train.Objective{one}, `the variable "/b/w" is of no objective`},
		{"a variable of two", []train.Objective{one, with(two, func(o *train.Objective) { o.Variables = []string{"w"} })}, `the variable "/a/w" is one of the objectives "a loss" and "b loss"`},
		{"a pattern of none", []train.Objective{one, with(two, func(o *train.Objective) { o.Variables = []string{"/b", "/c"} }), {Name: "c", Loss: bLoss, Optimizer: opt, Variables: []string{"/d"}}}, `objective "c": the model has no variable of "/d"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := train.NewTrainer(graphtest.Reference(), model.NewStore(), players, nil, nil)
			err := tr.SetObjectives(c.list...)
			if err == nil {
				_, err = tr.TrainStep(aStep)
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
	require.ErrorContains(t, new(train.Trainer).SetObjectives(one), "make it with NewTrainer")
	noMetric := train.NewTrainer(graphtest.Reference(), model.NewStore(), players, nil, nil, nil)
	require.NoError(t, noMetric.SetObjectives(one, two))
	require.ErrorContains(t, noMetric.Err(), "a metric is nil")
	frozen := theGame(t, graphtest.Reference())
	require.NoError(t, frozen.Store().FreezeVariables("b/..."))
	_, err := frozen.TrainStep(aStep)
	require.NoError(t, err, "what is frozen is of nobody")
	require.Equal(t, 3.0, frozen.Store().GetVariable("/b/w").MustValue().Value())
}

// gan learns numbers around 3 with a deviation of 0.5: predictions are what the discriminator says of real and of made ones.
func gan(scope *model.Scope, real *graph.Node) []*graph.Node {
	g := real.Graph()
	noise := scope.RandomNormal(g, shapes.Make(dtypes.Float32, real.Dim(0), 4))
	made := layers.Dense(scope.In("generator").In("out"), graph.Tanh(layers.Dense(scope.At("generator").In("hidden"), noise, true, 16)), true, 1)
	judge := func(x *graph.Node) *graph.Node {
		s := scope.Shared("discriminator")
		return layers.Dense(s.In("out"), graph.Tanh(layers.Dense(s.In("hidden"), x, true, 16)), true, 1)
	}
	return []*graph.Node{judge(real), judge(made), made}
}

func bce(logits *graph.Node, label float64) *graph.Node {
	return losses.BinaryCrossentropyLogits([]*graph.Node{graph.AddScalar(graph.ZerosLike(logits), label)}, []*graph.Node{logits})
}

func ganTrainer(b graph.Backend) (*train.Trainer, error) {
	tr := train.NewTrainer(b, model.NewStore(), gan, nil, nil, metrics.New("made", "made", "value", func(_ *model.Scope, _, p []*graph.Node) *graph.Node { return p[2] }))
	return tr, tr.SetObjectives(
		train.Objective{Name: "discriminator", Variables: []string{"/discriminator"}, Optimizer: optimizers.Adam().LearningRate(0.005).Betas(0.5, 0.99).Done(), Loss: func(_, p []*graph.Node) *graph.Node {
			return graph.Add(graph.ReduceAllMean(bce(p[0], 1)), graph.ReduceAllMean(bce(p[1], 0)))
		}},
		train.Objective{Name: "generator", Variables: []string{"/generator"}, Optimizer: optimizers.Adam().LearningRate(0.005).Betas(0.5, 0.99).Done(), Loss: func(_, p []*graph.Node) *graph.Node {
			return graph.ReduceAllMean(bce(p[1], 1))
		}})
}

func threes() data.Dataset {
	return data.Generate("threes", 50, func(p data.Position) (data.Batch, error) {
		r := data.Rand(7, p.Epoch, p.Batch)
		x := make([][]float32, 64)
		for i := range x {
			x[i] = []float32{3 + float32(r.NormFloat64())/2}
		}
		return data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(x)}}, nil
	})
}

// A generator and a discriminator learn in a loop, by one program or in turn, and go on from a checkpoint as if nothing had happened.
func TestAGANInALoop(t *testing.T) {
	for _, inTurn := range []bool{false, true} {
		steps, half := int64(400), int64(201)
		if inTurn {
			steps = 800
		}
		run := func(dir string, to int64) *train.Loop {
			tr, err := ganTrainer(gocpu.New())
			require.NoError(t, err)
			loop := train.NewLoop(tr.InTurn(inTurn))
			h, err := checkpoints.Build(tr.Store()).Dir(dir).Done()
			require.NoError(t, err)
			require.NoError(t, h.Attach(loop, 100))
			_, err = loop.RunToGlobalStep(threes(), to)
			require.NoError(t, err)
			return loop
		}
		whole := run(t.TempDir(), steps)
		dir := t.TempDir()
		run(dir, half)
		resumed := run(dir, steps)
		require.Equal(t, contents(whole.Trainer().Store()), contents(resumed.Trainer().Store()))
		made, err := whole.Trainer().Eval(data.Take(threes(), 4))
		require.NoError(t, err)
		require.InDelta(t, 3, made.Value("made"), 1, "%s", made)
		require.False(t, math.IsNaN(made.Value("generator")))
	}
}

// Several tasks are one loss, and each is measured without its weight, with what its own labels weigh.
// An actor and a critic learn side by side, each by its own loss and optimizer in one step: the actor by how much better an action went than the critic expected
// (Sutton and Barto, "Reinforcement Learning", 2nd edition 2018, section 13.5), in a world of two states in each of which one of three actions earns something.
func TestAnActorAndItsCritic(t *testing.T) {
	net := func(scope *model.Scope, x *graph.Node) []*graph.Node { // [B 2] to logits of actions and expected rewards
		logits := layers.Dense(scope.In("actor"), x, true, 3)
		value := layers.Dense(scope.In("critic"), x, true, 1)
		return []*graph.Node{logits, graph.Reshape(value, -1)}
	}
	actor := func(labels, predictions []*graph.Node) *graph.Node {
		advantage := graph.StopGradient(graph.Sub(labels[1], predictions[1]))
		return graph.ReduceAllMean(graph.Mul(graph.SoftmaxCrossEntropy(predictions[0], labels[0]), advantage))
	}
	critic := func(labels, predictions []*graph.Node) *graph.Node {
		return graph.ReduceAllMean(graph.Square(graph.Sub(labels[1], predictions[1])))
	}
	for seed := int64(1); seed <= 3; seed++ {
		tr := train.NewTrainer(gocpu.New(), model.NewStore(), net, nil, nil)
		require.NoError(t, tr.Store().SetRNGStateFromSeed(seed))
		require.NoError(t, tr.SetObjectives(
			train.Objective{Name: "actor", Loss: actor, Optimizer: optimizers.Adam().LearningRate(0.05).Done(), Variables: []string{"/actor"}},
			train.Objective{Name: "critic", Loss: critic, Optimizer: optimizers.SGD().LearningRate(0.2).Done(), Variables: []string{"/critic"}}))
		r := rand.New(rand.NewPCG(uint64(seed), 0))
		best, reward := [2]int32{2, 0}, [2]float32{1, 3}
		const B = 32
		states := make([][]float32, B)
		for i := range states {
			states[i] = []float32{float32(i % 2), float32(1 - i%2)}
		}
		play := func() (actions []int32, rewards []float32, mean float64) {
			p, err := tr.Predict(states)
			require.NoError(t, err)
			logits := tensors.MustCopyFlatData[float32](p[0])
			for i := range B {
				a, most := int32(0), math.Inf(-1)
				for k := range 3 { // the largest of logits and Gumbel's noise is a draw from their softmax
					if x := float64(logits[3*i+k]) - math.Log(r.ExpFloat64()); x > most {
						a, most = int32(k), x
					}
				}
				earned := float32(0)
				if a == best[i%2] {
					earned = reward[i%2]
				}
				actions, rewards, mean = append(actions, a), append(rewards, earned), mean+float64(earned)/B
			}
			return actions, rewards, mean
		}
		_, _, before := play()
		for range 300 {
			actions, rewards, _ := play()
			_, err := tr.TrainStep(data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(states)}, Labels: []*tensors.Tensor{tensors.FromValue(actions), tensors.FromValue(rewards)}})
			require.NoError(t, err)
		}
		_, _, after := play()
		require.Less(t, before, 1.5, "seed %d", seed)
		require.Greater(t, after, 1.8, "seed %d: of 2 at most", seed)
		p, err := tr.Predict(states[:2])
		require.NoError(t, err)
		require.InDelta(t, 3, p[1].Float64At(1), 0.5, "seed %d: what the critic expects", seed)
		require.InDelta(t, 1, p[1].Float64At(0), 0.5, "seed %d", seed)
	}
}

func TestTasks(t *testing.T) {
	loss, measures := train.Tasks(
		train.Task{Name: "first", Loss: losses.MeanSquaredError},
		train.Task{Name: "second", Loss: losses.MeanAbsoluteError, Weight: 10, Labels: []int{1, 2}, Predictions: []int{0}})
	tr := train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Mul(x, scope.VariableWithValue("w", 1.0).NodeValue(x))
	}, loss, optimizers.SGD().Done(), measures...)
	b := batchOf([]float64{1, 1, 1}, []float64{1, 2, 3})
	b.Labels = append(b.Labels, batchOf([]float64{3, 3, 3}).Labels[0], batchOf([]bool{true, true, false}).Labels[0])
	m, err := tr.EvalStep(b)
	require.NoError(t, err)
	require.InDelta(t, 5.0/3, m.Value("first"), 1e-9)
	require.InDelta(t, 1.5, m.Value("second"), 1e-9)
	require.InDelta(t, 5.0/3+15, m.Value("loss"), 1e-9)

	for want, tasks := range map[string][]train.Task{
		"there are no tasks":                                       {},
		`the task "task 0" has no loss`:                            {{}},
		`the task "x" is about label 7, of which there are 3`:      {{Name: "x", Loss: losses.MeanSquaredError, Labels: []int{7}}},
		`the task "x" is about prediction 1, of which there are 1`: {{Name: "x", Loss: losses.MeanSquaredError, Predictions: []int{1}}},
	} {
		loss, measures := train.Tasks(tasks...)
		_, err := train.NewTrainer(graphtest.Reference(), model.NewStore(), linear, loss, optimizers.SGD().Done(), measures...).EvalStep(batchOf([][]float32{{1}}, [][]float32{{1, 2}}))
		if len(tasks) > 0 && len(tasks[0].Labels) > 0 {
			continue // of which there is 1 here
		}
		assert.ErrorContains(t, err, want)
	}
}

func TestCrossValidate(t *testing.T) {
	all := line(t, "line")
	var sizes []int
	r, err := train.CrossValidate(all, train.Folding{Folds: 4, BatchSize: 8, Seed: 3}, func(fold int, trainSet, testSet data.Dataset) (train.Metrics, error) {
		tr := newTrainer(optimizers.Adam().LearningRate(0.1).Done(), metrics.NewMeanAbsoluteError())
		if _, err := train.NewLoop(tr).RunEpochs(trainSet, 30); err != nil {
			return nil, err
		}
		n := 0
		for b, err := range testSet.Iter() {
			require.NoError(t, err)
			n += b.Inputs[0].Shape().Dimensions[0]
			b.Close()
		}
		sizes = append(sizes, n)
		require.Equal(t, "train", trainSet.Name())
		require.Equal(t, "test", testSet.Name())
		return tr.Eval(testSet)
	})
	require.NoError(t, err)
	require.Len(t, r.Folds, 4)
	require.Equal(t, 50, sizes[0]+sizes[1]+sizes[2]+sizes[3])
	mean, std := r.Mean("loss")
	require.Less(t, mean, 0.5)
	require.Less(t, std, 0.5)
	require.Contains(t, r.String(), "mean ± std")
	require.Contains(t, r.String(), "Mean absolute error")

	two := &train.CrossValidation{Folds: []train.Metrics{{{Name: "acc", Value: 0.5, Percent: true}}, {{Name: "acc", Value: 0.7, Percent: true}}}}
	mean, std = two.Mean("acc")
	require.InDelta(t, 0.6, mean, 1e-12)
	require.InDelta(t, 0.141421356, std, 1e-6)
	require.Equal(t, "fold        acc\n0           50.00%\n1           70.00%\nmean ± std  60.00% ± 14.14%", two.String())

	again, err := train.CrossValidate(all, train.Folding{Folds: 2}, func(fold int, _, _ data.Dataset) (train.Metrics, error) {
		if fold == 1 {
			panic("kaboom")
		}
		return train.Metrics{{Name: "acc"}}, nil
	})
	require.ErrorContains(t, err, "train.CrossValidate: fold 1 of 2: ")
	require.ErrorContains(t, err, "kaboom")
	require.Len(t, again.Folds, 1)
	nothing := func(int, data.Dataset, data.Dataset) (train.Metrics, error) { return nil, nil }
	for want, how := range map[string]train.Folding{
		"1":              {Folds: 1},
		"batches of -1":  {BatchSize: -1},
		"classes of 2 e": {Classes: []int{1, 2}},
	} {
		_, err := train.CrossValidate(all, how, nothing)
		require.ErrorContains(t, err, want)
	}
	_, err = train.CrossValidate(nil, train.Folding{}, nothing)
	require.ErrorContains(t, err, "the examples or the function is nil")
}
