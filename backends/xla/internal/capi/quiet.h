// Standard error held back for a moment: see quiet.go.
#ifndef QUIRE_CAPI_QUIET_H
#define QUIRE_CAPI_QUIET_H

// Puts a pipe in the place of standard error. Returns 0, or -1 and changes nothing. *from is the end to read from, *back
// a copy of standard error, *end a copy of the pipe's other end; the caller closes all three.
int quire_quiet_begin(int* from, int* back, int* end);
void quire_quiet_end(int back);

#endif // QUIRE_CAPI_QUIET_H
