// Package failure makes of what gonb, the compiler and a program that ended say about a cell that failed what people
// read: one sentence with the cell's line, the line itself, and what to do.
//
//	In[5]:2: undefined: pictures
//	  2 │ fmt.Println(len(pictures))
//	    │                 ^
//	→ In[4] declared it in its main part, which has ended: …
//
// A [Book] knows the cells of a kernel. [Book.Begin] returns what follows one of them: it holds back gonb's box of HTML,
// the dump of a panic and the exit status, and gives at the end one error with all that is of use in them. The kernel
// and "quire run" both use it, so that an error reads the same everywhere.
//
// Go's own words stay in the sentence, since people search for them; what is ours is the remedy. An error of a graph
// also gets a panel, a display with the operands' shapes lined up by axis.
package failure
