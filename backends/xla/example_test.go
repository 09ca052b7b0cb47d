//go:build cgo && (linux || darwin)

package xla_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
)

// The plugin of the example is one in the process, which runs programs on the go engine; with one of XLA the first
// line is xla.Open("cpu"), or backends.New("xla:cpu").
func ExampleEngine() {
	plugin := double.New(double.Options{})
	defer plugin.Close()
	engine, err := xla.OpenTable(plugin.Table(), "cpu,devices=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()
	exec := graph.MustNewExec(engine, func(x, w *graph.Node) *graph.Node { return graph.Relu(graph.MatMul(x, w)) })
	for range 2 {
		y, err := exec.Call1([][]float32{{1, 2}, {3, 4}}, [][]float32{{1, -1}, {0.5, 0.25}})
		fmt.Println(y.Value(), err)
	}
	stats := engine.CacheStats()
	fmt.Println(engine.Name(), engine.Platform(), engine.NumDevices(), "devices,", stats.Compiled, "program compiled")

	_, err = xla.Open("cpu,cores=2")
	fmt.Println(err)
	// Output:
	// [[2 0] [5 0]] <nil>
	// [[2 0] [5 0]] <nil>
	// xla:cpu cpu 2 devices, 1 program compiled
	// the option "cores" is unknown: the known ones are devices, cache, cache_size, log, preallocate, memory_fraction, allocator
}
