// Package safefile opens and writes files whose places others can reach: a FIFO, a device, a link or a folder
// that stands where a file is expected is an error at once, never read without end, never waited for, and never
// written through.
//
// There are two kinds of reading. A file that the user named may be a link to a file elsewhere ([Open], [ReadFile]).
// A file that only this program makes, at a place that only it chooses, is never a link ([OpenOwn], [ReadOwn]): who
// put one there wants something else to be read. Writing ([CreateNew], [Recreate], [OpenOrCreate], [WriteAtomic], [Replace]) never
// follows links. [MkdirPrivate] makes and checks folders that nobody else may look into, [TryLock] keeps processes apart.
package safefile
