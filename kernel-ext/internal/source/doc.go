// Package source reads the text of a cell before any kernel does.
//
// [Sent] makes of it what gonb can read, or says what is wrong with its commands. [Magics] takes commands out that gonb
// does not know, [Status] says whether somebody who types it is done.
package source
