package studio

import (
	"context"
	"fmt"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/flow"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/magics"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// cells lets variables flow from cell to cell: it makes flow's session what the relay and the commands ask.
type cells struct{ *flow.Session }

// Prepare implements relay.Cells.
func (s cells) Prepare(ctx context.Context, c relay.Cell) (relay.Sent, error) {
	p, err := s.Session.Prepare(ctx, flow.Cell{Number: c.Count, ID: c.ID, Source: c.Source})
	if err != nil {
		return relay.Sent{}, err
	}
	sent := relay.Sent{Code: p.Code, Forget: p.Forget}
	if len(p.Notes) > 0 {
		text := strings.Join(p.Notes, "\n") + "\n"
		sent.Outputs = append(sent.Outputs, relay.Output{Kind: jupyter.StreamOutput, Content: jupyter.Stream{Name: "stderr", Text: text}})
	}
	return sent, nil
}

// Ended implements relay.Cells.
func (s cells) Ended(c relay.Cell, ok bool) { s.Session.Ended(c.Count, ok) }

// Variables implements magics.Session.
func (s cells) Variables() (list []magics.Variable) {
	for _, v := range s.Session.Variables() {
		list = append(list, magics.Variable{Name: v.Name, Type: v.Type, Summary: v.Summary, Bytes: v.Bytes, Cell: v.Cell, Stale: v.Stale, Why: v.Why, Passing: v.Passing})
	}
	return list
}

// Stale implements magics.Session.
func (s cells) Stale() (list []magics.StaleCell) {
	why := map[int]string{}
	for _, v := range s.Session.Variables() {
		if v.Stale != "" && why[v.Cell] == "" {
			why[v.Cell] = v.Name + ": " + v.Stale
		}
	}
	for _, n := range s.Session.Stale() {
		c, _ := s.Source(n)
		line, _, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(c.Source), "%%"), "\n "), "\n")
		list = append(list, magics.StaleCell{Cell: n, Line: line, Why: why[n]})
	}
	return list
}

// rerun runs a cell again, for %fresh.
func (s cells) rerun(ctx context.Context, c *relay.Call, cell magics.StaleCell) error {
	before, ok := s.Source(cell.Cell)
	if !ok {
		return fmt.Errorf("what ran as In[%d] is not known any more: run that cell", cell.Cell)
	}
	return c.Rerun(ctx, relay.Cell{ID: before.ID, Source: before.Source})
}
