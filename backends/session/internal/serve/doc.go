// Package serve is the worker of sessions: it holds an engine, and does with it what clients ask for on a socket of their user.
//
// A connection ([client]) has values and executables by the numbers that it gave them; they end with it. What outlives it are
// compiled programs, known by the hash of their text ([programs]), and values that a notebook holds under a name, which end with the
// notebook ([Server.sweep]). The worker itself ends when nobody has needed it for a while, and with the last of its notebooks.
package serve
