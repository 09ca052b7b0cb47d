package main

import (
	"context"

	"github.com/quire-ml/quire/graph/ir/capability"
)

// peakCase is the case that shares of the peak are taken of.
const peakCase = "peak_fma_f32"

// probed is how many operations or bytes the times of limits are for.
const probed = 1e6

// peaks returns the limits of the machine, measured in the same rounds as all else.
func peaks() []*benchCase {
	return []*benchCase{
		{name: peakCase, group: "limits", flops: probed, probe: func(p capability.Peaks) float64 { return p.FLOPs }},
		{name: "peak_copy_16mb", group: "limits", probe: func(p capability.Peaks) float64 { return p.Bytes }},
	}
}

// sampleProbe takes a sample of a limit.
func (m *sampled) sampleProbe(ctx context.Context) error {
	p, err := capability.PeaksOf(ctx, m.backend)
	if err != nil {
		return err
	}
	ns := probed * 1e9 / m.probe(p)
	m.wall, m.cpu, m.clean = append(m.wall, ns), append(m.cpu, ns*float64(m.threads)), append(m.clean, ns)
	return nil
}
