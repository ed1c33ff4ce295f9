package host

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
)

// Options of a host.
type Options struct {
	// Dir holds everything: blobs/, releases/APP/ENVIRONMENT/RELEASE/, logs/, run/, desired.json.
	Dir string
	// Client has joined.
	Client *client.Client
	// Addr is where edges reach the processes; default 127.0.0.1. Health is asked there too, so that healthy means reachable.
	Addr string
	// Ports is the range, both ends included, of the ports given to processes; default 20000 to 29999.
	Ports [2]int
	// Drain is how long a process is left alone after the server knows that it will stop; default 3 s.
	Drain time.Duration
	// HealthEvery is the pause between health checks of a process that is up; default 2 s.
	HealthEvery time.Duration
	// Tied ends all processes when the agent ends, however it does: for demonstrations and tests.
	Tied bool
	// Statsd is where apps send statsd to; empty for nowhere. Releases then have ports of their own, too, of the numbers of Ports.
	Statsd string
	// StatsdTags are the names of the tags by whose values a metric is told apart.
	StatsdTags []string
	// SpoolLimit bounds the seconds kept on disk while the server is away, in bytes; default 64 MiB.
	SpoolLimit int64
	// LogSize is the size in bytes at which a process's log is rotated; one older file is kept. Default 10 MiB.
	LogSize int64
	// LogKeep is how long the logs of releases that are gone are kept; default 7 days.
	LogKeep time.Duration
	Logger  *slog.Logger
	// Clock is the time; default time.Now.
	Clock func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" || o.Client == nil {
		return o, fmt.Errorf("a host needs a data folder and a client")
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1"
	}
	if o.Ports == [2]int{} {
		o.Ports = [2]int{20000, 29999}
	}
	if o.Ports[0] < 1 || o.Ports[1] > 65535 || o.Ports[0] > o.Ports[1] {
		return o, fmt.Errorf("the port range %d to %d is none: give two numbers from 1 to 65535, the smaller one first", o.Ports[0], o.Ports[1])
	}
	if o.Drain == 0 {
		o.Drain = 3 * time.Second
	}
	if o.HealthEvery == 0 {
		o.HealthEvery = 2 * time.Second
	}
	if o.SpoolLimit == 0 {
		o.SpoolLimit = 64 << 20
	}
	if o.LogSize == 0 {
		o.LogSize = 10 << 20
	}
	if o.LogKeep == 0 {
		o.LogKeep = 7 * 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o, nil
}
