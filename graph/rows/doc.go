// Package rows runs functions of batches of any number of rows by a few compiled programs: inputs are padded to the next of some
// numbers of rows, the buckets, and results are cut to what was asked for. A backend that takes seconds to compile, such as XLA, then
// does so for 64, 128 and 256 rows, not for each batch that comes.
//
//	exec, err := graph.NewExec(backend, model)
//	padded := rows.Pad(exec, rows.PowersOfTwo)
//	out, err := padded.Call(x) // [37, 784]: computed as [64, 784], returned as [37, 10]
//
// That gives what the function gives without padding only if no row of a result depends on other rows. [Exec] proves it from the
// compiled program ([Check]) before it runs, and otherwise returns an error that names the op and the line that mixes rows, such as a
// sum over the batch. A function that mixes rows and knows what to do with those that are padding is told which these are by a mask
// ([Exec.Masked]).
package rows
