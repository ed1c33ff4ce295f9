package proc

import "time"

// Usage is what a command and all that came of it use.
type Usage struct {
	// PIDs of the living.
	PIDs []int
	// CPU is their time on processors since they began, with that of children that ended and were waited for. It falls when a process ends whose parent had ended before.
	CPU time.Duration
	// Memory is resident, in bytes. What processes share counts for each.
	Memory int64
}
