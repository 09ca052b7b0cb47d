// Package session is the engine "session": its work is done by a worker process that holds another engine, such as "session:xla:cpu".
//
//	QUIRE_BACKEND=session:xla:cuda    // what programs open where they name no engine
//	backend, err := backends.New("session:go")
//
// The program that uses it stays pure Go and small, which is what a notebook's cell must be, and finds the engine warm: the plugin is
// loaded, and a program that any program of this user has compiled is found by the hash of its text, whatever lines it came from.
//
// A worker serves one user and one device. The first program that needs it starts it ($QUIRE_SESSION_WORKER names the command; the kernel of
// notebooks sets it); it ends when nobody has needed it for ten minutes, and with the last notebook that used it. If it dies,
// what it held is lost, which the next use says as a [LostError], and the call after that begins with a new worker. Values that
// are to outlive the process that made them get a name ([Hold]) and are found again by it ([Held]); they end with their notebook. A worker
// that ends in order writes them out for the next one.
//
// [Workers] and [Stop] are what the commands "quire session status" and "quire session stop" do.
//
// Run returns before the results are there if nothing can be wrong with the data, the memory is small and its context cannot end: the error
// of what fails later is that of reading the results.
package session
