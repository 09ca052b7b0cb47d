// Package relay stands between Jupyter's front ends and gonb.
//
// [Start] opens the sockets of a connection file for front ends and runs gonb behind them, on Unix sockets of its own
// that nobody else reaches. What front ends and gonb say to each other passes through byte for byte, with these
// exceptions:
//
//   - Requests that need no cell (kernel_info, history, is_complete, …) are answered here, also while a cell runs.
//   - Cells wait here, and gonb has one at a time; those that wait are aborted when one fails.
//   - What people add hooks for is theirs: [Cells] changes what gonb is sent, [Magic] adds commands, [Inspector] answers
//     hover and completion, [Comms] takes comm messages, [Failures] makes errors readable.
//   - An interrupt ends a cell also while it is compiled, and when it takes no notice.
//   - gonb's death is an error of the running cell; another gonb takes its place, and knows the declarations.
package relay
