package cache

import "math"

// Step keeps the result of a function, and calls it at every n-th step only: as DeepCache does with the inner blocks of a network that
// removes noise, whose results change little from step to step. It is for one goroutine.
//
//	inner := cache.NewStep[*tensors.Tensor](3)
//	for i := range steps {
//		h, err := inner.Do(func() (*tensors.Tensor, error) { return blocks.Call1(x, t) }) // at steps 0, 3, 6, …
//		…
//	}
//
// Source: Ma, Fang and Wang, "DeepCache: accelerating diffusion models for free", 2023, arXiv:2312.00858, section 3.3.
type Step[T any] struct {
	kept[T]
	every, steps int
}

// NewStep returns a cache of one result that serves n steps, 1 if n is less.
func NewStep[T any](n int) *Step[T] { return &Step[T]{every: max(1, n)} }

// Do returns the result of compute, or what it returned at an earlier step. An error is returned and not kept: the next step computes.
func (c *Step[T]) Do(compute func() (T, error)) (T, error) {
	if c.has && c.steps%c.every != 0 {
		c.steps++
		return c.again()
	}
	c.steps = 0
	v, err := c.fill(compute)
	if err == nil {
		c.steps = 1
	}
	return v, err
}

// Tea keeps the result of a function, and calls it only when what it depends on has changed enough: as TeaCache does with the steps of a
// network that removes noise, most of which have nearly the same result as the step before. It is for one goroutine.
//
//	change += |signal - signal before| / |signal before|        until it reaches the threshold; then compute, and begin at 0
//
// signal is a number that follows the inputs, such as the time of the step, or the mean size of a first layer's activations. Results of what is
// computed with guidance and without it are kept in caches of their own.
//
//	tea := cache.NewTea[*tensors.Tensor](0.1)
//	v, err := tea.Do(t, func() (*tensors.Tensor, error) { return transformer.Call1(x, t) })
//
// Source: Liu et al., "Timestep embedding tells: it's time to cache for video diffusion model", 2024, arXiv:2411.19108, eq. 6, without the
// polynomial that is fitted to a model.
type Tea[T any] struct {
	kept[T]
	threshold, change, before float64
}

// NewTea returns a cache of one result that serves until its signal has changed by threshold in all, relative to its size; 0 computes always.
func NewTea[T any](threshold float64) *Tea[T] { return &Tea[T]{threshold: threshold} }

// Do returns the result of compute, or what it returned at an earlier step. An error is returned and not kept: the next step computes.
func (c *Tea[T]) Do(signal float64, compute func() (T, error)) (T, error) {
	if c.has {
		c.change += math.Abs(signal-c.before) / math.Max(math.Abs(c.before), math.SmallestNonzeroFloat64)
	}
	c.before = signal
	if c.has && c.change < c.threshold { // not if it is NaN
		return c.again()
	}
	c.change = 0
	return c.fill(compute)
}

// kept is a result and how often it served.
type kept[T any] struct {
	value            T
	has              bool
	computed, reused int
}

func (k *kept[T]) again() (T, error) {
	k.reused++
	return k.value, nil
}

func (k *kept[T]) fill(compute func() (T, error)) (T, error) {
	v, err := compute()
	if k.has = err == nil; k.has {
		k.value = v
		k.computed++
	}
	return v, err
}

// Reset forgets the result, so that the next step computes: between two images.
func (k *kept[T]) Reset() {
	var none T
	k.value, k.has = none, false
}

// Counts returns how many steps have computed, and how many were served by what others had computed.
func (k *kept[T]) Counts() (computed, reused int) { return k.computed, k.reused }
