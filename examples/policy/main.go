// Command policy learns to balance a pole on a cart by the gradient of its policy, from nothing but how long it stood.
//
// Source: Williams, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning", 1992; the cart: Barto, Sutton and
// Anderson, "Neuronlike Adaptive Elements That Can Solve Difficult Learning Control Problems", 1983, as in CartPole-v1.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

const carts, limit = 16, 500 // at once; steps after which it is enough

func main() {
	seed, rounds := flag.Int64("seed", 1, "of weights, beginnings and choices"), flag.Int("rounds", 80, "of training")
	flag.Parse()
	random := rand.New(rand.NewPCG(uint64(*seed), 0))
	store := model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	trainer := train.NewTrainer(backends.MustNew(), store, policy, func(labels, logits []*graph.Node) *graph.Node {
		surprise := losses.WithReduction(losses.SparseCategoricalCrossEntropyLogits, losses.Each)(labels[:1], logits)
		advantage := graph.Div(graph.Sub(labels[1], graph.ReduceAllMean(labels[1])), graph.Sqrt(graph.Variance(labels[1])))
		return graph.ReduceAllMean(graph.Mul(surprise, advantage))
	}, optimizers.Adam().LearningRate(1e-2).Done())
	progress := viz.NewProgress(*rounds)
	for range *rounds {
		states, actions, returns := play(trainer, random)
		done := tensors.FromFlatDataAndDimensions(actions, len(actions), 1)
		must(trainer.TrainStep(data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(states)}, Labels: []*tensors.Tensor{done, tensors.FromValue(returns)}}))
		progress.Set("length", float64(len(actions))/carts)
		progress.Step()
	}
	progress.Close()
	curve.Save(progress)
	_, actions, _ := play(trainer, random)
	fmt.Printf("mean length %.1f\n", float64(len(actions))/carts)
}

func policy(scope *model.Scope, x *graph.Node) *graph.Node { // [B 4] to logits of left and right
	return layers.Dense(scope.In("logits"), graph.Tanh(layers.Dense(scope.In("hidden"), x, true, 64)), true, 2)
}

// play has the policy balance some poles until they fall, and returns what was seen and done, and how well it went from there on.
func play(trainer *train.Trainer, random *rand.Rand) (states [][]float32, actions []int32, returns []float32) {
	now, fallen, begin := make([][]float32, carts), make([]bool, carts), func() float32 { return random.Float32()/10 - 0.05 }
	for i := range now {
		now[i] = []float32{begin(), begin(), begin(), begin()}
	}
	var cart []int // of each action
	for step := 0; step < limit; step++ {
		logits := tensors.MustCopyFlatData[float32](must(trainer.Predict(now))[0])
		for i, s := range now {
			if fallen[i] {
				continue
			}
			right := 1 / (1 + math.Exp(float64(logits[2*i]-logits[2*i+1])))
			action := int32(1 + math.Floor(right-random.Float64()))
			states, actions, cart = append(states, s), append(actions, action), append(cart, i)
			now[i] = move(s, action)
			fallen[i] = math.Abs(float64(now[i][0])) > 2.4 || math.Abs(float64(now[i][2])) > 0.2095
		}
	}
	returns = make([]float32, len(cart))
	ahead := make([]float32, carts)
	for k := len(cart) - 1; k >= 0; k-- {
		ahead[cart[k]] = 1 + 0.99*ahead[cart[k]]
		returns[k] = ahead[cart[k]]
	}
	return states, actions, returns
}

// move returns the state, place and speed of the cart and angle and speed of the pole, after a push to the left or right.
func move(s []float32, action int32) []float32 {
	const gravity, mass, pole, half, tau = 9.8, 1.1, 0.1, 0.5, 0.02
	sin, cos := math.Sincos(float64(s[2]))
	push := (20*float64(action) - 10 + pole*half*float64(s[3])*float64(s[3])*sin) / mass
	turn := (gravity*sin - cos*push) / (half * (4.0/3 - pole*cos*cos/mass))
	shift := push - pole*half*turn*cos/mass
	return []float32{s[0] + tau*s[1], s[1] + tau*float32(shift), s[2] + tau*s[3], s[3] + tau*float32(turn)}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
