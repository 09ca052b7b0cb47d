package layout

import (
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlace(t *testing.T) {
	for seed := range int64(40) {
		r := rand.New(rand.NewSource(seed))
		n := 1 + r.Intn(60)
		var nodes []*Node
		var edges []*Edge
		for i := range n {
			nodes = append(nodes, &Node{Width: 30 + r.Float64()*100, Height: 20 + r.Float64()*20, Sink: i%5 == 0})
			for range r.Intn(3) {
				if i > 0 && i%5 != 0 {
					edges = append(edges, &Edge{From: r.Intn(i), To: i})
				}
			}
		}
		w, h := Place(nodes, edges)
		for i, a := range nodes {
			if a.X-a.Width/2 < -1e-6 || a.X+a.Width/2 > w+1e-6 || a.Y-a.Height/2 < -1e-6 || a.Y+a.Height/2 > h+1e-6 {
				t.Fatalf("seed %d: node %d is outside of the drawing", seed, i)
			}
			for _, b := range nodes[i+1:] {
				if math.Abs(a.X-b.X) < (a.Width+b.Width)/2-1e-6 && math.Abs(a.Y-b.Y) < (a.Height+b.Height)/2-1e-6 {
					t.Fatalf("seed %d: boxes overlap: %+v, %+v", seed, *a, *b)
				}
			}
		}
		for _, e := range edges {
			y := nodes[e.From].Y
			for _, p := range e.Points {
				if p.Y <= y {
					t.Fatalf("seed %d: an edge goes up", seed)
				}
				y = p.Y
			}
			if nodes[e.To].Y <= y {
				t.Fatalf("seed %d: an edge goes up", seed)
			}
		}
	}
}

func TestAChainIsStraight(t *testing.T) {
	nodes := []*Node{{Width: 50, Height: 20}, {Width: 90, Height: 20}, {Width: 30, Height: 20}}
	Place(nodes, []*Edge{{From: 0, To: 1}, {From: 1, To: 2}})
	require.InDelta(t, nodes[1].X, nodes[0].X, 1)
	assert.InDelta(t, nodes[2].X, nodes[1].X, 1)
}

func TestACrossingIsUndone(t *testing.T) {
	nodes := []*Node{{Width: 50, Height: 20}, {Width: 50, Height: 20}, {Width: 50, Height: 20}, {Width: 50, Height: 20}}
	Place(nodes, []*Edge{{From: 0, To: 3}, {From: 1, To: 2}})
	if (nodes[0].X < nodes[1].X) != (nodes[3].X < nodes[2].X) {
		t.Error("the two edges cross")
	}
}

func TestInputsStandAboveTheirUse(t *testing.T) {
	nodes := []*Node{{Sink: true}, {Sink: true}, {}, {}, {}}
	Place(nodes, []*Edge{{From: 0, To: 2}, {From: 2, To: 3}, {From: 3, To: 4}, {From: 1, To: 4}})
	assert.Equal(t, 2, nodes[1].Layer, "the second input is in layer")
}

func TestNothing(t *testing.T) {
	w, h := Place(nil, nil)
	assert.Equal(t, 0.0, w)
	assert.Equal(t, 0.0, h)
}
