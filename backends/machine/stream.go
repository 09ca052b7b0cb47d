package machine

import (
	"context"
	"iter"
)

// Stream runs the program for each of the inputs, so many runs at once at most, and yields the runs, which have ended, in the order of their inputs,
// with what they ended with. Inputs are taken as there is room: what reads slowly is not run ahead of. Whoever leaves the loop
// cancels the runs that are under way.
//
//	for run, err := range m.Stream(ctx, batches, 4) {
func (m *Machine) Stream(ctx context.Context, inputs iter.Seq[[]any], inflight int) iter.Seq2[*Run, error] {
	return func(yield func(*Run, error) bool) {
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithCancel(ctx)
		if inputs == nil {
			inputs = func(func([]any) bool) {}
		}
		next, stop := iter.Pull(inputs)
		var under []*Run
		defer func() {
			cancel()
			stop()
			for _, r := range under {
				<-r.ended
			}
		}()
		more := true
		for {
			for more && len(under) < max(1, inflight) && ctx.Err() == nil {
				var in []any
				if in, more = next(); more {
					under = append(under, m.Start(ctx, in...))
				}
			}
			if len(under) == 0 {
				return
			}
			r := under[0]
			err := r.Wait()
			under = under[1:]
			if !yield(r, err) {
				return
			}
		}
	}
}
