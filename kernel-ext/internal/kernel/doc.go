// Package kernel starts GoNB, talks to it, and leaves nothing of it behind.
//
// [Start] runs the pinned gonb in a prepared workspace, in a process group of its own and with its
// temporary files in a private directory. [Client] speaks the Jupyter protocol with it over the sockets
// of a connection file: [Client.Execute] runs a cell.
//
// Every process that a kernel starts carries QUIRE_KERNEL=id in its environment. When the kernel is
// closed, and also when this process is killed with signal 9, all of them are ended and the directory is
// removed: a watchdog, a shell that only waits for the end of a pipe, does it. What even that missed (the
// machine lost power) is found by Sweep of package scratch.
package kernel
