// Package jobs runs a function in the background while the notebook goes on:
//
//	job, err := jobs.Start("mlp", func(w *jobs.Work) error {
//		loop := train.NewLoop(trainer)
//		viz.Live(loop) // its events go into the job's log
//		if _, err := loop.RunEpochs(set, 20); err != nil {
//			return err
//		}
//		return w.Keep(store) // job.Store() has it
//	})
//
// In any later cell, after the page was loaded again, and after a restart of the kernel:
//
//	jobs.Attach("mlp")          // its curves, until it ends; an interrupt ends the showing, not the job
//	jobs.Wait("mlp")            // returns when it has ended
//	jobs.Stop("mlp")            // ends it
//	fmt.Println(jobs.List())    // what there is
//
// # What runs twice
//
// A job is the same program once more: the program of the cell is started a second time in the background, and runs as before until it
// comes to the call of Start with the job's name. There it runs the function, and ends. So what stands before that call runs twice, once in the cell and
// once in the job: variables are made again, files are read again. That is how the function has them. What stands
// behind the call runs in the cell only. What stands before it should not depend on chance, and should not do things that may be
// done only once; what takes long is well kept by package keep. Variables of earlier cells have in the job the value that they had
// when the cell began, and what a job does to variables later cells do not see: what it is to leave behind it keeps, by [Work.Keep] or package
// keep. Start returns when the job has come to its function.
//
// Other calls of Start start nothing in a job. A job has no stdin, and its own temporary directory.
//
// # How long a job lives
//
// A job belongs to the user, not to the cell or the kernel: it goes on when its cell ends, when the kernel is interrupted, restarted or shut down.
// It ends when its function returns, by [Stop], and when its owner ends. The owner is the first of these that there is:
//
//  1. what $QUIRE_LEASE names: the folder, locked, of a quire lab or a quire run;
//  2. the notebook server, $JPY_PARENT_PID, which every Jupyter server tells its kernels;
//  3. the session's leader: for a program in a terminal, its shell;
//  4. the process that started the program.
//
// In a cell only the first two count: a job that is started after both have died is stopped at once.
//
// When the owner ends, however it ends, the job is stopped as by Stop. [Outlive] leaves it without owner: then it goes on until
// its function returns, or somebody stops it.
//
// Stop interrupts the job as Ctrl-C does: training ends after its step, and the function can still keep the model. What has not ended after
// five seconds is killed, with all that it started.
//
// # What remains of it
//
// Each job has a folder in $QUIRE_JOBS, by default quire/jobs in the user's cache directory, which nobody else may enter: the log, of one
// JSON object a line, to which a second process only appends that watches the job and notes how it ended, also if it was killed. It stays until a new
// job of the name is started. The program and the temporary files are removed when the job ends.
package jobs
