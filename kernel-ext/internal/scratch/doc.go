// Package scratch makes private directories whose files and processes do not outlive the program that made them.
//
// [New] makes a directory that nobody else may enter, below the temporary directory. Its [Scratch.Env] is for programs
// that are started with it: their temporary files lie in the directory, and their processes can be found by a secret in
// their environment. [Scratch.Close] ends the processes and removes the directory. A watchdog, a shell that only waits
// for the end of a pipe, does the same when this process is killed with signal 9. What even that missed, as when both
// were killed, is found by the next [Sweep].
//
// Others can write into the temporary directory too, so no name in it is believed. A directory is ours if it is no link, is
// owned by this user and closed to all others; its owner lives as long as somebody holds its lock, which is
// on the directory itself. The secret stands in a file in it and in no command line.
package scratch
