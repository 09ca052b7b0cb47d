// Package rows works along rows of numbers, in assembly where there is some: it finds the place of the largest one, and adds up
// running sums. What it does stands in plain Go beside it, which is what the assembly is tested against.
package rows
