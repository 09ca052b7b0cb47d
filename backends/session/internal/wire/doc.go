// Package wire is what the two ends of a session have in common: the frames, how values and shapes are written in them, the memory
// that both ends see, and the socket, whose other end must belong to the same user.
//
// A connection begins with a [Hello] and its [Welcome], which are JSON and stay readable by other versions. After that a frame is a
// kind, a number by which an answer is known, and a body of numbers and texts ([Writer], [Reader]). Values below [SharedFrom] bytes lie
// in the body. Larger ones lie in segments of shared memory, which their maker ([Link]) announces once, by a descriptor, and uses again.
package wire
