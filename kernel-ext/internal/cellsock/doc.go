// Package cellsock is the kernel's end of the socket by which running cells speak to their kernel past gonb: displays of
// programs that outlive their cell, and comms, the channels of Jupyter by which controls in the page and a program talk.
//
//	server, err := cellsock.Listen(cellsock.Options{Dir: private, Send: relay.Send, Live: true})
//	// gonb's environment gets server.Env(); the relay's hook for comms is the server
//	server.Begin(cellsock.Cell{Request: header, Key: id}) // a cell runs: who says hello now is its program
//	server.Ended()
//
// The socket is open to this user alone: its directory is private, its mode 0600, and who connects is asked for its user.
// What is said on it is in package cellwire; a peer that says something else, or does not read, loses its connection, and
// nobody waits for it.
//
// A program that has detached goes on when its cell has ended. It is asked to end when its cell is run again, when its last
// comm is closed, when nobody has used it for long, when there are too many and when the kernel ends; one that does not
// is killed.
//
// The server keeps the state of each widget, as programs and pages tell it, and answers a page that was loaded anew.
package cellsock
