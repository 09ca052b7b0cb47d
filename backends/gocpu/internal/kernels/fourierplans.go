package kernels

import (
	"sync"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/fourier"
)

// fourierKey is what a plan is for.
type fourierKey struct {
	tier    cpu.Tier
	n, size int
}

// fourierPlans keeps the plans that were asked for last, so that compiling one more program with a transform of the same length
// computes no tables. Programs keep their plans themselves.
type fourierPlans struct {
	mu    sync.Mutex
	order []fourierKey // the latest one last
	plans map[fourierKey]any
	bytes int
}

// maxPlans bounds the bytes of kept plans: those of a transform of a million numbers take less than one.
const maxPlans = 16 << 20

var keptPlans = fourierPlans{plans: map[fourierKey]any{}}

// planOf returns the plan of length n; nil if there is none.
func planOf[F fourier.Float](tier cpu.Tier, n int, ended func() bool) *fourier.Plan[F] {
	k := &keptPlans
	k.mu.Lock()
	defer k.mu.Unlock()
	key := fourierKey{tier, n, sizeOf[F]()}
	if p, ok := k.plans[key]; ok {
		k.latest(key)
		return p.(*fourier.Plan[F])
	}
	p := fourier.NewPlan[F](tier, n, ended)
	if p == nil || ended() {
		return p
	}
	k.plans[key] = p
	k.order = append(k.order, key)
	k.bytes += p.Bytes()
	for k.bytes > maxPlans {
		oldest := k.order[0]
		k.bytes -= k.plans[oldest].(interface{ Bytes() int }).Bytes()
		delete(k.plans, oldest)
		k.order = k.order[1:]
	}
	return p
}

// latest puts a key last.
func (k *fourierPlans) latest(key fourierKey) {
	for i, other := range k.order {
		if other == key {
			copy(k.order[i:], k.order[i+1:])
			k.order[len(k.order)-1] = key
			return
		}
	}
}
