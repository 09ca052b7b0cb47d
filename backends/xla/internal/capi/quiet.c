//go:build cgo && (linux || darwin)

#include "quiet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

// Signals that end the process. What was said before must come out then: it is why.
static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
enum { FATAL = sizeof fatal / sizeof fatal[0] };
static struct sigaction before[FATAL];
static int pipe_from = -1, stderr_back = -1;

// Gives standard error back, with what is still in the pipe, and goes on with the handler that was there before: Go's,
// which prints where this happened, or for a nil pointer in Go code makes a panic of it.
static void crash(int signal_number, siginfo_t* info, void* context) {
  int error = errno;
  char text[4096];
  dup2(stderr_back, STDERR_FILENO);
  for (ssize_t n; (n = read(pipe_from, text, sizeof text)) > 0;) { // it does not block
    if (write(STDERR_FILENO, text, (size_t)n) < 0) break;
  }
  errno = error;
  int i = 0;
  while (i < FATAL - 1 && fatal[i] != signal_number) i++;
  if (before[i].sa_flags & SA_SIGINFO) {
    before[i].sa_sigaction(signal_number, info, context);
  } else if (before[i].sa_handler == SIG_DFL || before[i].sa_handler == SIG_IGN) {
    sigaction(signal_number, &before[i], NULL);
    raise(signal_number);
  } else {
    before[i].sa_handler(signal_number);
  }
}

int quire_quiet_begin(int* from, int* back, int* end) {
  int ends[2];
  if (pipe(ends)) return -1;
  // Without standard error, one of the ends is in its place.
  int copy = ends[0] > 2 && ends[1] > 2 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (copy < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
    close(ends[0]);
    close(ends[1]);
    if (copy >= 0) close(copy);
    return -1;
  }
  pipe_from = *from = ends[0];
  stderr_back = *back = copy;
  *end = ends[1];
  for (int i = 0; i < FATAL; i++) {
    struct sigaction here;
    sigaction(fatal[i], NULL, &before[i]);
    here = before[i];
    here.sa_sigaction = crash;
    here.sa_flags |= SA_SIGINFO | SA_ONSTACK;
    sigaction(fatal[i], &here, NULL);
  }
  return 0;
}

void quire_quiet_end(int back) {
  for (int i = 0; i < FATAL; i++) sigaction(fatal[i], &before[i], NULL);
  dup2(back, STDERR_FILENO);
}
