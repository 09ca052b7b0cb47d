package jobs

import "os"

// self is the job that this program runs; its name is "" in a program that is none.
var self = struct{ name, dir string }{}

// The roles that the program is started in besides that of a cell.
const (
	watching = "watch" // it starts the job, writes its log and sees it end
	working  = "work"  // it is the job
)

// init takes the program over before main and its variables begin, if it was started to watch a job.
func init() {
	role := os.Getenv(roleEnv)
	if role == "" {
		return
	}
	os.Unsetenv(roleEnv) // what the job starts is no job
	switch role {
	case watching:
		watch()
		os.Exit(0)
	case working:
		self.name, self.dir = os.Getenv(nameEnv), os.Getenv(jobEnv)
		begin()
	}
}
