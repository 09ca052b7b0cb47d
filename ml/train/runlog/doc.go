// Package runlog writes down what a training run measures, while it goes on: as lines of JSON, and as the event files that TensorBoard reads.
//
//	log, err := runlog.Attach(loop, "runs/first", runlog.Options{})
//	…                       // loop.RunSteps
//	err = log.Close()
//
//	tensorboard --logdir runs
//
// A folder gets events.jsonl, a line for each event as {"kind":"step","time":…,"step":12,"epoch":1,"metrics":{"Mean loss":0.5}}, and
// events.out.tfevents.…, a scalar for each metric, named train/Mean loss, or test/Mean loss of a data set called test. A run that goes on, or another one in the same folder,
// adds lines, and a file of events of its own. What is written is whole lines and records: a run that is killed loses no more than its last moment.
package runlog
