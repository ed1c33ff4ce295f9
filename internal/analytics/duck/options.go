package duck

import (
	"log/slog"
	"runtime"
	"time"
)

// Options of an Engine.
type Options struct {
	// Dir holds the files.
	Dir string
	// Memory is how much the questions about one app may take, in MiB; 0 means 512. What needs more goes to the disk for a while.
	Memory int
	// Threads is how many cores a question may use; 0 means all.
	Threads int
	// Disk bounds what questions put on the disk for a while, in MiB; 0 means 4096.
	Disk   int
	Now    func() time.Time
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Memory == 0 {
		o.Memory = 512
	}
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	if o.Disk == 0 {
		o.Disk = 4096
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
