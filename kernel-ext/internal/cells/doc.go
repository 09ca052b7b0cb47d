// Package cells knows from which line of which cell a line of a cell's program came, and keeps what a program says
// away from what gonb cannot read.
//
// gonb makes one main.go of all declarations that it remembers and of the cell that runs, and tells nobody what came
// from where. Its log tells which cells it was given: [ReadLog] takes them from there, [Book] remembers those that were
// compiled, and [Places] finds their lines again. [Filter] writes these places, as In[3]:5, into what a cell prints.
package cells
