package viz

import (
	"sync/atomic"

	"github.com/quire-ml/quire/ml/train"
)

// Recorder takes what [Live] would show, in a program that has no screen, such as a job in the background. It is called from the goroutine that
// trains.
type Recorder interface {
	Event(run string, e train.Event)
	Set(run, name, value string) // as Run.Set was told
}

// recordTo is where runs go, nil if they are shown.
var recordTo atomic.Pointer[Recorder]

// RecordTo lets a recorder have the events of all runs that [Live] is called for from now on, which are not shown then. With nil
// they are shown again.
func RecordTo(r Recorder) {
	if isNil(r) {
		recordTo.Store(nil)
		return
	}
	recordTo.Store(&r)
}
