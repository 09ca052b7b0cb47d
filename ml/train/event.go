package train

import "time"

// EventKind says what an [Event] reports.
type EventKind int

// The kinds of events, in the order in which a run emits them: one Start, then per step a Step, at the end
// of each pass over the data an Epoch, Eval and Checkpoint where they happen, and one End, whatever ended
// the run.
const (
	Start EventKind = iota
	Step
	Epoch
	Eval
	Checkpoint
	End
	Warning // at any time: something went wrong that does not end the run, as Err says
)

// String returns the kind's name.
func (k EventKind) String() string {
	return [...]string{"start", "step", "epoch", "eval", "checkpoint", "end", "warning"}[k]
}

// Event is what a [Loop] tells those who listen.
//
// A name means the same in every event, in what a run returns, and in the history:
//
//   - "Batch loss" ("batch") is the loss of one step's batch alone: the noisy one. A curve is drawn by smoothing it.
//   - "Mean loss" ("loss"), and the metrics, are means over the examples of a pass: at an Eval of the whole pass over
//     the data set evaluated; at a Step of the pass at hand so far, begun anew with every epoch; at an Epoch of all of
//     it, which is the value of its last step. Of data whose passes have no known end (its NumBatches is not known),
//     both are averages over about the last hundred steps.
//
// While training, the model changes within a pass: "Mean loss" lags behind what an evaluation at its end gives.
//
// Events are emitted from the goroutine that trains, one
// after the other; a listener that takes long slows training down.
//
// # A step ahead
//
// A step does not wait for its metrics: where nothing is to be done between two steps, the second one is begun before the
// metrics of the first are read, so that a device computes while the host prepares and listens. Numbers and order stay
// what they are: the Step of step k comes with k's numbers, after all that belongs to k-1 and before all that belongs to k+1. But
// the store may then hold what k+1 made of it, and a [Loop.Stop] by a listener, or an interrupt, ends the run after k+1. Who
// needs the model of a step uses a hook. The loop waits for step k, and begins k+1 when all that belongs to k is done, if
//
//   - a hook is to be called after k: after every step with [Loop.OnStep] and [Loop.OnSettled], where they call with
//     [EveryNSteps], [NTimesDuringLoop], [PeriodicCallback], and where its condition says so with [Loop.OnSettledIf];
//   - an evaluation is due after k;
//   - k is the last step of a run, or of a pass whose end is known;
//   - a stop or an interrupt was asked for before k was begun.
//
// On an engine in another process, such as "session", more than one step is begun before the metrics of the first are read: so many that the
// engine has work for some milliseconds (5, and no more than 16 calls), since this process may not be run as soon as it could. What is said of k+1 holds of
// all of them: a stop by a listener, or an interrupt, ends the run after the steps that were begun.
//
// With [Trainer.StepsPerCall] several steps are begun by one call, and told one after the other when all of them are made: what is
// said above of k+1 holds of all steps of the next call. For none of these reasons the loop waits within a call, which ends before
// them; and a stop or an interrupt ends the run when the calls that were begun are made.
//
// If k was not made, since something in it is not finite, a step that was begun after it changes nothing either: the
// model is that before k. The batches of those steps are used up.
type Event struct {
	Kind    EventKind
	Time    time.Time
	Elapsed time.Duration // since Start

	GlobalStep int64 // of the model, counted over all runs
	Step       int   // of this run, from 1; 0 at Start, or what was made before a run that goes on from a checkpoint
	Steps      int   // of this run in all, -1 if not known
	Epoch      int   // of this run, from 1
	Epochs     int   // of this run in all, 0 if it runs by steps

	Dataset string   // Eval: what was evaluated
	Metrics []Metric // Step, Epoch: training metrics; Eval: evaluation metrics. See below
	Path    string   // Checkpoint: where it was saved
	Best    bool     // Checkpoint: it is the best one so far

	Err         error // End: what went wrong, nil if nothing did; Warning: what went wrong
	Interrupted bool  // End: stopped by an interrupt or a context, with the model kept
}

// Metric is one measured value.
type Metric struct {
	Name    string  // "Mean loss", unique within an event
	Short   string  // "loss", for narrow places
	Kind    string  // "loss", "accuracy", …: metrics of one kind share an axis
	Value   float64 // the value at this event
	Percent bool    // written as a percentage

	// State is what a streaming metric was measured of, in the results of an evaluation; nil elsewhere. See [metrics.Confusion].
	State []float64
}
